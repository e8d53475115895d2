"""Every row of every day accounted for: the table in Dagster, and the check that a verdict rests on."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import dagster as dg

from pacer_pipelines.adapters.reconciliation import DayFlow, reconcile
from pacer_pipelines.decisions.values import Check
from pacer_pipelines.errors import NothingPublished
from pacer_pipelines.orchestration import effects
from pacer_pipelines.orchestration.resources import WorldResource

CHECK = "every_row_explained"
WHY = "a row that nobody can account for may be the one that changes the verdict"
_NAMED = 5  # problems that a detail names before it only counts


def rows_check(world: WorldResource, first: date, day: date) -> Check | None:
    """Whether every row of every day up to one is explained; None before anything has been published."""
    try:
        return _check_of(reconcile(world.home, _days(first, day)))
    except NothingPublished:
        return None


def _check_of(flows: list[DayFlow]) -> Check:
    problems = list(dict.fromkeys(problem for flow in flows for problem in flow.problems))
    rows = sum(source.landed for flow in flows for source in flow.sources)
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return Check(
        name=CHECK,
        source="reconciliation",
        severity="critical",
        passed=not problems,
        observed=f"{rows:,} rows of {len(flows)} days, {len(problems)} not explained",
        expected="landed = delivered before + staged, counted = in the marts, on every day",
        detail="; ".join(problems[:_NAMED]) + more,
        why=WHY,
    )


def row_account_asset(common: dict[str, Any]) -> dg.AssetsDefinition:
    """The asset whose metadata is the account of its day.

    Args:
        common: partitions, owners and backfill policy of all assets.
    """
    spec = dg.AssetCheckSpec(CHECK, asset="reconciliation", description=WHY)

    @dg.asset(
        deps=["published_marts"], check_specs=[spec], group_name="completeness", kinds={"parquet"}, **common
    )
    def reconciliation(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        """One row per source and fate of the day's rows: delivered, landed, refused, staged, in the marts."""
        day = date.fromisoformat(context.partition_key)
        flows = reconcile(world.home, _days(effects.first_day(world), day))
        flow, check = flows[-1], _check_of(flows)
        return dg.MaterializeResult(
            metadata={
                "rows": dg.MetadataValue.table(list(_records(flow))),
                "rows_landed": sum(source.landed for source in flow.sources),
                "not_explained": len(flow.problems),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=CHECK,
                    passed=check.passed,
                    description=check.detail or WHY,
                    metadata={"observed": check.observed},
                )
            ],
        )

    asset: dg.AssetsDefinition = reconciliation
    return asset


def _records(flow: DayFlow) -> Iterable[dg.TableRecord]:
    for source in flow.sources:
        yield _record(source.source, "landed", source.landed)
        if source.repeated:
            yield _record(source.source, "delivered before", source.repeated)
        for fate, rows in sorted(source.fates.items()):
            yield _record(source.source, fate, rows)
        yield _record(source.source, "not explained", source.unexplained)
    for mart in flow.marts:
        yield _record(mart.what, "counted", mart.counted)
        yield _record(mart.what, "in the marts", mart.in_marts)


def _record(source: str, what: str, rows: int) -> dg.TableRecord:
    return dg.TableRecord({"source": source, "what": what, "rows": rows})


def _days(first: date, day: date) -> list[date]:
    return [date.fromordinal(number) for number in range(first.toordinal(), day.toordinal() + 1)]
