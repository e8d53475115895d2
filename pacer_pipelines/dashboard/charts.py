"""Chart specs (Vega-Lite, as dicts) of one experiment over its days, and their drawing as SVG.

Colours are the light theme's; the page's style sheet maps each of them to the reader's theme.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.values import Finding, Verdict
from pacer_pipelines.decisions.wording import enough_to_show, metric_name
from pacer_pipelines.plan import Plan

Spec = dict[str, Any]
Row = dict[str, Any]

INK, MUTED, GRID, BLUE = "#1f2328", "#59636e", "#d1d9e0", "#0969da"
# variants: apart for every kind of colour vision, and by shape and dash as well (Okabe and Ito, 2008)
VARIANT_COLOURS = {"control": "#d55e00", "treatment": "#0072b2"}
VERDICT_COLOURS = {"promote": "#1a7f37", "hold": "#9a6700", "rollback": "#d1242f"}
WIDTH, HEIGHT = 440, 230
_CLIP = re.compile(r"\bclip\d+")
VEGA_LITE = "6.4"


def effect_chart(verdicts: Sequence[Verdict], plan: Plan) -> Spec:
    """The primary effect with its always-valid interval, day by day, in points.

    Zero and the smallest effect of interest are drawn; the colour of a point is that day's verdict.

    Args:
        verdicts: one per day, oldest first.
        plan: gives the primary metric and the smallest effect of interest.
    """
    rows: list[Row] = [
        {
            "day": verdict.day,
            "verdict": verdict.verdict,
            "effect": _points(finding.effect),
            "low": _points(finding.interval[0]) if finding.interval else None,
            "high": _points(finding.interval[1]) if finding.interval else None,
        }
        for verdict, finding in _shown(verdicts, plan.primary.metric)
        if finding.effect is not None
    ]
    smallest = plan.primary.smallest_effect * 100
    limit = _limit(rows, smallest)
    scale = {"domain": [-limit, limit], "nice": False}
    y_axis = {"title": say("figure.points"), "format": "d", "tickCount": 7}
    layers = [
        _level(0, INK, [1, 0], say("figure.no_effect")),
        _level(smallest, BLUE, [4, 3], say("figure.worth_a_change", smallest=f"+{smallest:g}")),
        {
            "mark": {"type": "rule", "clip": True, "strokeWidth": 2, "opacity": 0.75},
            "encoding": {
                "y": _axis("low", scale, y_axis),
                "y2": {"field": "high"},
                "color": _verdict_colour(),
            },
        },
        {
            "mark": {"type": "point", "clip": True, "filled": True, "size": 55, "opacity": 1},
            "encoding": {"y": _axis("effect", scale, y_axis), "color": _verdict_colour()},
        },
    ]
    title = say("figure.effect", metric=metric_name(plan.primary.metric), variant=plan.treatment.variant)
    return _chart(title, rows, layers)


def strength_chart(verdicts: Sequence[Verdict], plan: Plan) -> Spec:
    """z* of the primary metric against the promote bar, day by day.

    Args:
        verdicts: one per day, oldest first.
        plan: gives the primary metric.
    """
    rows: list[Row] = [
        {"day": verdict.day, "verdict": verdict.verdict, "z": finding.z_star, "bar": finding.bar}
        for verdict, finding in _shown(verdicts, plan.primary.metric)
        if finding.z_star is not None and finding.bar is not None
    ]
    values = [row["z"] for row in rows]
    low, high = min([-1.0, *values]) - 0.3, max([5.0, *values]) + 0.3
    scale = {"domain": [low, high], "nice": False}
    y_axis = {"title": "z*", "format": "d", "tickCount": 7}
    layers = [
        _level(0, MUTED, [1, 0], ""),
        {
            "mark": {"type": "line", "clip": True, "color": BLUE, "strokeDash": [4, 3], "strokeWidth": 2},
            "encoding": {"y": _axis("bar", scale, y_axis)},
        },
        {
            "data": {"values": rows[-1:]},
            "mark": {
                "type": "text",
                "text": say("figure.promote_bar"),
                "lineBreak": "\n",
                "color": BLUE,
                "align": "left",
                "dx": 16,
                "fontSize": 12,
            },
            "encoding": {"y": _axis("bar", scale, y_axis)},
        },
        {
            "mark": {"type": "line", "clip": True, "color": MUTED, "strokeWidth": 1},
            "encoding": {"y": _axis("z", scale, y_axis)},
        },
        {
            "mark": {"type": "point", "clip": True, "filled": True, "size": 55, "opacity": 1},
            "encoding": {"y": _axis("z", scale, y_axis), "color": _verdict_colour()},
        },
    ]
    return _chart(say("figure.strength"), rows, layers)


def rate_chart(title: str, rows: list[Row]) -> Spec:
    """A rate of both variants over the days, in percent: each day as a point, all days so far as a line.

    Args:
        title: what is drawn.
        rows: one per day and variant: day, variant, rate and so_far, in percent; None is not drawn.
    """
    known = [row[name] for row in rows for name in ("rate", "so_far") if row[name] is not None]
    low, high = min(known, default=0.0), max(known, default=100.0)
    room = max(1.0, 0.08 * (high - low))
    scale = {"domain": [max(0.0, low - room), min(100.0, high + room)], "nice": False}
    y_axis = {"title": "%", "tickCount": 6}
    layers = [
        {
            "mark": {"type": "line", "clip": True, "strokeWidth": 2},
            "encoding": {
                "y": _axis("so_far", scale, y_axis),
                "color": _variant_colour(),
                "strokeDash": {"field": "variant", "type": "nominal", "legend": None, "scale": _DASHES},
            },
        },
        {
            "mark": {"type": "point", "clip": True, "size": 30, "opacity": 0.9},
            "encoding": {
                "y": _axis("rate", scale, y_axis),
                "color": _variant_colour(),
                "shape": {"field": "variant", "type": "nominal", "legend": None, "scale": _SHAPES},
            },
        },
    ]
    return _chart(title, rows, layers)


_NAMES = list(VARIANT_COLOURS)
_DASHES = {"domain": _NAMES, "range": [[6, 3], [1, 0]]}
_SHAPES = {"domain": _NAMES, "range": ["circle", "square"]}


def _variant_colour() -> Spec:
    scale = {"domain": _NAMES, "range": list(VARIANT_COLOURS.values())}
    return {
        "field": "variant",
        "type": "nominal",
        "scale": scale,
        "legend": {"title": None, "orient": "bottom"},
    }


def share_chart(title: str, rows: list[Row], changes: list[Row]) -> Spec:
    """The treatment's share of traffic over the days: what the flag said as steps, what was served as points.

    Args:
        title: what is drawn.
        rows: one per day: day, planned and served, in percent; None is not drawn.
        changes: one per change of the flag: day.
    """
    scale = {"domain": [0, 100], "nice": False}
    y_axis = {"title": say("figure.of_traffic"), "tickCount": 6}
    layers = [
        {
            "data": {"values": changes},
            "mark": {"type": "rule", "clip": True, "color": MUTED, "strokeDash": [2, 3]},
            "encoding": {},
        },
        {
            "mark": {"type": "line", "clip": True, "interpolate": "step-after", "color": INK, "strokeWidth": 2},
            "encoding": {"y": _axis("planned", scale, y_axis)},
        },
        {
            "mark": {
                "type": "point", "clip": True, "filled": True, "size": 45, "opacity": 1, "shape": "square",
                "color": VARIANT_COLOURS["treatment"],
            },
            "encoding": {"y": _axis("served", scale, y_axis)},
        },
    ]  # fmt: skip
    return _chart(title, rows, layers)


def margin_chart(title: str, rows: list[Row]) -> Spec:
    """Guarded metrics against what they may lose, each in shares of its margin: right is better, -100 % is the margin.

    Args:
        title: what is drawn.
        rows: one per metric: metric, effect, low and high in percent of the margin, and finding.
    """
    ends = [abs(row[name]) for row in rows for name in ("low", "high")]
    limit = 1.1 * max([120.0, *ends])
    x = {
        "type": "quantitative",
        "scale": {"domain": [-limit, limit], "nice": False},
        "axis": {"title": say("figure.of_margin"), "format": "d", "tickCount": 7},
    }
    y = {
        "field": "metric",
        "type": "nominal",
        "sort": None,
        "axis": {"title": None, "labelLimit": 200, "minExtent": 120},
    }
    layers = [
        _upright(0, INK, [1, 0]),
        _upright(-100, VERDICT_COLOURS["rollback"], [4, 3]),
        {
            "mark": {"type": "rule", "clip": True, "strokeWidth": 2, "color": BLUE},
            "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}},
        },
        {
            "mark": {
                "type": "point",
                "clip": True,
                "filled": True,
                "size": 55,
                "color": BLUE,
                "opacity": 1,
            },
            "encoding": {"y": y, "x": {"field": "effect", **x}},
        },
    ]
    return {**_frame(title, rows, layers), "height": {"step": 38}}


def _upright(value: float, colour: str, dash: list[int]) -> Spec:
    return {
        "data": {"values": [{"level": value}]},
        "mark": {"type": "rule", "color": colour, "strokeDash": dash},
        "encoding": {"x": {"field": "level", "type": "quantitative"}},
    }


def funnel_chart(title: str, rows: list[Row]) -> Spec:
    """How far requests get, per variant, in percent of the requests.

    Args:
        title: what is drawn.
        rows: one per stage and variant: stage, variant, percent.
    """
    bars = {
        "mark": {"type": "bar"},
        "encoding": {
            "y": {
                "field": "stage",
                "type": "nominal",
                "sort": None,
                "axis": {"title": None, "labelLimit": 200, "minExtent": 120},
            },
            "yOffset": {"field": "variant", "type": "nominal"},
            "x": _axis("percent", {"domain": [0, 100]}, {"title": say("figure.of_requests"), "tickCount": 6}),
            "color": _variant_colour(),
        },
    }
    return {**_frame(title, rows, [bars]), "height": {"step": 18}}


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


def _shown(verdicts: Sequence[Verdict], metric: str) -> list[tuple[Verdict, Finding]]:
    found = [
        (verdict, finding) for verdict in verdicts for finding in verdict.findings if finding.metric == metric
    ]
    return [(verdict, finding) for verdict, finding in found if enough_to_show(finding)]


def _points(value: float) -> float:
    return round(value * 100, 3)


def _limit(rows: Sequence[Row], smallest: float) -> float:
    """Half height of the chart: the first days' huge intervals are cut, the last day's is shown whole."""
    ends = [abs(rows[-1][end]) for end in ("low", "high") if rows and rows[-1][end] is not None]
    return 1.25 * float(max([2 * smallest, *ends, *(abs(row["effect"]) for row in rows)]))


def _axis(field: str, scale: Spec, axis: Spec) -> Spec:
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _verdict_colour() -> Spec:
    names = list(VERDICT_COLOURS)
    scale = {"domain": names, "range": [VERDICT_COLOURS[name] for name in names]}
    return {
        "field": "verdict",
        "type": "nominal",
        "scale": scale,
        "legend": {"title": None, "orient": "bottom"},
    }


def _level(value: float, colour: str, dash: list[int], label: str) -> Spec:
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


def _chart(title: str, rows: list[Row], layers: list[Spec]) -> Spec:
    """A chart over the days of the experiment."""
    last = max((row["day"] for row in rows), default=7)
    day = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": [0.5, max(last, 7) + 0.5], "nice": False},
        "axis": {"title": say("figure.day"), "format": "d", "tickMinStep": 1, "grid": False},
    }
    drawn = [layer if "data" in layer and "layer" in layer else _with_day(layer, day) for layer in layers]
    return _frame(title, rows, drawn)


def _frame(title: str, rows: list[Row], layers: list[Spec]) -> Spec:
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
