"""What follows from a verdict, as assets: the flag, then the message, then the page."""

from datetime import date
from typing import Any

import dagster as dg

from pacer_pipelines.orchestration import effects, messages, reminders, weekly
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.landing_assets import ONE_DAY
from pacer_pipelines.orchestration.resources import WorldResource

WHY_DELIVERED = "a verdict that nobody reads helps nobody: what Slack did not take follows with the next run"
DELIVERED = dg.AssetCheckSpec("slack_delivered", asset="slack_message", description=WHY_DELIVERED)


def effect_assets(partitions: dg.DailyPartitionsDefinition, owners: list[str]) -> list[dg.AssetsDefinition]:
    """Assets behind the verdict; each finds out by itself whether it has already happened.

    Args:
        partitions: days in the plans' time zone.
        owners: who answers for them.
    """
    common: dict[str, Any] = {
        "owners": owners,
        "partitions_def": partitions,
        "backfill_policy": ONE_DAY,
    }

    @dg.asset(deps=["verdicts"], group_name="effects", kinds={"json"}, **common)
    def traffic_flag(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """The flag file that splits the traffic; it follows the newest verdict."""
        day = date.fromisoformat(context.partition_key)
        if not effects.moves_flag(context.run.tags):
            return dg.MaterializeResult(metadata={"flag": effects.LEFT_ALONE})
        with alone(world.home):
            return _effects(context, effects.follow_flags(world, day), effects.NOT_MOVED)

    @dg.asset(
        deps=["verdicts", traffic_flag],
        group_name="effects",
        kinds={"slack"},
        check_specs=[DELIVERED],
        **common,
    )
    def slack_message(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One message per experiment and day in the plan's channel, or a file when there is no token."""
        day = date.fromisoformat(context.partition_key)
        if not effects.tells_slack(context.run.tags):
            return dg.MaterializeResult(
                metadata={"slack": effects.LEFT_ALONE}, check_results=[_delivered({})]
            )
        with alone(world.home):
            told = messages.tell_slack(world, day) | reminders.remind_all(world, world.now())
        return _effects(context, told, messages.NOT_DELIVERED)._replace(check_results=[_delivered(told)])

    @dg.asset(deps=["verdicts", slack_message], group_name="effects", kinds={"slack"}, **common)
    def weekly_digest(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One message per channel and ISO week, on its Sunday: verdicts, who rates, and how the data were."""
        day = date.fromisoformat(context.partition_key)
        if not effects.tells_slack(context.run.tags):
            return dg.MaterializeResult(metadata={"slack": effects.LEFT_ALONE})
        with alone(world.home):
            return _effects(context, weekly.tell_week(world, day), messages.NOT_DELIVERED)

    @dg.asset(deps=["verdicts", traffic_flag], group_name="effects", kinds={"html"}, **common)
    def report_page(world: WorldResource) -> dg.MaterializeResult:
        """One page per experiment: A against B over time, as a file that needs no server."""
        return dg.MaterializeResult(
            metadata={slug: dg.MetadataValue.path(path) for slug, path in effects.write_pages(world).items()}
        )

    return [traffic_flag, slack_message, weekly_digest, report_page]


def _delivered(told: dict[str, str]) -> dg.AssetCheckResult:
    """Failed when a message is not in Slack, a warning when only its thread lacks something."""
    waits = {name: text for name, text in told.items() if text.startswith(messages.NOT_DELIVERED)}
    lacks = {name: text for name, text in told.items() if messages.LACKS in text}
    return dg.AssetCheckResult(
        check_name=DELIVERED.name,
        passed=not waits and not lacks,
        severity=dg.AssetCheckSeverity.ERROR if waits else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{name}: {text}" for name, text in {**waits, **lacks}.items())
        or WHY_DELIVERED,
    )


def _effects(context: dg.AssetExecutionContext, outcomes: dict[str, str], bad: str) -> dg.MaterializeResult:
    """Show what became of an effect; one that did not happen is an error in the log and in the terminal."""
    for slug, outcome in outcomes.items():
        (context.log.error if outcome.startswith(bad) else context.log.info)(f"{slug}: {outcome}")
    return dg.MaterializeResult(metadata=dict(outcomes))
