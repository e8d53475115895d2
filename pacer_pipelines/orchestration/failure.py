"""A verdict comes even when the run breaks: a hold that says where it broke."""

from datetime import date

import dagster as dg

from pacer_pipelines.decisions.values import Check
from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration import effects, verdict_day
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.resources import WorldResource

# What fails here has its verdict already.
AFTER_THE_VERDICT = frozenset({"traffic_flag", "slack_message", "report_page", "expectations"})


@dg.failure_hook(required_resource_keys={"world"})
def verdict_despite_failure(context: dg.HookContext) -> None:
    """Record and deliver a hold that names the step that failed."""
    if context.op.name in AFTER_THE_VERDICT:
        return
    run = context.instance.get_run_by_id(context.run_id)
    if run is None:
        return
    day = date.fromisoformat(run.tags["dagster/partition"])
    hold(context.resources.world, day, context.op.name, context.op_exception)


def hold(world: WorldResource, day: date, step: str, error: BaseException | None) -> None:
    """Judge every running experiment with the failed run as a failed check, and tell it."""
    what = str(error) if isinstance(error, PacerError) else f"{type(error).__name__}, see the log of the run"
    broken = Check(
        "run_completed", "run", "critical", False, "failed", "completed",
        f"the step {step} failed: {what}", "what was not computed is not known",
    )  # fmt: skip
    with alone(world.home):
        for plan in effects.running(world, day):
            verdict_day.judge_day(world, plan, day, (broken,))
        effects.follow_flags(world, day)
        effects.tell_slack(world, day)
