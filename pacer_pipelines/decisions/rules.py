"""The policy, as a table: the first rule whose condition holds gives the verdict.

Harm outranks health and waiting times; health outranks promotion; whatever is unknown holds. Each rule returns
the reasons for which it fires, or none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pacer_pipelines.decisions.catalogue import in_a_row, say
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
        say("rule.closed", date=ended[0].date, rule=ended[0].rule),
        *([say("rule.still_served", times=still)] if still else ()),
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
    failed = tuple(
        say("rule.check_failed", name=check.name, detail=check.detail)
        for check in evidence.checks
        if check.blocks
    )
    return failed + tuple(say("rule.missing", fact=fact) for fact in evidence.missing_facts) if failed else ()


def wins(evidence: Evidence, plan: Plan) -> Reasons:
    """Why B may have the next step: only when nothing at all is in the way."""
    primary = evidence.finding(plan.primary.metric)
    if primary is None or obstacles(evidence, plan):
        return ()
    return (
        say(
            "rule.win",
            metric=metric_name(primary.metric),
            effect=effect_text(primary),
            score=score_text(primary),
            guarded=in_a_row(", ", (metric_name(item.metric) for item in plan.guarded))
            or say("rule.any_guarded_metric"),
        ),
    )


def deadline(evidence: Evidence, plan: Plan) -> Reasons:
    """Why the experiment is over without a win: the planned sample or the last day is reached."""
    if any(past.rule == "win" for past in evidence.history):
        # B has won once: what it has gained is taken back by harm only
        return ()
    if evidence.day >= plan.duration.max_days:
        over = say("rule.last_day", day=evidence.day, most=plan.duration.max_days)
    elif _last_look(evidence, plan):
        over = say("rule.last_look")
    else:
        return ()
    what = say(f"rule.{plan.duration.at_deadline}")
    return (say("rule.deadline", over=over, what=what), *obstacles(evidence, plan))


def conflict(evidence: Evidence, plan: Plan) -> Reasons:
    """Which guarded metrics point the wrong way while the primary metric is over its bar."""
    primary = evidence.finding(plan.primary.metric)
    against = [text for item in plan.guarded if (text := _against(evidence.finding(item.metric)))]
    if primary is None or not primary.passes or not against:
        return ()
    won = say(
        "rule.conflict",
        metric=metric_name(primary.metric),
        effect=effect_text(primary),
        against=in_a_row("; ", against),
    )
    return (won, *obstacles(evidence, plan))


def _against(finding: Finding | None) -> str:
    """What is worse in B by more than its standard error and not shown to be within its margin; else nothing."""
    if finding is None or finding.effect is None or finding.se is None or finding.passes:
        return ""
    loss = -finding.effect if finding.better == "higher" else finding.effect
    if loss <= finding.se:
        return ""
    against = say("rule.against", metric=metric_name(finding.metric), effect=effect_text(finding))
    margin = _margin_text(finding)
    return say("rule.against_a_margin", against=against, margin=margin) if margin else against


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
        return [say("rule.all_traffic")]
    found: list[str] = []
    if evidence.day < duration.min_days:
        found.append(say("rule.min_days", day=evidence.day, least=duration.min_days))
    elif duration.whole_weeks and evidence.day % 7:
        found.append(say("rule.whole_weeks", day=evidence.day))
    if evidence.phase_day < step_days and evidence.phase_day < evidence.day:
        step = say("rule.step_days", day=evidence.phase_day, least=step_days)
        changed = evidence.identity_changed
        found.append(say("rule.step_began_anew", step=step, date=changed) if changed else step)
    if evidence.share is None or evidence.share <= 0:
        found.append(say("rule.no_traffic"))
    return found


def _primary_obstacles(primary: Finding | None, plan: Plan) -> list[str]:
    name, least = metric_name(plan.primary.metric), plan.minimums
    if primary is None or primary.effect is None:
        return [say("rule.nobody_rated", metric=name)]
    found: list[str] = []
    if primary.n_treatment < least.promote_rated:
        found.append(say("rule.few_rated", metric=name, rated=primary.n_treatment, least=least.promote_rated))
    if primary.coaches < least.promote_coaches:
        found.append(
            say("rule.few_coaches", metric=name, coaches=primary.coaches, least=least.promote_coaches)
        )
    if primary.z_star is None or primary.bar is None:
        found.append(say("rule.no_uncertainty", metric=name))
    elif not primary.passes:
        found.append(
            say("rule.no_win_yet", metric=name, effect=effect_text(primary), score=score_text(primary))
        )
    return found


def _guarded_obstacle(finding: Finding | None, metric: str) -> str:
    name = metric_name(metric)
    if finding is None or finding.effect is None or finding.z_star is None or finding.bar is None:
        return say("rule.guarded_no_data", metric=name)
    if finding.passes:
        return ""
    return say("rule.not_within", metric=name, effect=effect_text(finding), score=score_text(finding))


# What must be seen beside the primary metric: an absent finding is an obstacle, never a pass.
REQUIRED = ("good_rate_mature", "good_rate_by_decision", "rating_rate")


def _disagreements(evidence: Evidence) -> list[str]:
    found: list[str] = [
        say("rule.not_known", metric=metric_name(metric))
        for metric in REQUIRED
        if (finding := evidence.finding(metric)) is None or finding.effect is None
    ]
    for finding in evidence.findings:
        if finding.role == "sensitivity" and finding.effect is not None and not finding.passes:
            found.append(
                say("rule.no_support", metric=metric_name(finding.metric), effect=effect_text(finding))
            )
        elif finding.role == "sensitivity" and finding.effect is None and finding.metric not in REQUIRED:
            found.append(say("rule.not_known", metric=metric_name(finding.metric)))
    return found


def _last_look(evidence: Evidence, plan: Plan) -> bool:
    """A look that could have promoted, with the whole planned sample in hand."""
    primary = evidence.finding(plan.primary.metric)
    full = primary is not None and primary.information is not None and primary.information >= 1
    return full and not _waiting_times(evidence, plan)


def _harm_text(finding: Finding) -> str:
    harm = say(
        "rule.harm",
        metric=metric_name(finding.metric),
        effect=effect_text(finding),
        interval=interval_text(finding),
    )
    margin = _margin_text(finding)
    return say("rule.harm_beyond", harm=harm, margin=margin) if margin else harm


def _margin_text(finding: Finding) -> str:
    """The margin in the direction in which it allows a loss; nothing for a metric without one."""
    if not finding.margin:
        return ""
    return difference_text(finding.metric, -finding.margin if finding.better == "higher" else finding.margin)
