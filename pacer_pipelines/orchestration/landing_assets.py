"""The sources as assets: each lands its files as Parquet per day, rejects beside them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dagster as dg

from pacer_pipelines.orchestration import anki_uploads, database_landing, ingestion
from pacer_pipelines.orchestration.ingestion import SourceReport
from pacer_pipelines.orchestration.resources import WorldResource

LANDED = (
    "exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews",
    "anki_card_links", "roster",
)  # fmt: skip
DESCRIPTIONS = {
    "exposures": "One row per judge call, failures included: who was served which variant, by which flag version. "
    "From the exposure log that the serving client writes.",
    "feedback_events": "One row per feedback event: a coach rates a decision GOOD or BAD, or takes it back.",
    "llm_logs": "One row per judgement x version of its row: history of PACER's llm_logs, because ratings are "
    "written into the row later, without a time.",
    "anki_cards": "One row per card x version of its row: history of PACER's anki_cards.",
    "card_reviews": "One row per review of one of PACER's own cards.",
    "anki_reviews": "One row per review in a student's Anki export.",
    "anki_card_links": "One row per card x Anki export that tells which of PACER's judgements the card was made from.",
    "roster": "One row per student: school, grade and coach.",
    "experiments": "One row per pre-registered plan: unit, variants, days, maturity windows, covariate, caps.",
    "experiment_exclusions": "One row per segment that a plan leaves out, because it was never randomised.",
    "flag_regions": "One row per experiment x version of the flag file x region of buckets that it serves one variant.",
}
# A door may be shut for a moment; everything behind it is pure and is not retried.
DOOR = dg.RetryPolicy(max_retries=2, delay=2)
ONE_DAY = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


def landing_assets(partitions: dg.DailyPartitionsDefinition, owners: list[str]) -> list[dg.AssetsDefinition]:
    """Assets of all sources.

    Args:
        partitions: days in the plans' time zone.
        owners: who answers for them, as Dagster spells owners.
    """
    common: dict[str, Any] = {"owners": owners, "partitions_def": partitions, "group_name": "landing"}
    return [
        _plans(common),
        _source("exposures", ingestion.land_exposures, {"json", "parquet"}, common),
        _source("feedback_events", ingestion.land_feedback, {"json", "parquet"}, common),
        _database(common),
        _source("card_reviews", ingestion.land_card_reviews, {"json", "parquet"}, common),
        _anki(common),
        _source("roster", ingestion.land_roster, {"csv", "parquet"}, common),
    ]


def _source(
    name: str, land: Callable[[WorldResource], SourceReport], kinds: set[str], common: dict[str, Any]
) -> dg.AssetsDefinition:
    @dg.asset(
        name=name, description=DESCRIPTIONS[name], kinds=kinds, retry_policy=DOOR, backfill_policy=ONE_DAY,
        pool="landing", **common,
    )  # fmt: skip
    def landed(context: dg.AssetExecutionContext, world: WorldResource) -> dg.MaterializeResult:
        return _told(context, world, land(world))

    asset: dg.AssetsDefinition = landed
    return asset


def _database(common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="pacer_database", specs=_specs(("llm_logs", "anki_cards"), {"sqlite", "parquet"}, common),
        retry_policy=DOOR, backfill_policy=ONE_DAY, pool="landing",
    )  # fmt: skip
    def pacer_database(
        context: dg.AssetExecutionContext, world: WorldResource
    ) -> Iterator[dg.MaterializeResult]:
        for report in database_landing.land_database(world):
            yield _told(context, world, report)

    asset: dg.AssetsDefinition = pacer_database
    return asset


def _anki(common: dict[str, Any]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="anki_exports", specs=_specs(anki_uploads.ANKI_TABLES, {"file", "parquet"}, common),
        retry_policy=DOOR, backfill_policy=ONE_DAY, pool="landing",
    )  # fmt: skip
    def anki_exports(
        context: dg.AssetExecutionContext, world: WorldResource
    ) -> Iterator[dg.MaterializeResult]:
        for report in anki_uploads.land_anki(world):
            yield _told(context, world, report)

    asset: dg.AssetsDefinition = anki_exports
    return asset


def _plans(common: dict[str, Any]) -> dg.AssetsDefinition:
    names = ("experiments", "experiment_exclusions", "flag_regions")
    *specs, regions = _specs(names, {"toml", "parquet"}, common)

    @dg.multi_asset(
        name="plans",
        # only versions of the flag that the log names are landed
        specs=[*specs, regions.replace_attributes(deps=["exposures"])],
        backfill_policy=ONE_DAY,
        pool="landing",
    )
    def plans(world: WorldResource) -> Iterator[dg.MaterializeResult]:
        number = ingestion.land_plans(world)
        for name in names:
            yield dg.MaterializeResult(asset_key=name, metadata={"plans": number})

    asset: dg.AssetsDefinition = plans
    return asset


def _specs(names: Iterable[str], kinds: set[str], common: dict[str, Any]) -> list[dg.AssetSpec]:
    return [dg.AssetSpec(name, description=DESCRIPTIONS[name], kinds=kinds, **common) for name in names]


def _told(
    context: dg.AssetExecutionContext, world: WorldResource, report: SourceReport
) -> dg.MaterializeResult:
    """Keep the report for the verdict, and show it where the analyst looks; what may pass is tried again."""
    if report.worth_a_retry and context.retry_number < DOOR.max_retries:
        raise dg.RetryRequested(DOOR.max_retries, DOOR.delay)
    ingestion.save_report(world, report)
    if report.problem:
        context.log.warning(report.problem)
    day = context.partition_key
    rows = [
        dg.TableRecord(
            {
                "file": item.file,
                "rows in": item.rows_in,
                "landed": item.landed,
                "rejected": item.rejected,
                "forgotten": item.forgotten,
                "noted": "; ".join(f"{what}: {times}" for what, times in item.warnings.items()),
            }
        )
        for item in report.files
    ]
    return dg.MaterializeResult(
        asset_key=report.source,
        metadata={
            "configured": report.configured,
            "rows_landed": report.landed,
            "rows_rejected": report.rejected,
            "rows_of_this_day": sum(item.per_day.get(day, 0) for item in report.files),
            **({"files": dg.MetadataValue.table(rows)} if rows else {}),
            **({"problem": report.problem} if report.problem else {}),
        },
    )
