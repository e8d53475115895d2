"""Simulated worlds judged day by day, by the functions that judge a real experiment: nothing is worked out here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from pacer_pipelines.decisions.findings import judge_effects
from pacer_pipelines.decisions.health import experiment_checks
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, UnitDay
from pacer_pipelines.decisions.measures import MATURE, RATING_RATE, Measured, Table, measure_all, metrics_of
from pacer_pipelines.decisions.rules import decide
from pacer_pipelines.decisions.values import Evidence, Finding
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

# checks and sensitivities can only turn these into another hold; harm comes before them all
ASKS_EVERYTHING = frozenset({"win", "deadline"})
VARIANTS = ("control", "treatment")


@dataclass(slots=True)
class Ending:
    """How one world ended: the rule, its day, and which metrics raised an alarm.

    ``bar_day`` is the first look on which the primary metric alone was at or above the promote bar, 0 for never;
    ``failed`` are the metrics that did not pass at the deadline; ``held_by`` names the checks that stood in the way of
    a promotion or of the deadline on some day.
    """

    rule: str = "waiting"
    day: int = 0
    alarms: tuple[str, ...] = ()
    bar_day: int = 0
    failed: tuple[str, ...] = ()
    held_by: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing can move any more."""
        return self.rule in ("alarm", "win", "deadline")


def judge_worlds(worlds: Worlds, plan: Plan) -> list[Ending]:
    """The end of each world: its first promotion, rollback or deadline.

    Args:
        worlds: sums of many worlds.
        plan: the plan that all of them obey.
    """
    endings = [Ending() for _ in range(worlds.count)]
    for day in range(1, plan.duration.max_days + 1):
        running = np.array(
            [number for number, ending in enumerate(endings) if not ending.over], dtype=np.int64
        )
        if not running.size:
            break
        found = measure_all(tables(worlds, day, running, plan), running.size, plan)
        for (effects, against_margin), number in zip(found, running.tolist(), strict=True):
            judge_day(
                endings[number],
                _measured(effects, against_margin, worlds, day, number),
                worlds,
                day,
                number,
                plan,
            )
    return endings


def judge_day(ending: Ending, measured: Measured, worlds: Worlds, day: int, number: int, plan: Plan) -> None:
    """Write down what the production rules say of one world and day.

    Most days only wait, and none of the costly evidence can change that. So the rules are first asked with no check
    and with each reading of the ratings as good as an effect that has to pass as well; if even then nothing moves,
    nothing moves. If something would, they are asked with the true readings, and if it still would, with the checks.
    """
    evidence = _evidence(judge_effects(_hopeful(measured, plan), plan), worlds, day, plan)
    rule, _ = decide(evidence, plan)
    if rule.name in ASKS_EVERYTHING:
        evidence = _evidence(judge_effects(measured, plan), worlds, day, plan)
        rule, _ = decide(evidence, plan)
    if rule.name in ASKS_EVERYTHING:
        evidence = _with_checks(evidence, worlds, day, number, plan)
        rule, _ = decide(evidence, plan)
    ending.rule, ending.day = rule.name, day
    ending.alarms = tuple(finding.metric for finding in evidence.findings if finding.alarm)
    if rule.name == "deadline":
        ending.failed = tuple(
            finding.metric for finding in evidence.findings if finding.role != "health" and not finding.passes
        )
    if rule.name == "health":
        ending.held_by += tuple(check.name for check in evidence.checks if check.blocks)
    look = day >= plan.duration.min_days and not (plan.duration.whole_weeks and day % 7)
    if look and not ending.bar_day and evidence.findings[0].passes:
        ending.bar_day = day


def _hopeful(measured: Measured, plan: Plan) -> Measured:
    """Stand-ins for readings of the ratings that pass whenever an effect passes that must pass too."""
    effects = measured.effects
    return replace(
        measured,
        by_decision=lambda: effects.get(MATURE),
        bound=lambda difference: effects.get(plan.primary.metric),
    )


def tables(worlds: Worlds, day: int, running: Array, plan: Plan) -> Mapping[str, Table]:
    """Sums of every metric by the end of a day, of all worlds that still run."""
    phases = _phases(worlds, day)
    coaches = worlds.cell.coaches
    cluster = np.tile(np.arange(coaches), running.size * phases)
    stratum = np.tile(np.arange(phases * coaches), running.size)
    number = np.repeat(np.arange(running.size), phases * coaches)

    def flat(sums: Array) -> Array:
        return sums[day - 1][:, running, :phases].reshape(2, -1)

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


def _measured(
    effects: Mapping[str, Effect | None],
    against_margin: Mapping[str, Effect | None],
    worlds: Worlds,
    day: int,
    number: int,
) -> Measured:
    """One world's effects; what no rule reads (tipping point, relative effect) is left out."""
    phases = _phases(worlds, day)
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


def _phases(worlds: Worlds, day: int) -> int:
    """How many phases have begun."""
    return int(worlds.cell.phase_of_day[day - 1]) + 1


def _evidence(findings: tuple[Finding, ...], worlds: Worlds, day: int, plan: Plan) -> Evidence:
    phases = _phases(worlds, day)
    start, share = worlds.cell.ramp[phases - 1]
    return Evidence(
        experiment=plan.slug,
        date=plan.start_date + timedelta(days=day - 1),
        day=day,
        phase=str(phases),
        phase_day=day - start + 1,
        share=share,
        findings=findings,
        checks=(),
        history=(),
        days_left=None,
        missing_facts=(),
    )


def _with_checks(evidence: Evidence, worlds: Worlds, day: int, number: int, plan: Plan) -> Evidence:
    """The evidence with every check that production makes of the marts."""
    shares = {
        str(phase + 1): share for phase, (_, share) in enumerate(worlds.cell.ramp[: _phases(worlds, day)])
    }
    rating_rate = next(finding for finding in evidence.findings if finding.metric == RATING_RATE)
    rows = unit_rows(worlds, day, number, plan)
    return replace(evidence, checks=experiment_checks(rows, plan, shares, plan.plan_hash, rating_rate))


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
