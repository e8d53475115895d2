"""A day from a terminal: the same job that the schedule starts, in this process and on the same Dagster instance."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import dagster as dg

from pacer_pipelines.config import World
from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration import effects, messages, progress
from pacer_pipelines.orchestration.definitions import DAILY, build_definitions
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.forgetting import finish_begun
from pacer_pipelines.orchestration.ingestion import saved_problems
from pacer_pipelines.orchestration.instance import instance_folder
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_assets import NOT_JUDGED, REVISED

# runs that hold the world's lock while they live
OURS = {"pacer/started_by": "pacer run"}
# steps whose metadata say what became of an effect
TELLING = ("verdicts", "traffic_flag", "slack_message", "weekly_digest")


@dataclass(frozen=True, slots=True)
class DayResult:
    """How a day ended: steps that failed, broken sources, what became of flag and message, and what was revised."""

    day: date
    success: bool
    failed_steps: tuple[str, ...]
    problems: tuple[str, ...]
    effects: tuple[str, ...]
    revised: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every step succeeded, and flag and message followed."""
        undone = (effects.NOT_MOVED, messages.NOT_DELIVERED, NOT_JUDGED)
        return self.success and not any(bad in text for text in self.effects for bad in undone)


class Runner:
    """Runs days of one world, one after the other, in this process."""

    def __init__(self, world: World) -> None:
        """Load the definitions once; every further day costs only its work."""
        self.world = world
        self.resource = WorldResource(config_file=str(world.config_file))
        self._job = build_definitions(world).resolve_job_def(DAILY)

    def run(
        self, day: date, tell: Callable[[str, str], None], tags: Mapping[str, str] | None = None
    ) -> DayResult:
        """Run the daily job for one day.

        Args:
            day: the day to judge.
            tell: called with (step, outcome) as steps end.
            tags: more tags of the run, for example what it may do outside (see effects.py).
        """
        progress.listen(tell)
        with alone(self.world.home):
            unfinished = self._finish_deletion()
            with dg.DagsterInstance.from_config(str(instance_folder(self.world.home))) as instance:
                _bury_the_dead(instance)
                result = self._job.execute_in_process(
                    partition_key=day.isoformat(),
                    instance=instance,
                    raise_on_error=False,
                    tags={**OURS, **(tags or {})},
                    run_config={"loggers": {"progress": {}}},
                )
        failed = [event.step_key or "" for event in result.all_events if event.is_step_failure]
        problems = unfinished + [
            text for configured, text in saved_problems(self.world.home).values() if configured and text
        ]
        return DayResult(
            day,
            result.success,
            tuple(failed),
            tuple(dict.fromkeys(problems)),
            tuple(_told(result)),
            tuple(_revised(result)),
        )

    def _finish_deletion(self) -> list[str]:
        """Finish a deletion that was interrupted; the day goes on when it cannot be, and says so."""
        try:
            finish_begun(self.resource)
        except PacerError as error:
            return [f"a deletion is not finished: {error}"]
        return []

    def texts(self, day: date) -> list[str]:
        """The verdict of each experiment on a day, for a terminal."""
        return [messages.as_text(self.resource, *each) for each in effects.judged(self.resource, day)]


def _bury_the_dead(instance: dg.DagsterInstance) -> None:
    """End the runs of this command that were killed, so that they give back the pool that they still hold.

    Whoever holds the world's lock knows that no other one of them is alive.
    """
    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(tags=OURS, statuses=alive)):
        instance.report_run_failed(run, "the process was killed; found by the run after it")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _revised(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """Which earlier verdicts late data revised."""
    for event in result.all_events:
        if event.is_step_materialization and event.step_key == "verdicts":
            for name, value in event.materialization.metadata.items():
                if name.endswith(REVISED):
                    yield f"{name.removesuffix(REVISED)}: {value.value}"


def _told(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What became of flag and message, and of a verdict that could not be given."""
    for event in result.all_events:
        if event.is_step_materialization and event.step_key in TELLING:
            for slug, value in event.materialization.metadata.items():
                if event.step_key != "verdicts" or value.value == NOT_JUDGED:
                    yield f"{slug}: {value.value}"
