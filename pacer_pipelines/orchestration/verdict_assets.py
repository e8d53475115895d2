"""From what landed and what was built to the verdict."""

from datetime import date
from typing import Any

import dagster as dg

from pacer_pipelines.adapters.published import publish
from pacer_pipelines.adapters.warehouse import WAREHOUSE_FILE
from pacer_pipelines.decisions.revised import Revised, revised_text
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration import data_docs, effects, late, messages, verdict_day, window
from pacer_pipelines.orchestration.check_results import link
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.failure import again_of, judge_or_hold
from pacer_pipelines.orchestration.landing_assets import LANDED, ONE_DAY
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.row_accounts import row_account_asset

REVISED = "_revised"
NOT_JUDGED = "not judged: its records cannot be read or written, see the log of the run"


def verdict_assets(
    partitions: dg.DailyPartitionsDefinition, owners: list[str], marts: list[dg.AssetKey]
) -> list[dg.AssetsDefinition]:
    """Assets from the checks to the verdict.

    Args:
        partitions: days in the plans' time zone.
        owners: who answers for them.
        marts: keys of the dbt marts that are published.
    """
    common: dict[str, Any] = {
        "owners": owners,
        "partitions_def": partitions,
        "backfill_policy": ONE_DAY,
    }

    @dg.asset(deps=[*LANDED, "experiments"], group_name="completeness", kinds={"greatexpectations"}, **common)
    def log_checks(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One row per check and day: is what landed complete? Nothing here stops a rollback."""
        day = date.fromisoformat(context.partition_key)
        days = window.find_window("checked", world.landing, world.home, day, effects.first_day(world))
        checks = {each: verdict_day.check_day(world, each) for each in days.days}
        data_docs.write_docs(world.home, days.days)
        window.remember("checked", world.home, days)
        failed = [check for check in checks.get(day, []) if not check.passed]
        return dg.MaterializeResult(
            metadata={
                "checks": len(checks.get(day, [])),
                "failed": len(failed),
                "days_checked": len(checks),
                "data_docs": link(world, day),
            }
        )

    @dg.asset(deps=marts, pool="duckdb_writer", group_name="marts", kinds={"duckdb", "parquet"}, **common)
    def published_marts(world: WorldResource) -> dg.MaterializeResult:
        """The marts as one Parquet snapshot behind an atomically swapped pointer: all that readers ever open."""
        version = publish(world.home / WAREHOUSE_FILE, world.home)
        return dg.MaterializeResult(metadata={"version": version})

    accounts = row_account_asset(common)

    @dg.asset(
        deps=[published_marts, log_checks, accounts],
        group_name="verdict",
        kinds={"python", "scipy"},
        **common,
    )
    def verdicts(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One row per experiment and day: promote, hold or rollback, with its reasons and all findings."""
        day = date.fromisoformat(context.partition_key)
        told = _revised(context, late.revise(world, day))
        for plan in effects.running(world, day):
            with alone(world.home):
                again = again_of(world, plan, day, context.run.tags)
                judged = judge_or_hold(world, plan, day, again=again)
            if judged is None:
                told[plan.slug] = dg.MetadataValue.text(NOT_JUDGED)
                context.log.error(f"{plan.slug}: {NOT_JUDGED}")
                continue
            verdict, recorded = judged
            told[plan.slug] = dg.MetadataValue.md(f"```\n{messages.as_text(world, plan, verdict)}\n```")
            told |= _numbers(verdict)
            told[f"{plan.slug}_file"] = dg.MetadataValue.path(recorded.path)
        for broken in world.world.broken_plans:
            context.log.error(str(broken))
        return dg.MaterializeResult(metadata=told)

    return [log_checks, published_marts, accounts, verdicts]


def _revised(
    context: dg.AssetExecutionContext, revised: dict[str, tuple[Revised, ...]]
) -> dict[str, dg.MetadataValue]:
    """Say which earlier verdicts late data revised; a promotion that is lost is an error in the log."""
    told: dict[str, dg.MetadataValue] = {}
    for slug, days in revised.items():
        sentence, *loud = revised_text(days)
        context.log.warning(f"{slug}: {sentence}")
        for line in loud:
            context.log.error(f"{slug}: {line}")
        told[f"{slug}{REVISED}"] = dg.MetadataValue.text(". ".join([sentence, *loud]))
    return told


def _numbers(verdict: Verdict) -> dict[str, dg.MetadataValue]:
    """Effect and strength of the primary metric, which Dagster plots over the days."""
    primary = verdict.findings[0]
    values = {"effect": primary.effect, "z_star": primary.z_star, "promote_bar": primary.bar}
    return {
        f"{verdict.experiment}_{name}": dg.MetadataValue.float(value)
        for name, value in values.items()
        if value is not None
    }
