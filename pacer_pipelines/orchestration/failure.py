"""A verdict comes even when the run breaks: a hold that says where it broke."""

import logging
from collections.abc import Mapping
from datetime import date

import dagster as dg

from pacer_pipelines.adapters.verdicts import Again, Recorded
from pacer_pipelines.decisions.values import Check, Verdict
from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration import effects, messages, verdict_day, weekly
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

_log = logging.getLogger(__name__)

# What fails here has its verdict already.
AFTER_THE_VERDICT = frozenset(
    {"traffic_flag", "slack_message", "weekly_digest", "report_page", "expectations"}
)


@dg.failure_hook(required_resource_keys={"world"})
def verdict_despite_failure(context: dg.HookContext) -> None:
    """Record and deliver a hold that names the step that failed."""
    if context.op.name in AFTER_THE_VERDICT:
        return
    run = context.instance.get_run_by_id(context.run_id)
    if run is None:
        return
    day = date.fromisoformat(run.tags["dagster/partition"])
    hold(context.resources.world, day, _broken(context.op.name, context.op_exception), run.tags)


def hold(world: WorldResource, day: date, broken: Check, tags: Mapping[str, str]) -> None:
    """Judge every running experiment with the failed run as a failed check, and tell it as far as the run may."""
    with alone(world.home):
        for plan in effects.running(world, day):
            judge_or_hold(world, plan, day, (broken,), again_of(world, plan, day, tags))
        if effects.moves_flag(tags):
            effects.follow_flags(world, day)
        if effects.tells_slack(tags):
            messages.tell_slack(world, day)
            # the asset is skipped in a run that broke, and the week still ends
            weekly.tell_week(world, day)


def again_of(world: WorldResource, plan: Plan, day: date, tags: Mapping[str, str]) -> Again | None:
    """Why a day is judged without any effect, when its run is part of a backfill."""
    if effects.moves_flag(tags):
        return None
    before = world.verdicts.current(plan.slug, day)
    return Again(("a backfill asked for it",), was=before["verdict"] if before else None)


def judge_or_hold(
    world: WorldResource,
    plan: Plan,
    day: date,
    extra: tuple[Check, ...] = (),
    again: Again | None = None,
) -> tuple[Verdict, Recorded] | None:
    """The verdict of one experiment; a hold when it breaks, and nothing when not even that can be recorded.

    One experiment that breaks stops no other one.
    """
    try:
        return verdict_day.judge_day(world, plan, day, extra, again)
    except Exception as error:
        _log.exception("%s: %s cannot be judged", plan.slug, day)
        if extra:
            return None
        return judge_or_hold(world, plan, day, (_broken("verdicts", error),), again)


def _broken(step: str, error: BaseException | None) -> Check:
    what = str(error) if isinstance(error, PacerError) else f"{type(error).__name__}, see the log of the run"
    return Check(
        "run_completed", "run", "critical", False, "failed", "completed",
        f"the step {step} failed: {what}", "what was not computed is not known",
    )  # fmt: skip
