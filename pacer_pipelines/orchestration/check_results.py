"""What the expectations found, shown as Dagster asset checks on the asset that they are about."""

import json
from collections.abc import Iterator
from datetime import date

import dagster as dg

from pacer_pipelines.decisions.values import Check
from pacer_pipelines.orchestration import data_docs, verdict_day
from pacer_pipelines.orchestration.resources import EXPECTATIONS, WorldResource


def suite_specs() -> list[dg.AssetCheckSpec]:
    """One check per expectation of ``expectations/<source>.json``, on the asset of that source."""
    specs = []
    for path in sorted(EXPECTATIONS.glob("*.json")):
        for expectation in json.loads(path.read_text(encoding="utf-8"))["expectations"]:
            meta = expectation["meta"]
            specs.append(
                dg.AssetCheckSpec(
                    meta["name"], asset=path.stem, description=meta["why"], additional_deps=["log_checks"]
                )
            )
    return specs


def suite_checks() -> dg.AssetChecksDefinition:
    """Asset checks that show the results which ``log_checks`` kept; they block nothing downstream.

    A critical failure stops the promotion in the verdict, where it becomes a reason; a rollback must never wait.
    """

    @dg.multi_asset_check(name="expectations", specs=suite_specs())
    def expectations(
        context: dg.AssetCheckExecutionContext, world: WorldResource
    ) -> Iterator[dg.AssetCheckResult]:
        day = date.fromisoformat(context.run.tags["dagster/partition"])
        for check in verdict_day.kept_checks(world.home, day):
            yield _result(check, link(world, day, check))

    return expectations


def link(world: WorldResource, day: date, check: Check | None = None) -> dg.MetadataValue:
    """The page that explains the checks of a day, as Dagster opens it."""
    where = data_docs.link_to(world.home, world.world.settings.public_url, day, check)
    return dg.MetadataValue.url(where) if world.world.settings.public_url else dg.MetadataValue.path(where)


def _result(check: Check, docs: dg.MetadataValue) -> dg.AssetCheckResult:
    critical = check.severity == "critical"
    return dg.AssetCheckResult(
        asset_key=check.source,
        check_name=check.name,
        passed=check.passed,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        description=check.detail or check.why,
        metadata={
            "observed": check.observed,
            "expected": check.expected,
            "why": check.why,
            "data_docs": docs,
        },
    )
