"""The figures of an experiment: each a chart, and the numbers that it is drawn from as a table and as CSV."""

from collections.abc import Callable, Iterable

from pacer_pipelines.dashboard.charts import (
    detectable_chart,
    effect_chart,
    funnel_chart,
    margin_chart,
    rate_chart,
    share_chart,
    strength_chart,
)
from pacer_pipelines.dashboard.drawing import Figure, Row, Spec
from pacer_pipelines.dashboard.health_figures import delay, hours, split
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.daily import VARIANTS, RateDay, cumulative, share_of_treatment
from pacer_pipelines.decisions.detectable import detectable
from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.decisions.wording import FEWEST_UNITS, enough_to_show, metric_name


def figures(seen: Seen) -> dict[str, Figure]:
    """Every figure of an experiment that has something to draw, by name, in the order of the page."""
    found = (make(seen) for make in MAKERS)
    return {figure.name: figure for figure in found if figure.rows}


def effect(seen: Seen) -> Figure:
    """The primary effect and its always-valid interval."""
    spec = effect_chart(seen.verdicts, seen.plan)
    return _of_spec(
        "effect", spec, ("day", "effect", "low", "high", "verdict"),
        say("figure.effect_note"),
    )  # fmt: skip


def strength(seen: Seen) -> Figure:
    """z* against the promote bar."""
    spec = strength_chart(seen.verdicts, seen.plan)
    return _of_spec("strength", spec, ("day", "z", "bar", "verdict"), say("figure.strength_note"))


def planner(seen: Seen) -> Figure:
    """What the experiment can find by each day, beside what it is looking for."""
    primary = seen.plan.primary
    each = (
        (day.day, next((each for each in day.findings if each.metric == primary.metric), None))
        for day in seen.verdicts
    )
    rows = tuple(
        {
            "day": day,
            "detectable": round(100 * found.now, 2),
            "at_best": round(100 * found.at_best, 2),
            "worth": round(100 * primary.smallest_effect, 2),
        }
        for day, finding in each
        if finding and enough_to_show(finding) and (found := detectable(finding, seen.plan))
    )
    title = say("figure.planner")
    columns = ("day", "detectable", "at_best", "worth")
    return Figure(
        "planner", title, say("figure.planner_note"), columns, rows, detectable_chart(title, list(rows))
    )


def good_rate(seen: Seen) -> Figure:
    """The primary metric of each variant, per day and so far."""
    metric = seen.plan.primary.metric
    title = say("figure.good_rate", metric=metric_name(metric))
    return _rates(seen, metric, "good_rate", title, say("figure.good_rate_note"))


def rating_rate(seen: Seen) -> Figure:
    """How many mature requests are rated."""
    return _rates(
        seen, "rating_rate", "rating_rate", say("figure.rating_rate"), say("figure.rating_rate_note")
    )


def _rates(seen: Seen, metric: str, name: str, title: str, note: str) -> Figure:
    each = seen.daily.of_metric(metric)
    rows: tuple[Row, ...] = tuple(
        {
            "day": seen.day_number(day.date),
            "variant": day.variant,
            "rate": _percent(day),
            "so_far": _percent(so_far),
            "n": int(so_far.n) if so_far.rate is not None else None,
        }
        for day, so_far in zip(sorted(each), cumulative(each), strict=True)
    )
    columns = ("day", "variant", "rate", "so_far", "n")
    return Figure(name, title, note, columns, rows, rate_chart(title, list(rows)))


def guarded(seen: Seen) -> Figure:
    """Guarded metrics with their intervals, in shares of their margins."""
    rows = tuple(
        {
            "metric": metric_name(finding.metric),
            "effect": _of_margin(finding, finding.effect),
            "low": min(_of_margin(finding, end) for end in finding.interval),
            "high": max(_of_margin(finding, end) for end in finding.interval),
            "finding": finding.label,
        }
        for finding in (seen.latest.findings if seen.latest else ())
        if finding.role in ("secondary", "guardrail")
        if finding.margin and finding.effect is not None and finding.interval and enough_to_show(finding)
    )
    title = say("figure.guarded")
    note = say("figure.guarded_note")
    columns = ("metric", "effect", "low", "high", "finding")
    return Figure("guarded", title, note, columns, rows, margin_chart(title, list(rows)))


def _of_margin(finding: Finding, value: float) -> float:
    better = value if finding.better == "higher" else -value
    return round(100 * better / (finding.margin or 1.0), 1)


def share(seen: Seen) -> Figure:
    """What the flag said and what was served."""
    served = share_of_treatment(seen.daily.calls)
    planned = {verdict.date: verdict.share_before for verdict in seen.verdicts}
    rows = tuple(
        {
            "day": seen.day_number(day),
            "planned": planned.get(day),
            "served": round(100 * served[day], 2) if day in served else None,
        }
        for day in sorted(planned.keys() | served.keys())
    )
    changes = [{"day": seen.day_number(change.at.date())} for change in seen.changes if change.at]
    title = say("figure.share", variant=seen.plan.treatment.variant)
    note = say("figure.share_note")
    return Figure(
        "share", title, note, ("day", "planned", "served"), rows, share_chart(title, list(rows), changes)
    )


def funnel(seen: Seen) -> Figure:
    """From the request to the card."""
    rows = tuple(row for variant in VARIANTS for row in _stages(seen, variant))
    ordered = tuple(sorted(rows, key=lambda row: STAGES.index(row["stage"])))
    title = say("figure.funnel")
    note = say("figure.funnel_note")
    columns = ("stage", "variant", "count", "of", "percent")
    return Figure("funnel", title, note, columns, ordered, funnel_chart(title, list(ordered)))


STAGES = tuple(say(f"figure.{stage}") for stage in ("requests", "approved", "card_made", "reviewed"))


def _stages(seen: Seen, variant: str) -> Iterable[Row]:
    cards = seen.daily.total("card_rate", variant)
    if cards is None or cards.rate is None:
        return
    approved = sum(
        row.requests for row in seen.daily.decisions if (row.variant, row.decision) == (variant, "APPROVE")
    )
    # stage by stage: how many, of how many, and what share of the requests these stand for
    counts = [(cards.n, cards.n, 1.0), (approved, cards.n, 1.0), (cards.y, cards.n, 1.0)]
    old = next((row for row in seen.daily.cards if row.variant == variant), None)
    if old is not None and old.cards >= FEWEST_UNITS:
        counts.append((old.reviewed, old.cards, cards.rate))
    for stage, (count, of, share) in zip(STAGES, counts, strict=False):
        yield {
            "stage": stage,
            "variant": variant,
            "count": int(count),
            "of": int(of),
            "percent": round(100 * share * count / of, 1),
        }


MAKERS: tuple[Callable[[Seen], Figure], ...] = (
    effect, strength, good_rate, guarded, planner, share, split, rating_rate, delay, funnel, hours,
)  # fmt: skip


def _of_spec(name: str, spec: Spec, columns: tuple[str, ...], note: str) -> Figure:
    return Figure(name, spec["title"]["text"], note, columns, tuple(spec["data"]["values"]), spec)


def _percent(row: RateDay) -> float | None:
    return None if row.rate is None else round(100 * row.rate, 2)
