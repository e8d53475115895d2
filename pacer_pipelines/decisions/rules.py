"""The policy, as a table: the first rule whose condition holds gives the verdict.

Harm outranks health and waiting times; health outranks promotion; whatever is unknown holds. Each rule returns
the reasons for which it fires, or none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pacer_pipelines.decisions.values import Evidence, Finding, Word
from pacer_pipelines.decisions.wording import (
    difference_text,
    effect_text,
    interval_text,
    metric_name,
    score_text,
)
from pacer_pipelines.plan import Plan

Reasons = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the policy: a name, when it fires and why (empty = it does not), and what follows."""

    name: str
    reasons: Callable[[Evidence, Plan], Reasons]
    verdict: Word


def closed(evidence: Evidence, plan: Plan) -> Reasons:
    """Why nothing may move any more: an earlier verdict ended the experiment."""
    ended = [past for past in evidence.history if past.verdict == "rollback" or past.rule == "deadline"]
    if not ended:
        return ()
    still = evidence.served_after_end
    return (
        f"the experiment was closed on {ended[0].date} ({ended[0].rule}); a person reopens it with a new plan",
        *(
            [f"B was served {still} times on later days all the same: find the server that does it"]
            if still
            else ()
        ),
    )


def alarm(evidence: Evidence, plan: Plan) -> Reasons:
    """Which metrics show harm that no later look can undo.

    Once B was rolled back and has no traffic, the same sums say it for ever: then the experiment is just closed.
    """
    if evidence.share == 0 and any(past.verdict == "rollback" for past in evidence.history):
        return ()
    return tuple(_harm_text(finding) for finding in evidence.findings if finding.alarm)


def unhealthy(evidence: Evidence, plan: Plan) -> Reasons:
    """Which checks say that the numbers cannot be trusted."""
    failed = tuple(f"check {check.name} failed: {check.detail}" for check in evidence.checks if check.blocks)
    return failed + tuple(f"missing: {fact}" for fact in evidence.missing_facts) if failed else ()


def wins(evidence: Evidence, plan: Plan) -> Reasons:
    """Why B may have the next step: only when nothing at all is in the way."""
    primary = evidence.finding(plan.primary.metric)
    if primary is None or obstacles(evidence, plan):
        return ()
    guarded = ", ".join(metric_name(item.metric) for item in plan.guarded)
    return (
        f"{metric_name(primary.metric)} {effect_text(primary)}; {score_text(primary)}; "
        f"no harm beyond its margin in {guarded or 'any guarded metric'}",
    )


def deadline(evidence: Evidence, plan: Plan) -> Reasons:
    """Why the experiment is over without a win: the planned sample or the last day is reached."""
    if any(past.rule == "win" for past in evidence.history):
        # B has won once: what it has gained is taken back by harm only
        return ()
    if evidence.day >= plan.duration.max_days:
        over = f"day {evidence.day} of at most {plan.duration.max_days} is reached"
    elif _last_look(evidence, plan):
        over = "the planned sample is reached, so this was the last look"
    else:
        return ()
    what = {
        "keep_control": "the plan keeps control: B's share goes to 0 %",
        "keep_split": "the plan leaves the split as it is until a person decides",
    }[plan.duration.at_deadline]
    return (f"{over} without a promotion; {what}", *obstacles(evidence, plan))


def conflict(evidence: Evidence, plan: Plan) -> Reasons:
    """Which guarded metrics point the wrong way while the primary metric is over its bar."""
    primary = evidence.finding(plan.primary.metric)
    against = [text for item in plan.guarded if (text := _against(evidence.finding(item.metric)))]
    if primary is None or not primary.passes or not against:
        return ()
    won = f"conflict: {metric_name(primary.metric)} {effect_text(primary)} is over its bar, but {'; '.join(against)}"
    return (won, *obstacles(evidence, plan))


def _against(finding: Finding | None) -> str:
    """What is worse in B by more than its standard error and not shown to be within its margin; else nothing."""
    if finding is None or finding.effect is None or finding.se is None or finding.passes:
        return ""
    loss = -finding.effect if finding.better == "higher" else finding.effect
    if loss <= finding.se:
        return ""
    margin = _margin_text(finding, " against a margin of")
    return f"{metric_name(finding.metric)} is worse, {effect_text(finding)}{margin}"


def waiting(evidence: Evidence, plan: Plan) -> Reasons:
    """What is missing for a promotion."""
    return obstacles(evidence, plan)


# `alarm` first, also after the end: B can come back by hand, and harm must always be able to cut it.
RULES: tuple[Rule, ...] = (
    Rule("alarm", alarm, "rollback"),
    Rule("closed", closed, "hold"),
    Rule("health", unhealthy, "hold"),
    Rule("win", wins, "promote"),
    Rule("deadline", deadline, "hold"),
    Rule("conflict", conflict, "hold"),
    Rule("waiting", waiting, "hold"),
)


def decide(evidence: Evidence, plan: Plan) -> tuple[Rule, Reasons]:
    """The rule that fires, and its reasons.

    Args:
        evidence: everything that is known of the experiment by the end of the day.
        plan: the plan that it obeys.

    Returns:
        The first rule of :data:`RULES` with a reason; the last one, which only waits, if none of them has one.
    """
    *others, last = RULES
    for rule in others:
        reasons = rule.reasons(evidence, plan)
        if reasons:
            return rule, reasons
    return last, last.reasons(evidence, plan)


def obstacles(evidence: Evidence, plan: Plan) -> Reasons:
    """Everything that stands between today and a promotion, as sentences."""
    primary = evidence.finding(plan.primary.metric)
    found = [*_waiting_times(evidence, plan), *_primary_obstacles(primary, plan)]
    found += [
        text
        for item in plan.guarded
        if (text := _guarded_obstacle(evidence.finding(item.metric), item.metric))
    ]
    found += _disagreements(evidence)
    return tuple(found)


def _waiting_times(evidence: Evidence, plan: Plan) -> list[str]:
    duration, step_days = plan.duration, plan.rollout.min_days(evidence.share or 0.0)
    if evidence.share is not None and evidence.share >= 100:
        return ["B already has all traffic"]
    found = []
    if evidence.day < duration.min_days:
        found.append(f"day {evidence.day} of at least {duration.min_days}")
    elif duration.whole_weeks and evidence.day % 7:
        found.append(f"day {evidence.day}: promotion is looked at on whole weeks only")
    if evidence.phase_day < step_days and evidence.phase_day < evidence.day:
        since = (
            f"; what is served changed on {evidence.identity_changed}" if evidence.identity_changed else ""
        )
        found.append(f"day {evidence.phase_day} of at least {step_days} at this share of traffic{since}")
    if evidence.share is None or evidence.share <= 0:
        found.append("B has no traffic: somebody took it away, and a person gives it back")
    return found


def _primary_obstacles(primary: Finding | None, plan: Plan) -> list[str]:
    name, least = metric_name(plan.primary.metric), plan.minimums
    if primary is None or primary.effect is None:
        return [f"{name}: no coach has rated both variants yet"]
    found = []
    if primary.n_treatment < least.promote_rated:
        found.append(f"{name}: {primary.n_treatment} of at least {least.promote_rated} rated decisions of B")
    if primary.coaches < least.promote_coaches:
        found.append(
            f"{name}: {primary.coaches} of at least {least.promote_coaches} coaches rated both variants"
        )
    if primary.z_star is None or primary.bar is None:
        found.append(f"{name}: its uncertainty cannot be computed yet")
    elif not primary.passes:
        found.append(f"{name}: no significant win yet, {effect_text(primary)}; {score_text(primary)}")
    return found


def _guarded_obstacle(finding: Finding | None, metric: str) -> str:
    name = metric_name(metric)
    if finding is None or finding.effect is None or finding.z_star is None or finding.bar is None:
        return f"{name}: no data for the test against its margin"
    if finding.passes:
        return ""
    return f"{name}: not yet shown to be within its margin, {effect_text(finding)}; {score_text(finding)}"


# What must be seen beside the primary metric: an absent finding is an obstacle, never a pass.
REQUIRED = ("good_rate_mature", "good_rate_by_decision", "rating_rate")


def _disagreements(evidence: Evidence) -> list[str]:
    found = [
        f"{metric_name(metric)} is not known yet"
        for metric in REQUIRED
        if (finding := evidence.finding(metric)) is None or finding.effect is None
    ]
    for finding in evidence.findings:
        if finding.role == "sensitivity" and finding.effect is not None and not finding.passes:
            found.append(f"{metric_name(finding.metric)} does not support a win, {effect_text(finding)}")
        elif finding.role == "sensitivity" and finding.effect is None and finding.metric not in REQUIRED:
            found.append(f"{metric_name(finding.metric)} is not known yet")
    return found


def _last_look(evidence: Evidence, plan: Plan) -> bool:
    """A look that could have promoted, with the whole planned sample in hand."""
    primary = evidence.finding(plan.primary.metric)
    full = primary is not None and primary.information is not None and primary.information >= 1
    return full and not _waiting_times(evidence, plan)


def _harm_text(finding: Finding) -> str:
    return (
        f"{metric_name(finding.metric)} is worse in B: {effect_text(finding)}, always-valid interval "
        f"{interval_text(finding)}{_margin_text(finding, ', beyond the margin of')}"
    )


def _margin_text(finding: Finding, words: str) -> str:
    """The margin in the direction in which it allows a loss; nothing for a metric without one."""
    if not finding.margin:
        return ""
    allowed = -finding.margin if finding.better == "higher" else finding.margin
    return f"{words} {difference_text(finding.metric, allowed)}"
