"""Chart specs of one experiment over its days."""

from collections.abc import Sequence

from pacer_pipelines.dashboard.drawing import (
    BLUE,
    DASHES,
    INK,
    MUTED,
    SHAPES,
    VARIANT_COLOURS,
    VERDICT_COLOURS,
    Row,
    Spec,
    frame,
    level,
    over_days,
    quantity,
    upright,
    variant_colour,
    verdict_colour,
)
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.values import Finding, Verdict
from pacer_pipelines.decisions.wording import enough_to_show, metric_name
from pacer_pipelines.plan import Plan


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
        level(0, INK, [1, 0], say("figure.no_effect")),
        level(smallest, BLUE, [4, 3], say("figure.worth_a_change", smallest=f"+{smallest:g}")),
        {
            "mark": {"type": "rule", "clip": True, "strokeWidth": 2, "opacity": 0.75},
            "encoding": {
                "y": quantity("low", scale, y_axis),
                "y2": {"field": "high"},
                "color": verdict_colour(),
            },
        },
        {
            "mark": {"type": "point", "clip": True, "filled": True, "size": 55, "opacity": 1},
            "encoding": {"y": quantity("effect", scale, y_axis), "color": verdict_colour()},
        },
    ]
    title = say("figure.effect", metric=metric_name(plan.primary.metric), variant=plan.treatment.variant)
    return over_days(title, rows, layers)


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
        level(0, MUTED, [1, 0], ""),
        {
            "mark": {"type": "line", "clip": True, "color": BLUE, "strokeDash": [4, 3], "strokeWidth": 2},
            "encoding": {"y": quantity("bar", scale, y_axis)},
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
            "encoding": {"y": quantity("bar", scale, y_axis)},
        },
        {
            "mark": {"type": "line", "clip": True, "color": MUTED, "strokeWidth": 1},
            "encoding": {"y": quantity("z", scale, y_axis)},
        },
        {
            "mark": {"type": "point", "clip": True, "filled": True, "size": 55, "opacity": 1},
            "encoding": {"y": quantity("z", scale, y_axis), "color": verdict_colour()},
        },
    ]
    return over_days(say("figure.strength"), rows, layers)


def detectable_chart(title: str, rows: list[Row]) -> Spec:
    """The smallest effect that is found with 80 % power, day by day, in points, and the one that is worth a change.

    Args:
        title: what is drawn.
        rows: one per day: day, detectable and worth, in points.
    """
    # the first days' huge numbers are cut
    known = sorted(row["detectable"] for row in rows)
    top = 1.25 * max(
        [*known[: max(len(known) * 3 // 4, 1)], *(2 * row["worth"] for row in rows)], default=1.0
    )
    scale = {"domain": [0, top], "nice": False}
    y_axis = {"title": say("figure.points"), "tickCount": 6}
    worth = rows[-1]["worth"] if rows else 0.0
    layers = [
        level(worth, BLUE, [4, 3], say("figure.worth_a_change", smallest=f"+{worth:g}")),
        {
            "mark": {"type": "line", "clip": True, "color": INK, "strokeWidth": 2},
            "encoding": {"y": quantity("detectable", scale, y_axis)},
        },
        {
            "mark": {"type": "point", "clip": True, "filled": True, "size": 45, "color": INK, "opacity": 1},
            "encoding": {"y": quantity("detectable", scale, y_axis)},
        },
    ]
    return over_days(title, rows, layers)


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
                "y": quantity("so_far", scale, y_axis),
                "color": variant_colour(),
                "strokeDash": {"field": "variant", "type": "nominal", "legend": None, "scale": DASHES},
            },
        },
        {
            "mark": {"type": "point", "clip": True, "size": 30, "opacity": 0.9},
            "encoding": {
                "y": quantity("rate", scale, y_axis),
                "color": variant_colour(),
                "shape": {"field": "variant", "type": "nominal", "legend": None, "scale": SHAPES},
            },
        },
    ]
    return over_days(title, rows, layers)


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
            "encoding": {"y": quantity("planned", scale, y_axis)},
        },
        {
            "mark": {
                "type": "point", "clip": True, "filled": True, "size": 45, "opacity": 1, "shape": "square",
                "color": VARIANT_COLOURS["treatment"],
            },
            "encoding": {"y": quantity("served", scale, y_axis)},
        },
    ]  # fmt: skip
    return over_days(title, rows, layers)


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
        upright(0, INK, [1, 0]),
        upright(-100, VERDICT_COLOURS["rollback"], [4, 3]),
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
    return {**frame(title, rows, layers), "height": {"step": 38}}


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
            "x": quantity(
                "percent", {"domain": [0, 100]}, {"title": say("figure.of_requests"), "tickCount": 6}
            ),
            "color": variant_colour(),
        },
    }
    return {**frame(title, rows, [bars]), "height": {"step": 18}}


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
