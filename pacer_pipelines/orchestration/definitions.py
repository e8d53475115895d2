"""The parts of the house in the order data flows, put together for one world."""

from datetime import datetime, time

import dagster as dg

from pacer_pipelines.config import World
from pacer_pipelines.orchestration.check_results import suite_checks
from pacer_pipelines.orchestration.complete_sensor import complete_sensor
from pacer_pipelines.orchestration.effect_assets import effect_assets
from pacer_pipelines.orchestration.failure import verdict_despite_failure
from pacer_pipelines.orchestration.landing_assets import landing_assets
from pacer_pipelines.orchestration.progress import progress_logger
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_assets import verdict_assets
from pacer_pipelines.orchestration.warehouse_assets import mart_keys, warehouse_assets
from pacer_pipelines.orchestration.watch_sensor import watch_sensor

DAILY = "daily"
MORNING = time(5, 0)


def build_definitions(world: World) -> dg.Definitions:
    """Assets, checks, job, schedule and sensors of one world.

    Args:
        world: its plans give the first day, the time zone and the owners.
    """
    first = min((plan.start_date for plan in world.plans), default=None)
    partitions = dg.DailyPartitionsDefinition(
        start_date=datetime.combine(first, time()) if first else datetime(2026, 1, 1), timezone=world.timezone
    )
    owners = sorted({plan.owner for plan in world.plans if _is_owner(plan.owner)})
    job = dg.define_asset_job(
        DAILY,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        hooks={verdict_despite_failure},
        description="From yesterday's logs to a verdict, the traffic that follows, and the message that says why.",
    )
    schedule = dg.build_schedule_from_partitioned_job(
        job, name="every_morning", hour_of_day=MORNING.hour, minute_of_hour=MORNING.minute,
        description="Judges the day that has just ended in the plans' time zone.",
    )  # fmt: skip
    return dg.Definitions(
        assets=[
            *landing_assets(partitions, owners),
            *warehouse_assets(partitions, owners, world.home),
            *verdict_assets(partitions, owners, mart_keys(world.home)),
            *effect_assets(partitions, owners),
        ],
        asset_checks=[suite_checks()],
        jobs=[job],
        schedules=[schedule],
        sensors=[complete_sensor(DAILY), watch_sensor(world.settings.watch_seconds)],
        loggers={"progress": progress_logger},
        resources={"world": WorldResource(config_file=str(world.config_file))},
    )


def _is_owner(owner: str) -> bool:
    """Dagster takes an e-mail address or a team; other owners stay in the plan."""
    name, at, domain = owner.partition("@")
    return owner.startswith("team:") or bool(name and at and "." in domain)
