"""The picture of the season: B's share of traffic in each world, and the verdict of every day under it."""

from collections.abc import Sequence
from typing import Any

from pacer_pipelines.dashboard.drawing import BLUE, GRID, INK, MUTED, VERDICT_COLOURS, draw

from .truth import FIRST_HARM, FIRST_LOSS

Spec = dict[str, Any]
WIDTH, HEIGHT, DAYS = 760, 130, 42
# a word, its colour and its shape: told apart without colour too
CHECKED, QUIET = "#8250df", "#afb8c1"
WORDS = {
    "promote": (VERDICT_COLOURS["promote"], "triangle-up"),
    "hold: waiting": (QUIET, "circle"),
    "hold: conflict": (VERDICT_COLOURS["hold"], "diamond"),
    "hold: a check failed": (CHECKED, "square"),
    "rollback": (VERDICT_COLOURS["rollback"], "triangle-down"),
    "hold: closed": (QUIET, "cross"),
}
KINDS = {"health": "hold: a check failed", "closed": "hold: closed", "conflict": "hold: conflict"}
TITLES = {
    "win": "B is better",
    "harm": "B turns harmful",
    "broken": "The log is broken",
}
EVENTS = {
    "win": (1, "from day 1: B is 9 points better"),
    "harm": (FIRST_HARM, f"from day {FIRST_HARM}: B is 20 points worse"),
    "broken": (FIRST_LOSS, f"from day {FIRST_LOSS}: three hours of the log are lost every day"),
}


def season_picture(summaries: Sequence[dict[str, Any]]) -> str:
    """Give the SVG: one panel per world, the truth above, the verdicts below."""
    said = {_word(row) for summary in summaries for row in summary["days"]}
    seen = [word for word in WORDS if word in said]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "padding": 16,
        "spacing": 22,
        "vconcat": [_panel(summary, seen) for summary in summaries],
        "config": {"font": "sans-serif", "view": {"stroke": None}, "axis": _axis_style()},
    }
    return draw(spec, "season")


def _panel(summary: dict[str, Any], seen: list[str]) -> Spec:
    world, days = summary["world"], summary["days"]
    rows = [{"day": row["day"], "served": row["served"], "word": _word(row)} for row in days]
    is_last = world == "broken"
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "title": {
            "text": TITLES[world], "subtitle": _ending(days), "anchor": "start", "frame": "bounds",
            "color": INK, "fontSize": 14, "fontWeight": 600, "offset": 8,
            "subtitleColor": MUTED, "subtitleFontSize": 12,
        },
        "data": {"values": rows},
        "layer": [*_share(rows, is_last), *_event(*EVENTS[world], is_last), _verdicts(seen, is_last)],
    }  # fmt: skip


def _share(rows: list[Spec], is_last: bool) -> list[Spec]:
    """B's share as steps from the start of each day to its end."""
    edges = [*rows, {**rows[-1], "day": rows[-1]["day"] + 1}]
    data = {"values": [{"edge": row["day"] - 0.5, "served": row["served"]} for row in edges]}
    x = _across("edge", is_last)
    y = {
        "field": "served", "type": "quantitative", "scale": {"domain": [-24, 104], "nice": False},
        "axis": {"title": "B's share, %", "values": [0, 25, 50, 100], "domain": False},
    }  # fmt: skip
    area = {"type": "area", "interpolate": "step-after", "color": BLUE, "opacity": 0.14}
    line = {"type": "line", "interpolate": "step-after", "color": BLUE, "strokeWidth": 2}
    return [
        {"data": data, "mark": area, "encoding": {"x": x, "y": y, "y2": {"datum": 0}}},
        {"data": data, "mark": line, "encoding": {"x": x, "y": y}},
    ]


def _event(day: int, text: str, is_last: bool) -> list[Spec]:
    """When the truth begins that the rules have to find."""
    data = {"values": [{"edge": day - 0.5, "top": 104, "low": 0}]}
    x = _across("edge", is_last)
    y = {"field": "top", "type": "quantitative"}
    rule = {"type": "rule", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1.3}
    words = {
        "type": "text", "text": text, "align": "left", "baseline": "top", "dx": 7, "dy": 12, "color": INK,
        "fontSize": 12, "fontStyle": "italic",
    }  # fmt: skip
    return [
        {"data": data, "mark": rule, "encoding": {"x": x, "y": y, "y2": {"field": "low"}}},
        {"data": data, "mark": words, "encoding": {"x": x, "y": y}},
    ]


def _verdicts(names: list[str], is_last: bool) -> Spec:
    """One mark per day, in a strip under the share."""
    word = {"field": "word", "type": "nominal", "sort": names}
    legend = {
        "title": None, "orient": "bottom", "direction": "horizontal", "labelFontSize": 12, "labelColor": INK,
        "symbolSize": 90, "columnPadding": 22, "offset": 14,
    }  # fmt: skip
    colours, shapes = ([WORDS[name][part] for name in names] for part in (0, 1))
    return {
        "mark": {"type": "point", "filled": True, "opacity": 1, "strokeWidth": 2},
        "encoding": {
            "x": _across("day", is_last),
            "y": {"datum": -13, "type": "quantitative"},
            "color": {**word, "scale": {"domain": names, "range": colours}, "legend": legend},
            "shape": {**word, "scale": {"domain": names, "range": shapes}, "legend": legend},
            "size": {"condition": {"test": "indexof(datum.word, 'hold') == 0", "value": 42}, "value": 120},
        },
    }


def _word(row: dict[str, Any]) -> str:
    return row["verdict"] if row["verdict"] != "hold" else KINDS.get(row["rule"], "hold: waiting")


def _ending(days: Sequence[dict[str, Any]]) -> str:
    """What happened, from the verdicts alone."""
    said = [
        f"{row['verdict']} on day {row['day']} ({row['flag_before']['share']:g} to {row['flag_after']['share']:g} %)"
        for row in days
        if row["flag_after"] != row["flag_before"]
    ]
    return ", ".join(said) if said else f"B stays at {days[-1]['flag_after']['share']:g} %"


def _across(field: str, is_last: bool) -> Spec:
    """The days, labelled under the last panel only."""
    axis = {
        "title": "day of the experiment", "values": [1, *range(7, DAYS + 1, 7)], "format": "d", "grid": False,
        "domain": False,
    }  # fmt: skip
    scale = {"domain": [0.2, DAYS + 0.8], "nice": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis if is_last else None}


def _axis_style() -> Spec:
    return {
        "labelColor": MUTED, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400,
        "gridColor": GRID, "gridOpacity": 0.7, "domainColor": GRID, "tickColor": GRID,
    }  # fmt: skip
