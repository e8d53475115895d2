"""The sensor that starts a day once its files are complete; the schedule at its hour is the fallback."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from pacer_pipelines.adapters.log_ends import still_open
from pacer_pipelines.adapters.source_files import list_files
from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration import effects
from pacer_pipelines.orchestration.resources import WorldResource

EVERY_SECONDS = 60


def complete_sensor(job: str) -> dg.SensorDefinition:
    """The sensor of one world.

    Args:
        job: name of the daily job.
    """

    @dg.sensor(name="files_complete", job_name=job, minimum_interval_seconds=EVERY_SECONDS)
    def files_complete(context: dg.SensorEvaluationContext, world: WorldResource) -> dg.SensorResult:
        """Starts yesterday, once, as soon as nothing of it can be missing any more."""
        # read anew each time: plans and settings may have changed since the code was loaded
        fresh = WorldResource(config_file=world.config_file)
        day = fresh.today() - timedelta(days=1)
        plans = effects.running(fresh, day)
        if not plans:
            return dg.SensorResult(skip_reason=f"{day}: no experiment is running")
        if len(effects.judged(fresh, day)) == len(plans):
            return dg.SensorResult(skip_reason=f"{day} has been judged")
        if waits := waiting_for(fresh, day):
            return dg.SensorResult(skip_reason=f"{day} waits for {'; '.join(waits)}")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=str(day), partition_key=str(day))])

    return files_complete


def waiting_for(world: WorldResource, day: date) -> list[str]:
    """What may still bring rows of a day, as phrases; nothing once the day is complete.

    A log is complete when each of its files has a line of after the day's end, or has not been written to for
    ``settle_minutes``. A database is complete when it is live, since it is read by the run, or when one of its dated
    copies was taken after the day's end.

    Args:
        world: the world.
        day: a day that is over in the plans' time zone.
    """
    ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(world.world.timezone))
    until = ends.astimezone(UTC).replace(tzinfo=None)
    sources = world.world.settings.sources
    logs = {
        "exposures": sources.exposures,
        "feedback": sources.feedback,
        "card_reviews": sources.card_reviews,
    }
    waits = [
        phrase for name, where in logs.items() if where and (phrase := _open_log(world, name, where, until))
    ]
    copies = [taken_at for _, taken_at in world.world.database_urls()]
    if copies and None not in copies and max(filter(None, copies)) < until:
        waits.append("a copy of the database from after the day")
    return waits


def _open_log(world: WorldResource, name: str, where: str, until: datetime) -> str:
    settle = timedelta(minutes=world.world.settings.settle_minutes)
    try:
        open_files = [
            file.display_name
            for file in list_files(name, where)
            if still_open(name, file, until, world.now(), settle)
        ]
    except (PacerError, OSError) as error:
        return f"{name} ({error if isinstance(error, PacerError) else type(error).__name__})"
    return f"{name}: {', '.join(open_files[:3])} may still grow" if open_files else ""
