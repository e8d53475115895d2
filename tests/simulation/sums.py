"""The sums of simulated worlds in the shape in which the daily code takes those of the marts."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from pacer_pipelines.decisions.marts import ExposureDay, MartRows, UnitDay
from pacer_pipelines.decisions.measures import MATURE, RATING_RATE, Measured, Table, metrics_of
from pacer_pipelines.metrics import BINARY_METRICS
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import (
    CovariateSums,
    DecisionSums,
    Effect,
    Strata,
    decision_weighted,
    per_request_bound,
)

from .truth import Array
from .worlds import Worlds

VARIANTS = ("control", "treatment")


def tables(worlds: Worlds, day: int, running: Array, plan: Plan) -> Mapping[str, Table]:
    """Sums of every metric by the end of a day, of all worlds that still run."""
    phases = phases_begun(worlds, day)
    coaches = worlds.cell.coaches
    cluster = np.tile(np.arange(coaches), running.size * phases)
    stratum = np.tile(np.arange(phases * coaches), running.size)
    number = np.repeat(np.arange(running.size), phases * coaches)

    def flat(sums: Array) -> Array:
        chosen: Array = sums[day - 1][:, running, :phases]
        return chosen.reshape(2, -1)

    found: dict[str, Table] = {}
    for name in metrics_of(plan):
        metric = worlds.metrics[name]
        n, y, covariate = flat(metric.n), flat(metric.y), None
        if metric.x is not None:
            x, xx, xy = (flat(part) for part in metric.x)
            covariate = CovariateSums(x[0], xx[0], xy[0], x[1], xx[1], xy[1])
        binary = name in BINARY_METRICS
        strata = Strata(cluster, n[0], y[0], n[1], y[1], binary=binary, stratum=stratum, covariate=covariate)
        found[name] = strata, number
    return found


def measured_of(
    effects: Mapping[str, Effect | None],
    against_margin: Mapping[str, Effect | None],
    worlds: Worlds,
    day: int,
    number: int,
) -> Measured:
    """One world's effects; what no rule reads (tipping point, relative effect) is left out."""
    phases = phases_begun(worlds, day)
    cluster = np.tile(np.arange(worlds.cell.coaches), phases)

    def of(sums: Array) -> Array:
        return sums[day - 1, :, number, :phases].reshape(2, -1)

    def by_decision() -> Effect | None:
        parts = [part[day - 1, :, :, number, :phases].reshape(2, 2, -1) for part in worlds.decisions]
        sums = {
            decision: DecisionSums(
                cluster, *(part[variant, position] for variant in (0, 1) for part in parts)
            )
            for position, decision in enumerate(("APPROVE", "REJECT"))
        }
        return decision_weighted(sums)

    def bound(difference: float) -> Effect | None:
        requests, rated, good = (
            of(worlds.metrics[RATING_RATE].n), of(worlds.metrics[MATURE].n), of(worlds.metrics[MATURE].y),
        )  # fmt: skip
        liked, disliked = (
            Strata(cluster, requests[0], part[0], requests[1], part[1], binary=True)
            for part in (good, rated - good)
        )
        return per_request_bound(liked, disliked, difference)

    return Measured(
        effects=effects,
        against_margin=against_margin,
        by_decision=by_decision,
        bound=bound,
        tipping=lambda: None,
        relative=lambda metric, multiplier: None,
    )


def unit_rows(worlds: Worlds, day: int, number: int, plan: Plan) -> MartRows:
    """The marts of one world, as far as the checks read them: who arrived when, in which variant and phase."""
    units = worlds.units[:day, :, number]
    dates = [plan.start_date + timedelta(days=position) for position in range(day)]
    found = tuple(
        UnitDay(
            str(phase + 1),
            dates[at],
            VARIANTS[variant],
            float(units[at, variant, phase, coach]),
            0,
            0,
            f"c{coach:02d}",
        )
        for at, variant, phase, coach in np.argwhere(units).tolist()
    )
    phase_of_day = worlds.cell.phase_of_day
    exposures = tuple(
        ExposureDay(str(phase_of_day[at] + 1), dates[at], variant, 1.0, 0.0)
        for at in range(day)
        for variant in VARIANTS
    )
    return MartRows((), (), found, exposures, ())


def phases_begun(worlds: Worlds, day: int) -> int:
    """How many phases have begun."""
    return int(worlds.cell.phase_of_day[day - 1]) + 1
