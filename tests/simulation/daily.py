"""Simulated worlds judged day by day, by the functions that judge a real experiment: nothing is worked out here."""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from pacer_pipelines.decisions.findings import judge_effects
from pacer_pipelines.decisions.health import experiment_checks
from pacer_pipelines.decisions.measures import MATURE, RATING_RATE, Measured, measure_all
from pacer_pipelines.decisions.rules import decide
from pacer_pipelines.decisions.values import Evidence, Finding
from pacer_pipelines.plan import Plan

from .sums import measured_of, phases_begun, tables, unit_rows
from .worlds import Worlds

# checks and sensitivities can only turn these into another hold; harm comes before them all
ASKS_EVERYTHING = frozenset({"win", "deadline"})


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
                measured_of(effects, against_margin, worlds, day, number),
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


def _evidence(findings: tuple[Finding, ...], worlds: Worlds, day: int, plan: Plan) -> Evidence:
    phases = phases_begun(worlds, day)
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
        str(phase + 1): share
        for phase, (_, share) in enumerate(worlds.cell.ramp[: phases_begun(worlds, day)])
    }
    rating_rate = next(finding for finding in evidence.findings if finding.metric == RATING_RATE)
    rows = unit_rows(worlds, day, number, plan)
    return replace(evidence, checks=experiment_checks(rows, plan, shares, plan.plan_hash, rating_rate))
