"""Figures of the experiment's health: the split, what came in by the hour, how long ratings take."""

from datetime import date

from pacer_pipelines.dashboard.drawing import (
    BLUE,
    DASHES,
    INK,
    VARIANT_COLOURS,
    VERDICT_COLOURS,
    Figure,
    Row,
    Spec,
    frame,
    quantity,
    variant_colour,
)
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.daily import VARIANTS, HourSeen, hours_of, rated_within
from pacer_pipelines.decisions.phases import flag_version_of
from pacer_pipelines.decisions.wording import FEWEST_UNITS
from pacer_pipelines.stats import split_limits

# more than this is drawn as this: a flood and twice a flood look alike
MOST_OF_USUAL = 200.0


def split(seen: Seen) -> Figure:
    """Each phase's share of treatment among its units, beside the planned one and what that allows."""
    numbered = enumerate(_phases(seen), start=1)
    rows = tuple(row for number, phase in numbered if (row := _phase_row(seen, phase, number)) is not None)
    columns = ("phase", "control", "treatment", "planned", "seen", "low", "high")
    title = say("figure.split")
    note = say("figure.split_note")
    return Figure("split", title, note, columns, rows, _split_chart(title, list(rows)))


def _phases(seen: Seen) -> list[str]:
    """Phases whose planned split is known, oldest first."""
    began: dict[str, date] = {}
    for row in seen.daily.calls:
        began[row.phase] = min(row.date, began.get(row.phase, row.date))
    phases = dict.fromkeys(row.phase for row in seen.daily.units if flag_version_of(row.phase) in seen.splits)
    return sorted(phases, key=lambda phase: (began.get(phase, date.max), phase))


def _phase_row(seen: Seen, phase: str, number: int) -> Row | None:
    """One phase; None where so few units are new in it that somebody could be recognised."""
    counts = {row.variant: row.units for row in seen.daily.units if row.phase == phase}
    control, treatment = (counts.get(variant, 0.0) for variant in VARIANTS)
    if control + treatment < FEWEST_UNITS:
        return None
    share = seen.splits[flag_version_of(phase)] / 100
    # the k-th phase gets alpha / (k (k + 1)), as the check gives it
    low, high = split_limits(control + treatment, share, seen.plan.alphas.srm / (number * (number + 1)))
    return {
        "phase": phase,
        "control": int(control),
        "treatment": int(treatment),
        "planned": round(100 * share, 2),
        "seen": round(100 * treatment / (control + treatment), 2),
        "low": round(100 * low, 2),
        "high": round(100 * high, 2),
    }


def _split_chart(title: str, rows: list[Row]) -> Spec:
    highest = max((row[name] for row in rows for name in ("high", "seen")), default=0.0)
    scale = {"domain": [0, min(100.0, 1.1 * highest + 1)], "nice": False}
    text = {"title": say("figure.of_units"), "tickCount": 6}
    phase = {
        "field": "phase",
        "type": "nominal",
        "sort": None,
        "axis": {"title": say("figure.phase"), "labelLimit": 120, "minExtent": 50},
    }

    def layer(mark: Spec, field: str, **more: Spec) -> Spec:
        encoding = {"y": phase, "x": quantity(field, scale, text), **more}
        return {"mark": {"clip": True, **mark}, "encoding": encoding}

    dot = {"type": "point", "filled": True, "size": 60, "opacity": 1, "shape": "square"}
    layers = [
        layer({"type": "rule", "strokeWidth": 2, "color": BLUE}, "low", x2={"field": "high"}),
        layer({"type": "tick", "thickness": 2, "size": 18, "color": INK}, "planned"),
        layer({**dot, "color": VARIANT_COLOURS["treatment"]}, "seen"),
    ]
    return {**frame(title, rows, layers), "height": {"step": 38}}


def hours(seen: Seen) -> Figure:
    """What each source brought in each hour of the day, beside what is usual."""
    day = seen.verdicts[-1].date if seen.verdicts else seen.plan.start_date
    rows = tuple(_hour_row(row) for row in hours_of(seen.daily.hours, day, seen.plan.zone))
    title = say("figure.hours", date=day)
    columns = ("source", "hour", "rows", "usual", "percent")
    return Figure("hours", title, say("figure.hours_note"), columns, rows, _hours_chart(title, list(rows)))


def _hour_row(row: HourSeen) -> Row:
    percent = row.of_usual
    return {
        "source": row.source,
        "hour": row.hour,
        "rows": int(row.rows),
        "usual": row.usual,
        "percent": None if percent is None else round(percent, 1),
    }


def _hours_chart(title: str, rows: list[Row]) -> Spec:
    place = {
        "x": {
            "field": "hour",
            "type": "quantitative",
            "scale": {"domain": [-0.5, 23.5], "nice": False},
            "axis": {"title": say("figure.hour"), "format": "d", "tickCount": 12, "grid": False},
        },
        "y": {
            "field": "source",
            "type": "nominal",
            "sort": None,
            "axis": {"title": None, "labelLimit": 200, "minExtent": 120},
        },
    }
    size = {
        "field": "percent",
        "type": "quantitative",
        "scale": {"domain": [0, MOST_OF_USUAL], "range": [0, 260], "clamp": True},
        "legend": None,
    }
    # shapes of their own: not to be told by their colours alone
    alone = {"type": "point", "size": 80, "opacity": 1, "filled": True}
    layers = [
        {
            "transform": [{"filter": "datum.percent > 0"}],
            "mark": {"type": "point", "filled": True, "opacity": 1, "color": BLUE},
            "encoding": {**place, "size": size},
        },
        {
            "transform": [{"filter": "datum.percent === 0"}],
            "mark": {**alone, "shape": "cross", "angle": 45, "color": VERDICT_COLOURS["rollback"]},
            "encoding": place,
        },
        {
            "transform": [{"filter": f"!isValid(datum.percent) && datum.rows >= {FEWEST_UNITS}"}],
            "mark": {**alone, "shape": "diamond", "color": VERDICT_COLOURS["hold"]},
            "encoding": place,
        },
    ]
    return {**frame(title, rows, layers), "height": {"step": 30}}


def delay(seen: Seen) -> Figure:
    """How many mature requests of each variant were rated within so many days."""
    rows = tuple(
        {"variant": variant, "within": days, "rated": round(100 * share, 2)}
        for variant in VARIANTS
        for days, share in rated_within(seen.daily, variant, seen.plan.maturity.rating_days)
    )
    title = say("figure.delay")
    columns = ("variant", "within", "rated")
    return Figure("delay", title, say("figure.delay_note"), columns, rows, _delay_chart(title, list(rows)))


def _delay_chart(title: str, rows: list[Row]) -> Spec:
    last = max((row["within"] for row in rows), default=1)
    days = {
        "field": "within",
        "type": "quantitative",
        "scale": {"domain": [0.5, last + 0.5], "nice": False},
        "axis": {"title": say("figure.days_after"), "format": "d", "tickMinStep": 1, "grid": False},
    }
    top = max((row["rated"] for row in rows), default=100.0)
    scale = {"domain": [0, min(100.0, 1.1 * top + 1)], "nice": False}
    line = {
        "mark": {"type": "line", "clip": True, "strokeWidth": 2, "point": {"size": 40}},
        "encoding": {
            "x": days,
            "y": quantity("rated", scale, {"title": say("figure.of_requests"), "tickCount": 6}),
            "color": variant_colour(),
            "strokeDash": {"field": "variant", "type": "nominal", "legend": None, "scale": DASHES},
        },
    }
    return frame(title, rows, [line])
