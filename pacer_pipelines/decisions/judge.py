"""From evidence to verdict: the rule that fires, the share of traffic that follows, and what would flip it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.evidence import Inputs, gather
from pacer_pipelines.decisions.rules import decide
from pacer_pipelines.decisions.values import Evidence, Verdict, canonical
from pacer_pipelines.decisions.wording import difference_text, enough_to_show, metric_name, points, score_text
from pacer_pipelines.plan import Plan

# columns of an exposure day that have always been there
BEFORE_ASSIGNMENT = 5


def judge(inputs: Inputs, plan: Plan, code_version: str) -> Verdict:
    """The verdict of one experiment and day: a pure function, so the same input gives the same bytes.

    Args:
        inputs: everything known by the end of ``inputs.date`` in the plan's time zone.
        plan: the plan to obey.
        code_version: version of the code that judges, for the audit.
    """
    evidence = gather(inputs, plan)
    rule, reasons = decide(evidence, plan)
    return Verdict(
        experiment=plan.slug,
        date=evidence.date,
        verdict=rule.verdict,
        rule=rule.name,
        reasons=reasons,
        flip=what_flips(evidence, plan, rule.name),
        share_before=evidence.share,
        share_after=next_share(evidence, plan, rule.name),
        day=evidence.day,
        phase=evidence.phase,
        days_left=evidence.days_left,
        findings=evidence.findings,
        checks=evidence.checks,
        missing_facts=evidence.missing_facts,
        as_of=as_of(inputs, plan),
        plan_hash=plan.plan_hash,
        code_version=code_version,
        inputs_hash=inputs_hash(inputs),
        partitions=dict(inputs.partitions),
    )


def as_of(inputs: Inputs, plan: Plan) -> datetime:
    """End of the day in the plan's time zone, as naive UTC: nothing later is known to the verdict."""
    midnight = datetime.combine(inputs.date + timedelta(days=1), time(), tzinfo=plan.zone)
    return midnight.astimezone(UTC).replace(tzinfo=None)


def next_share(evidence: Evidence, plan: Plan, rule: str) -> float | None:
    """Percent of traffic on treatment that the verdict asks for; None while the share is unknown."""
    if rule == "alarm":
        return 0.0
    if rule == "deadline" and plan.duration.at_deadline == "keep_control":
        return 0.0
    if rule == "closed" and ended_at_control(evidence, plan):
        # asked for again each day, in case the flag could not follow on the day itself
        return 0.0
    if rule == "win" and evidence.share is not None:
        return plan.rollout.next_share(evidence.share)
    return evidence.share


def ended_at_control(evidence: Evidence, plan: Plan) -> bool:
    """Whether an earlier verdict gave all traffic back to control."""
    keeps_control = plan.duration.at_deadline == "keep_control"
    return any(
        past.verdict == "rollback" or (past.rule == "deadline" and keeps_control) for past in evidence.history
    )


def what_flips(evidence: Evidence, plan: Plan, rule: str) -> tuple[str, ...]:
    """What would have to be seen for another verdict."""
    if rule in ("alarm", "closed"):
        return (say("flip.nothing"),)
    if rule == "win":
        return (say("flip.harm"),)
    if rule == "conflict":
        return (*_needed_of_guarded(evidence, plan), *_needed_for_rollback(evidence, plan))
    if rule == "health":
        failed = ", ".join(dict.fromkeys(check.name for check in evidence.checks if check.blocks))
        return (say("flip.checks_pass", checks=failed),)
    return (*_needed_for_promotion(evidence, plan), *_needed_for_rollback(evidence, plan))


def _needed_of_guarded(evidence: Evidence, plan: Plan) -> tuple[str, ...]:
    """The guarded metrics that stand against the win, and how far they are from their margin."""
    return tuple(
        say("flip.within_margin", metric=metric_name(finding.metric), score=score_text(finding))
        for item in plan.guarded
        if (finding := evidence.finding(item.metric)) is not None and not finding.passes
    )


def _needed_for_promotion(evidence: Evidence, plan: Plan) -> tuple[str, ...]:
    primary = evidence.finding(plan.primary.metric)
    if primary is None or primary.se is None or primary.bar is None or not enough_to_show(primary):
        return (say("flip.ratings"),)
    needed = primary.bar * primary.se
    if primary.rate_control is not None and needed > 1 - primary.rate_control:
        return (say("flip.more_ratings"),)
    return (
        say(
            "flip.promote",
            metric=metric_name(primary.metric),
            needed=points(needed),
            now=difference_text(primary.metric, primary.effect),
        ),
    )


def _needed_for_rollback(evidence: Evidence, plan: Plan) -> tuple[str, ...]:
    primary = evidence.finding(plan.primary.metric)
    if primary is None or primary.interval is None or primary.effect is None or not enough_to_show(primary):
        return ()
    half = primary.interval[1] - primary.effect
    least = difference_text(primary.metric, -half)
    return (say("flip.roll_back", metric=metric_name(primary.metric), least=least),)


def inputs_hash(inputs: Inputs) -> str:
    """sha256 over everything that was put in, besides the checks, which the verdict carries itself."""
    rows = inputs.rows
    exposures = [row[:BEFORE_ASSIGNMENT] for row in rows.exposures]
    parts = (rows.metrics, rows.decisions, rows.units, exposures, rows.rated, rows.students)
    content: dict[str, object] = {
        "date": inputs.date.isoformat(),
        "rows": [_plain(part) for part in parts],
        "history": [[past.date.isoformat(), past.verdict, past.rule] for past in inputs.history],
        "shares": {version: inputs.shares.get(version) for version in rows.flag_versions()},
        "sources": sorted(inputs.sources),
        "frozen_hash": inputs.frozen_hash,
    }
    # what came later to be known is spelt only where it is: the same input has the same hash for ever
    if rows.identities:
        content["identities"] = _plain(rows.identities)
    if any(row.assignment_known for row in rows.exposures):
        content["assignment"] = _plain(rows.exposures)
    if inputs.acknowledged:
        content["acknowledged"] = dict(inputs.acknowledged)
    if inputs.control_shares:
        content["control_shares"] = {
            version: inputs.control_shares.get(version) for version in rows.flag_versions()
        }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _plain(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [
        [value if isinstance(value, str | float | int) else str(value) for value in row]
        for row in sorted(rows)
    ]
