"""The numbers of a day: sums in, one effect per metric out; no bar has judged them yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pacer_pipelines.decisions.marts import DecisionSum, MartRows, MetricSum, strata_of
from pacer_pipelines.metrics import Guarded
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import (
    DecisionSums,
    Effect,
    RelativeEffect,
    Strata,
    TippingPoint,
    cautious_effect,
    decision_weighted,
    estimate_effects,
    per_request_bound,
    relative_effect,
    tipping_point,
)
from pacer_pipelines.stats.arrays import IntArray

MATURE, RATING_RATE, THIS_STEP = "good_rate_mature", "rating_rate", "good_rate_this_step"

# sums of one metric for one or many experiments, and the number of the experiment that a row belongs to
Table = tuple[Strata, IntArray]


@dataclass(frozen=True, slots=True)
class Measured:
    """Effects of one experiment and day.

    ``effects`` has one per metric, ``against_margin`` one per guarded metric with control moved by its margin. The
    rest is worked out when a finding asks for it: the effect weighted by decision, the worst reading of the missing
    ratings (given the difference in rated shares), what would overturn the sign, and an effect relative to control
    (given metric and multiplier).
    """

    effects: Mapping[str, Effect | None]
    against_margin: Mapping[str, Effect | None]
    by_decision: Callable[[], Effect | None]
    bound: Callable[[float], Effect | None]
    tipping: Callable[[], TippingPoint | None]
    relative: Callable[[str, float], RelativeEffect | None]


def metrics_of(plan: Plan) -> tuple[str, ...]:
    """Every metric that a verdict under this plan needs sums of."""
    return (plan.primary.metric, MATURE, RATING_RATE, *(item.metric for item in plan.guarded))


def measure(rows: MartRows, plan: Plan) -> Measured:
    """The effects of one experiment from its marts.

    Where students cross coaches and their sums were read, a second standard error leaves out one student at a time,
    and the larger one counts.
    """
    sums = {metric: strata for metric in metrics_of(plan) if (strata := rows.strata(metric)) is not None}
    effects, against_margin = measure_all({name: _alone(one) for name, one in sums.items()}, 1, plan)[0]
    by_student = {name: one for name in sums if (one := rows.strata_by_student(name)) is not None}
    if by_student:
        tables = {name: _alone(one) for name, one in by_student.items()}
        second, second_margin = measure_all(tables, 1, plan)[0]
        effects = {name: _cautious(one, second.get(name)) for name, one in effects.items()}
        against_margin = {
            name: _cautious(one, second_margin.get(name)) for name, one in against_margin.items()
        }
    good, bad, rated = _per_request(rows)

    def relative(metric: str, multiplier: float) -> RelativeEffect | None:
        both = [relative_effect(one[metric], multiplier) for one in (sums, by_student) if metric in one]
        return max((one for one in both if one), key=lambda one: one.high - one.low, default=None)

    return Measured(
        effects=effects,
        against_margin=against_margin,
        by_decision=lambda: decision_weighted(_decision_sums(rows.decisions)) if rows.decisions else None,
        bound=lambda difference: per_request_bound(good, bad, difference) if good and bad else None,
        tipping=lambda: tipping_point(rated, _good_of_rated(good, bad)) if rated and good and bad else None,
        relative=relative,
    )


Effects = dict[str, Effect | None]


def measure_all(tables: Mapping[str, Table], count: int, plan: Plan) -> list[tuple[Effects, Effects]]:
    """Effects and effects against the margins of many experiments at once, each as if it were alone.

    Args:
        tables: sums by metric; a metric without any row is left out.
        count: how many experiments.
        plan: the plan that all of them obey.

    Returns:
        Per experiment: effect by metric, and effect with control moved by the margin by guarded metric.
    """
    found: list[tuple[Effects, Effects]] = [({}, {}) for _ in range(count)]
    for metric, (strata, number) in tables.items():
        effects = estimate_effects(strata, number, count)
        for position, (plain, _) in enumerate(found):
            plain[metric] = effects.at(position)
    for item in plan.guarded:
        if item.metric in tables:
            strata, number = tables[item.metric]
            effects = estimate_effects(shifted(strata, item), number, count)
            for position, (_, shift) in enumerate(found):
                shift[item.metric] = effects.at(position)
    return found


def shifted(strata: Strata, item: Guarded) -> Strata:
    """Sums with control moved to the edge of what the margin allows."""
    sign = 1.0 if item.better == "higher" else -1.0
    return strata.shift_control(sign * item.margin.relative, -sign * item.margin.absolute)


def _alone(strata: Strata) -> Table:
    return strata, np.zeros(strata.cluster.size, dtype=np.int64)


def _cautious(effect: Effect | None, second: Effect | None) -> Effect | None:
    return effect if effect is None or second is None else cautious_effect(effect, second)


def _per_request(rows: MartRows) -> tuple[Strata | None, Strata | None, Strata | None]:
    """GOOD, BAD and rated requests per mature request.

    A guessed request may be rated under a coach who is not its own; such strata cannot be read per request.
    """
    counts: dict[tuple[str, str, str], list[float]] = {}
    for row in rows.metrics:
        cell = counts.setdefault((row.phase, row.coach, row.variant), [0.0, 0.0, 0.0])
        if row.metric == RATING_RATE:
            cell[0] += row.n
        elif row.metric == MATURE:
            cell[1] += row.y
            cell[2] += row.n
    cells = {key: cell for key, cell in counts.items() if 0 <= cell[1] <= cell[2] <= cell[0] and cell[0] > 0}

    def strata(part: Callable[[float, float], float]) -> Strata | None:
        made = [
            MetricSum(phase, coach, RATING_RATE, variant, n, part(good, rated))
            for (phase, coach, variant), (n, good, rated) in cells.items()
        ]
        return strata_of(made, RATING_RATE)

    return (
        strata(lambda good, _: good),
        strata(lambda good, rated: rated - good),
        strata(lambda _, rated: rated),
    )


def _good_of_rated(good: Strata, bad: Strata) -> Strata:
    return Strata(
        good.cluster,
        good.y_control + bad.y_control,
        good.y_control,
        good.y_treatment + bad.y_treatment,
        good.y_treatment,
        binary=True,
        stratum=good.stratum,
    )


def _decision_sums(rows: tuple[DecisionSum, ...]) -> dict[str, DecisionSums]:
    keys = sorted({(row.coach, row.phase) for row in rows})
    coaches = {coach: index for index, coach in enumerate(sorted({coach for coach, _ in keys}))}
    cells = {(row.decision, row.variant, row.coach, row.phase): row for row in rows}
    cluster = np.array([coaches[coach] for coach, _ in keys], dtype=np.int64)

    def column(decision: str, variant: str, field: str) -> np.ndarray:
        found = [cells.get((decision, variant, *key)) for key in keys]
        return np.array([getattr(row, field) if row else 0.0 for row in found], dtype=np.float64)

    return {
        decision: DecisionSums(
            cluster,
            *(
                column(decision, variant, field)
                for variant in ("control", "treatment")
                for field in ("requests", "rated", "good")
            ),
        )
        for decision in sorted({row.decision for row in rows})
    }
