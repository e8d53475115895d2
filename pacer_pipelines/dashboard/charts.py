"""Chart specs (Vega-Lite, as dicts) of one experiment over its days, and their drawing as SVG.

Colours are the light theme's; the page's style sheet maps each of them to the reader's theme.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from pacer_pipelines.decisions.values import Finding, Verdict
from pacer_pipelines.decisions.wording import enough_to_show, metric_name
from pacer_pipelines.plan import Plan

Spec = dict[str, Any]
Row = dict[str, Any]

INK, MUTED, GRID, BLUE = "#1f2328", "#59636e", "#d1d9e0", "#0969da"
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
    y_axis = {"title": "points", "format": "d", "tickCount": 7}
    layers = [
        _level(0, INK, [1, 0], "no effect"),
        _level(smallest, BLUE, [4, 3], f"+{smallest:g}: worth\na change"),
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
    title = (
        f"{metric_name(plan.primary.metric)}: effect of {plan.treatment.variant} and always-valid interval"
    )
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
                "text": ["promote", "bar"],
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
    return _chart("Strength of the evidence: z* against the promote bar", rows, layers)


def draw(spec: Spec, name: str) -> str:
    """The chart as an SVG element, to be put into a page.

    Args:
        spec: Vega-Lite spec.
        name: unique on the page; keeps the ids inside apart from those of other charts.
    """
    import vl_convert

    svg = str(vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=VEGA_LITE))
    # clips are counted per process; the same chart has to be the same bytes
    clips = {clip: f"clip{number}" for number, clip in enumerate(dict.fromkeys(_CLIP.findall(svg)), start=1)}
    svg = _CLIP.sub(lambda match: clips[match.group()], svg)
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)


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
    last = max((row["day"] for row in rows), default=7)
    day = {
        "field": "day",
        "type": "quantitative",
        "scale": {"domain": [0.5, max(last, 7) + 0.5], "nice": False},
        "axis": {"title": "day of the experiment", "format": "d", "tickMinStep": 1, "grid": False},
    }
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
        "layer": [
            layer if "data" in layer and "layer" in layer else _with_day(layer, day) for layer in layers
        ],
        "config": {"font": "sans-serif", "view": {"stroke": None}, "axis": {**text, **lines}, "legend": text},
    }


def _with_day(layer: Spec, day: Spec) -> Spec:
    return {**layer, "encoding": {"x": day, **layer["encoding"]}}
