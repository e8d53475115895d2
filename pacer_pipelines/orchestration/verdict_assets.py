"""From published sums to traffic: the verdict, then the flag, then the message, then the page."""

from datetime import date

import dagster as dg

from pacer_pipelines.adapters.published import publish
from pacer_pipelines.adapters.warehouse import WAREHOUSE_FILE
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration import effects, verdict_day, window
from pacer_pipelines.orchestration.landing_assets import LANDED, ONE_DAY
from pacer_pipelines.orchestration.resources import WorldResource


def verdict_assets(
    partitions: dg.DailyPartitionsDefinition, owners: list[str], marts: list[dg.AssetKey]
) -> list[dg.AssetsDefinition]:
    """Assets from the checks to the message.

    Args:
        partitions: days in the plans' time zone.
        owners: who answers for them.
        marts: keys of the dbt marts that are published.
    """

    def settings(group: str, kinds: set[str]) -> dict:
        return {
            "group_name": group, "kinds": kinds, "owners": owners, "partitions_def": partitions,
            "backfill_policy": ONE_DAY,
        }  # fmt: skip

    @dg.asset(deps=[*LANDED, "experiments"], **settings("completeness", {"greatexpectations"}))
    def log_checks(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One row per check and day: is what landed complete? Nothing here stops a rollback."""
        day = date.fromisoformat(context.partition_key)
        days = window.find_window("checked", world.landing, world.home, day, effects.first_day(world))
        checks = {each: verdict_day.check_day(world, each) for each in days.days}
        window.remember("checked", world.home, days)
        failed = [check for check in checks.get(day, []) if not check.passed]
        return dg.MaterializeResult(
            metadata={"checks": len(checks.get(day, [])), "failed": len(failed), "days_checked": len(checks)}
        )

    @dg.asset(deps=marts, pool="duckdb_writer", **settings("marts", {"duckdb", "parquet"}))
    def published_marts(world: WorldResource) -> dg.MaterializeResult:
        """The marts as one Parquet snapshot behind an atomically swapped pointer: all that readers ever open."""
        version = publish(world.home / WAREHOUSE_FILE, world.home)
        return dg.MaterializeResult(metadata={"version": version})

    @dg.asset(deps=[published_marts, log_checks], **settings("verdict", {"python", "scipy"}))
    def verdicts(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One row per experiment and day: promote, hold or rollback, with its reasons and all findings."""
        day = date.fromisoformat(context.partition_key)
        told: dict[str, dg.MetadataValue] = {}
        for plan in effects.running(world, day):
            verdict = verdict_day.judge_day(world, plan, day)
            recorded = world.verdicts.record(verdict)
            told[plan.slug] = dg.MetadataValue.md(f"```\n{effects.as_text(verdict, plan)}\n```")
            told |= _numbers(verdict)
            told[f"{plan.slug}_file"] = dg.MetadataValue.path(recorded.path)
        for broken in world.world.broken_plans:
            context.log.error(str(broken))
        return dg.MaterializeResult(metadata=told)

    @dg.asset(deps=[verdicts], **settings("effects", {"json"}))
    def traffic_flag(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """The flag file that splits the traffic; it follows the newest verdict."""
        day = date.fromisoformat(context.partition_key)
        return _effects(context, effects.follow_flags(world, day), effects.NOT_MOVED)

    @dg.asset(deps=[verdicts, traffic_flag], **settings("effects", {"slack"}))
    def slack_message(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One message per experiment and day in the plan's channel, or a file when there is no token."""
        day = date.fromisoformat(context.partition_key)
        return _effects(context, effects.tell_slack(world, day), effects.NOT_DELIVERED)

    @dg.asset(deps=[verdicts, traffic_flag], **settings("effects", {"html"}))
    def report_page(world: WorldResource) -> dg.MaterializeResult:
        """One page per experiment: A against B over time, as a file that needs no server."""
        return dg.MaterializeResult(
            metadata={slug: dg.MetadataValue.path(path) for slug, path in effects.write_pages(world).items()}
        )

    return [log_checks, published_marts, verdicts, traffic_flag, slack_message, report_page]


def _effects(context: dg.AssetExecutionContext, outcomes: dict[str, str], bad: str) -> dg.MaterializeResult:
    """Show what became of an effect; one that did not happen is an error in the log and in the terminal."""
    for slug, outcome in outcomes.items():
        (context.log.error if outcome.startswith(bad) else context.log.info)(f"{slug}: {outcome}")
    return dg.MaterializeResult(metadata=dict(outcomes))


def _numbers(verdict: Verdict) -> dict[str, dg.MetadataValue]:
    """Effect and strength of the primary metric, which Dagster plots over the days."""
    primary = verdict.findings[0]
    values = {"effect": primary.effect, "z_star": primary.z_star, "promote_bar": primary.bar}
    return {
        f"{verdict.experiment}_{name}": dg.MetadataValue.float(value)
        for name, value in values.items()
        if value is not None
    }
