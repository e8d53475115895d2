"""What a figure is: a chart and the numbers that it is drawn from; the parts of a chart, and its drawing.

Charts are Vega-Lite specs, as dicts. Their colours are the light theme's; the page's style sheet maps each of them to
the reader's theme.
"""

import csv
import io
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

from pacer_pipelines.decisions.catalogue import say

Spec = dict[str, Any]
Row = dict[str, Any]

INK, MUTED, GRID, BLUE = "#1f2328", "#59636e", "#d1d9e0", "#0969da"
# variants: apart for every kind of colour vision, and by shape and dash as well (Okabe and Ito, 2008)
VARIANT_COLOURS = {"control": "#d55e00", "treatment": "#0072b2"}
VERDICT_COLOURS = {"promote": "#1a7f37", "hold": "#9a6700", "rollback": "#d1242f"}
WIDTH, HEIGHT = 440, 230
_PARTS = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
_CLIP = re.compile(r"\bclip\d+")
VEGA_LITE = "6.4"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its numbers; ``note`` says how to read it. ``rows`` are what the chart is given, nothing else."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    spec: Spec

    def cells(self) -> list[tuple[str, ...]]:
        """The numbers as text, one line per row."""
        return [tuple(_text(row.get(column)) for column in self.columns) for row in self.rows]

    def csv(self) -> str:
        """The numbers as CSV, with a head."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.columns, *self.cells()])
        return file.getvalue()


def quantity(field: str, scale: Spec, axis: Spec) -> Spec:
    """The encoding of a number."""
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def verdict_colour() -> Spec:
    """The encoding of a verdict as a colour, with a legend."""
    names = list(VERDICT_COLOURS)
    scale = {"domain": names, "range": [VERDICT_COLOURS[name] for name in names]}
    return {
        "field": "verdict",
        "type": "nominal",
        "scale": scale,
        "legend": {"title": None, "orient": "bottom"},
    }


def level(value: float, colour: str, dash: list[int], label: str) -> Spec:
    """A horizontal line with its name at the right end."""
    place = {"align": "left", "baseline": "middle", "dx": 6, "dy": -9 if value > 0 else 5, "fontSize": 12}
    text = {"type": "text", "text": label, "lineBreak": "\n", "color": colour, **place}
    return {
        "data": {"values": [{"level": value}]},
        "encoding": {"y": {"field": "level", "type": "quantitative"}},
        "layer": [
            {"mark": {"type": "rule", "color": colour, "strokeDash": dash}},
            {"mark": text, "encoding": {"x": {"value": WIDTH}}},
        ],
    }


def over_days(title: str, rows: list[Row], layers: list[Spec]) -> Spec:
    """A chart over the days of the experiment."""
    last = max((row["day"] for row in rows), default=7)
    day = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": [0.5, max(last, 7) + 0.5], "nice": False},
        "axis": {"title": say("figure.day"), "format": "d", "tickMinStep": 1, "grid": False},
    }
    drawn = [layer if "data" in layer and "layer" in layer else _with_day(layer, day) for layer in layers]
    return frame(title, rows, drawn)


def frame(title: str, rows: list[Row], layers: list[Spec]) -> Spec:
    """A chart of these layers, with everything that all charts have in common."""
    text = {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 400,
    }
    lines = {"gridColor": GRID, "gridOpacity": 0.7, "domainColor": GRID, "tickColor": GRID}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": None,
        # letters are measured narrower than some readers' fonts are
        "padding": {"left": 5, "top": 5, "right": 16, "bottom": 5},
        "width": WIDTH,
        "height": HEIGHT,
        "title": {
            "text": title,
            "anchor": "start",
            "color": INK,
            "fontSize": 14,
            "fontWeight": 600,
            "offset": 12,
        },
        "data": {"values": rows},
        "layer": layers,
        "config": {"font": "sans-serif", "view": {"stroke": None}, "axis": {**text, **lines}, "legend": text},
    }


def _with_day(layer: Spec, day: Spec) -> Spec:
    return {**layer, "encoding": {"x": day, **layer["encoding"]}}


_NAMES = list(VARIANT_COLOURS)
DASHES = {"domain": _NAMES, "range": [[6, 3], [1, 0]]}
SHAPES = {"domain": _NAMES, "range": ["circle", "square"]}


def variant_colour() -> Spec:
    """The encoding of a variant as a colour, with a legend."""
    scale = {"domain": _NAMES, "range": list(VARIANT_COLOURS.values())}
    return {
        "field": "variant",
        "type": "nominal",
        "scale": scale,
        "legend": {"title": None, "orient": "bottom"},
    }


def upright(value: float, colour: str, dash: list[int]) -> Spec:
    """A vertical line."""
    return {
        "data": {"values": [{"level": value}]},
        "mark": {"type": "rule", "color": colour, "strokeDash": dash},
        "encoding": {"x": {"field": "level", "type": "quantitative"}},
    }


def draw(spec: Spec, name: str) -> str:
    """The chart as an SVG element, to be put into a page.

    Args:
        spec: Vega-Lite spec.
        name: unique on the page; keeps the ids inside apart from those of other charts.
    """
    return _drawn(json.dumps(spec), spec["title"]["text"], name)


# the same chart for the next viewer
@lru_cache(maxsize=128)
def _drawn(spec: str, title: str, name: str) -> str:
    import vl_convert

    svg = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    # clips are counted per process; the same chart has to be the same bytes
    clips = {clip: f"clip{number}" for number, clip in enumerate(dict.fromkeys(_CLIP.findall(svg)), start=1)}
    svg = _CLIP.sub(lambda match: clips[match.group()], svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = _PARTS.sub("", svg)
    # one picture with one name; its numbers are a table for whoever does not see it
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


def picture(spec: Spec) -> bytes:
    """The chart as a PNG on white, twice as large as on a page, for a reader who has no page.

    Args:
        spec: Vega-Lite spec.
    """
    import vl_convert

    framed = {**spec, "background": "#ffffff", "padding": 16}
    return bytes(vl_convert.vegalite_to_png(json.dumps(framed), vl_version=VEGA_LITE, scale=2))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
