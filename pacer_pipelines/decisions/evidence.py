"""Evidence of one experiment and day: findings, checks and history, gathered from plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.findings import find_all, find_this_step
from pacer_pipelines.decisions.health import SNAPSHOT_PHASE, experiment_checks
from pacer_pipelines.decisions.looks import days_to_end
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.phases import flag_version_of, opening_of
from pacer_pipelines.decisions.plan_check import effective_n
from pacer_pipelines.decisions.values import Check, Evidence, Finding, Past
from pacer_pipelines.plan import Plan

NO_LOG_FACTS = tuple(say(f"fact.{fact}") for fact in ("no_exposure_log", "no_failures", "no_flag_version"))
NO_FEEDBACK_FACT = say("fact.no_feedback_log")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a decision is made of besides the plan.

    ``shares`` maps flag versions to percent of traffic on treatment; ``sources`` says which sources are
    configured; ``checks`` are those of all days of the experiment so far; ``acknowledged`` maps the hash of each edited
    plan that a person has accepted to who and why; ``partitions`` has a hash per landed table. ``control_shares``
    maps flag versions to what all treatments leave for control, in percent; it is empty when there is only one.
    """

    date: date
    rows: MartRows
    checks: tuple[Check, ...]
    history: tuple[Past, ...]
    shares: Mapping[str, float]
    sources: frozenset[str]
    frozen_hash: str
    acknowledged: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, str] = field(default_factory=dict)
    control_shares: Mapping[str, float] = field(default_factory=dict)


def gather(inputs: Inputs, plan: Plan) -> Evidence:
    """The evidence of one day.

    Args:
        inputs: marts, checks, history and flag shares up to and including that day.
        plan: the plan that the experiment obeys.
    """
    rows = inputs.rows
    findings = find_all(rows, plan)
    phases = rows.phases()
    version = flag_version_of(phases[-1]) if phases else "none"
    step = present_step(rows, inputs.shares)
    changed = step_began_anew(rows, step)
    if changed or any(past.rule == "win" for past in inputs.history):
        # what was seen at smaller shares, or of another model, is no evidence that B bears this one
        findings += (find_this_step(rows, plan, step, findings[0]),)
    rating_rate = next((finding for finding in findings if finding.metric == "rating_rate"), None)
    splits = split_shares(inputs.shares, inputs.control_shares, plan)
    checks = experiment_checks(rows, plan, splits, inputs.frozen_hash, rating_rate)
    checks = tuple(_acknowledged(check, inputs, plan) for check in checks)
    day = (inputs.date - plan.start_date).days + 1
    return Evidence(
        experiment=plan.slug,
        date=inputs.date,
        day=day,
        phase=version,
        phase_day=(inputs.date - rows.phase_start(step[0])).days + 1 if step else 0,
        share=inputs.shares.get(version),
        findings=findings,
        checks=inputs.checks + checks,
        history=inputs.history,
        days_left=_days_left(inputs, plan, day, findings[0]),
        missing_facts=missing_facts(inputs.sources, phases),
        served_after_end=_served_after_end(inputs),
        identity_changed=rows.phase_start(step[0]) if changed else None,
    )


def present_step(rows: MartRows, shares: Mapping[str, float]) -> list[str]:
    """The newest phases, oldest first, as far back as B had the share that it has now and was what it is now.

    Another flag in the file may have moved in between: that begins a phase, and no step.
    """
    *earlier, newest = rows.phases() or [""]
    step = [newest] if newest else []
    now = shares.get(flag_version_of(newest))
    for phase in reversed(earlier):
        if now is None or shares.get(flag_version_of(phase)) != now or identity_changed(rows, phase, step[0]):
            break
        step.insert(0, phase)
    return step


def step_began_anew(rows: MartRows, step: list[str]) -> bool:
    """Whether something else is served in a step than in the phase before it."""
    phases = rows.phases()
    at = phases.index(step[0]) if step else 0
    return at > 0 and identity_changed(rows, phases[at - 1], step[0])


def identity_changed(rows: MartRows, before: str, after: str) -> bool:
    """Whether a variant is something else in a phase than in an earlier one; what one does not say is equal."""
    said = {(row.phase, row.variant, row.field): row.value for row in rows.identities}
    differs = (
        phase == after and said.get((before, variant, field), value) != value
        for (phase, variant, field), value in said.items()
    )
    # where an identity comes back the most may say the same, but the phase is there because it had gone
    return opening_of(after) > 1 or any(differs)


def split_shares(
    shares: Mapping[str, float], control_shares: Mapping[str, float], plan: Plan
) -> Mapping[str, float]:
    """Percent of treatment among units of control and treatment, by flag version, where all shares are known.

    With one treatment that is its share of the traffic. In an arm of several, units of the others are not there: at
    20 % of B and 30 % of C the arm of B expects 20 in 70.
    """
    if plan.arms is None:
        return shares
    both = {
        version: (share, share + control_shares[version])
        for version, share in shares.items()
        if version in control_shares
    }
    return {version: 100 * share / total if total else 0.0 for version, (share, total) in both.items()}


def _acknowledged(check: Check, inputs: Inputs, plan: Plan) -> Check:
    """An edited plan that a person has accepted stays in sight and stops nothing."""
    words = inputs.acknowledged.get(plan.plan_hash)
    if check.name != "plan_unchanged" or check.passed or words is None:
        return check
    return replace(
        check, severity="warning", detail=say("health.acknowledged", detail=check.detail, words=words)
    )


def _served_after_end(inputs: Inputs) -> int:
    """Exposures of B on days after it had been taken back, which nobody should have been served."""
    ends = [past.date for past in inputs.history if past.verdict == "rollback"]
    if not ends:
        return 0
    late = (row for row in inputs.rows.exposures if row.date > ends[0] and row.variant == "treatment")
    return round(sum(row.exposures for row in late))


def missing_facts(sources: frozenset[str], phases: list[str]) -> tuple[str, ...]:
    """What cannot be known with the sources there are, and what that costs."""
    facts: tuple[str, ...] = ()
    if "exposures" not in sources or SNAPSHOT_PHASE in phases:
        facts += NO_LOG_FACTS
    if "feedback" not in sources:
        facts += (NO_FEEDBACK_FACT,)
    return facts


def _days_left(inputs: Inputs, plan: Plan, day: int, primary: Finding) -> int | None:
    """Days until the experiment ends without a promotion, at last week's pace: the numbers of ``pacer plan check``."""
    if not primary.effective_n:
        return None
    week = inputs.date - timedelta(days=7)
    rated = [row for row in inputs.rows.rated if row.date > week]
    control, treatment = sum(row.n_control for row in rated) / 7, sum(row.n_treatment for row in rated) / 7
    pace = control * treatment / (control + treatment) if control > 0 and treatment > 0 else 0.0
    return days_to_end(plan.duration, day, primary.effective_n, effective_n(plan), pace)
