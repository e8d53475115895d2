"""What changed since the verdict before, and whether that is worth more than one short message."""

from collections.abc import Sequence

from pacer_pipelines.decisions.catalogue import in_a_row, say
from pacer_pipelines.decisions.revised import Revised
from pacer_pipelines.decisions.values import Finding, Verdict
from pacer_pipelines.decisions.wording import FEWEST_UNITS, difference_text, enough_to_show, metric_name
from pacer_pipelines.plan import Plan

# rules after which the next day may be the same again
STILL = frozenset({"waiting", "closed"})
WEEK = 7


def since(verdict: Verdict, before: Verdict | None, plan: Plan) -> tuple[str, ...]:
    """What is new, as sentences: the word, the effect and its strength, ratings, and checks; nothing on a first day.

    Args:
        verdict: the verdict of the day.
        before: the verdict of the judged day before it.
        plan: names the primary metric.
    """
    if before is None:
        return ()
    return (
        *_word(verdict, before),
        *_effect(_primary(verdict, plan), _primary(before, plan)),
        *_checks(_failed(verdict) - _failed(before), "since.fails"),
        *_checks(_failed(before) - _failed(verdict), "since.passes"),
    )


def is_quiet(verdict: Verdict, before: Verdict | None, revised: Sequence[Revised]) -> bool:
    """Whether nothing happened: it only waits (or stays closed), as it did the day before.

    Never on a first day, on a whole week (the days on which a promotion is looked at), when a check fails that passed
    the day before, when a fact is missing that was not, when the share moved, when earlier verdicts were revised, or
    when a closed experiment has more to say than that it is closed: then somebody was still served the treatment.
    """
    if before is None or revised or verdict.rule not in STILL or verdict.day % WEEK == 0:
        return False
    shares = {verdict.share_before, verdict.share_after, before.share_after}
    new = (_failed(verdict) - _failed(before)) | (set(verdict.missing_facts) - set(before.missing_facts))
    still_served = verdict.rule == "closed" and len(verdict.reasons) > 1
    return verdict.rule == before.rule and len(shares) == 1 and not new and not still_served


def _word(verdict: Verdict, before: Verdict) -> tuple[str, ...]:
    now, then = (
        say("since.said", word=say(f"word.{one.verdict}"), rule=one.rule) for one in (verdict, before)
    )
    return () if now == then else (say("since.word", date=before.date, then=then, now=now),)


def _effect(now: Finding | None, then: Finding | None) -> tuple[str, ...]:
    if now is None or then is None or not (enough_to_show(now) and enough_to_show(then)):
        return ()
    metric = now.metric
    moved = say(
        "since.effect",
        metric=metric_name(metric),
        then=difference_text(metric, then.effect),
        now=difference_text(metric, now.effect),
    )
    if now.z_star is not None and then.z_star is not None:
        moved = say("since.strength", effect=moved, then=f"{then.z_star:.2f}", now=f"{now.z_star:.2f}")
    more = now.n_control + now.n_treatment - then.n_control - then.n_treatment
    # a difference of a few ratings is somebody's
    rated = [say("since.rated", number=f"{more:+,}")] if abs(more) >= FEWEST_UNITS else []
    return (in_a_row("; ", (moved, *rated)),)


def _checks(names: set[str], key: str) -> tuple[str, ...]:
    return (say(key, checks=", ".join(sorted(names))),) if names else ()


def _failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.passed}


def _primary(verdict: Verdict, plan: Plan) -> Finding | None:
    return next((one for one in verdict.findings if one.metric == plan.primary.metric), None)
