"""The plots of the calibration: what is promoted wrongly by which rule, and how long a right word takes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pacer_pipelines.dashboard.drawing import GRID, INK, MUTED, draw

from .tally import OURS, Tally, standard_error

# Okabe and Ito's colours, told apart by colour-blind readers; shapes and dashes say the same once more
COLOURS = ("#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
SHAPES = ("circle", "square", "triangle-up", "diamond")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 0], [6, 3], [2, 2])
BETTER = (
    "+5 points, by request",
    "+3 points, by request",
    "+3 points, by request, whole weeks",
    "+3 points, by student at 50 %, covariate",
    "+3 points, by student at 50 %",
    "null, by request",
)
HARMFUL = (
    "B fails in 5 % of judgements",
    "-15 points, by request",
    "+5 points, cards and reviews -10 %",
    "-5 points, by request",
    "-5 points, by student at 50 %",
    "-3 points, by request",
    "-5 points, by student",
)
Spec = dict[str, Any]


def all_plots(tallies: Mapping[str, Tally]) -> dict[str, str]:
    """SVG by file name."""
    return {
        "false-promotion": draw(false_promotion(tallies), "false-promotion"),
        "days-to-promote": draw(
            days_until(tallies, BETTER, "promoted", "Worlds in which B has been promoted, by day"),
            "days-to-promote",
        ),
        "days-to-rollback": draw(
            days_until(tallies, HARMFUL, "rolled_back", "Worlds in which B has been rolled back, by day"),
            "days-to-rollback",
        ),
    }


def false_promotion(tallies: Mapping[str, Tally]) -> Spec:
    """One row per kind of worthless B, one mark per rule, with two standard errors for ours."""
    kinds = [name for name in tallies if name.startswith("null")]
    rules = list(next(iter(tallies.values())).rules)
    rows = [
        {"kind": name.removeprefix("null, "), "rule": rule, **_percent(tallies[name], rule)}
        for name in kinds
        for rule in rules
    ]
    shape = {"field": "rule", "type": "nominal", "sort": rules}
    place = {
        "field": "kind", "type": "nominal", "sort": [name.removeprefix("null, ") for name in kinds],
        "axis": {"title": None, "labelLimit": 320, "grid": True, "ticks": False, "domain": False, "offset": 12},
    }  # fmt: skip
    across = {
        "field": "percent", "type": "quantitative", "scale": {"type": "sqrt", "domain": [0, 100], "nice": False},
        "axis": {"title": "% of worlds with a promotion (square-root scale)", "values": [0, 1, 2, 5, 10, 20, 50, 100]},
    }  # fmt: skip
    marks: list[Spec] = [
        {
            "data": {"values": [{"percent": 5}]},
            "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"x": across},
        },
        {
            "transform": [{"filter": f"datum.rule == '{OURS}'"}],
            "mark": {"type": "rule", "color": COLOURS[0], "strokeWidth": 3, "opacity": 0.45},
            "encoding": {"x": {**across, "field": "low"}, "x2": {"field": "high"}, "y": place},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1},
            "encoding": {
                "x": across,
                "y": place,
                "color": {
                    **shape,
                    "scale": {"domain": rules, "range": COLOURS[: len(rules)]},
                    "legend": _legend(),
                },
                "shape": {**shape, "scale": {"domain": rules, "range": SHAPES}, "legend": _legend()},
            },
        },
    ]
    return _page(
        "A worthless B is promoted: 5 % is what was promised (line)", rows, marks, 430, 24 * len(kinds)
    )


def days_until(tallies: Mapping[str, Tally], kinds: Sequence[str], what: str, title: str) -> Spec:
    """Share of worlds over days, one line per kind of world."""
    named = {name: name.replace("null", "no effect") for name in kinds if name in tallies}
    shown = list(named.values())
    rows = [
        {"kind": text, "day": day, "percent": percent}
        for name, text in named.items()
        for day, percent in _cumulative(getattr(tallies[name].rules[OURS], what), tallies[name])
    ]
    kind = {"field": "kind", "type": "nominal", "sort": shown}
    lines = {
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.2},
        "encoding": {
            "x": {
                "field": "day", "type": "quantitative", "scale": {"domain": [0, 42], "nice": False},
                "axis": {"title": "day of the experiment", "values": [0, 7, 14, 21, 28, 35, 42], "grid": False},
            },
            "y": {
                "field": "percent", "type": "quantitative", "scale": {"domain": [0, 100]},
                "axis": {"title": "% of worlds"},
            },
            "color": {**kind, "scale": {"domain": shown, "range": COLOURS[: len(shown)]}, "legend": _legend(1)},
            "strokeDash": {**kind, "scale": {"domain": shown, "range": DASHES[: len(shown)]}, "legend": _legend(1)},
        },
    }  # fmt: skip
    return _page(title, rows, [lines], 430, 260)


def _percent(tally: Tally, rule: str) -> dict[str, float]:
    count = tally.promoted(rule)
    share, error = count / tally.worlds, standard_error(count, tally.worlds)
    low, high = max(share - 2 * error, 0), min(share + 2 * error, 1)
    return {name: round(100 * value, 3) for name, value in (("percent", share), ("low", low), ("high", high))}


def _cumulative(days: Counter[int], tally: Tally) -> list[tuple[int, float]]:
    seen, found = 0, []
    for day in range(tally.cell.days + 1):
        seen += days[day]
        found.append((day, round(100 * seen / tally.worlds, 2)))
    return found


def _legend(columns: int = 2) -> Spec:
    return {
        "title": None, "orient": "bottom", "columns": columns, "labelLimit": 360,
        # lines long enough to show their dashes
        "symbolSize": 130 if columns > 1 else 700, "rowPadding": 2 if columns > 1 else -8,
        "symbolStrokeWidth": 2.2, "labelColor": INK, "labelFontSize": 12,
    }  # fmt: skip


def _page(title: str, rows: list[Spec], layers: list[Spec], width: int, height: int) -> Spec:
    axis = {
        "labelColor": INK, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400,
        "gridColor": GRID, "gridOpacity": 0.7, "domainColor": GRID, "tickColor": GRID,
    }  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "padding": 12,
        "width": width,
        "height": height,
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
        "config": {"font": "sans-serif", "view": {"stroke": None}, "axis": axis},
    }
