"""The logs as they grow, for the dashboard: read by the watch's own intake into a memory of this process alone."""

import logging
from datetime import datetime
from threading import Lock

from pacer_pipelines.adapters.watch_store import passing_store
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.live import Live, LiveCount
from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.watch_intake import Intake, take_in
from pacer_pipelines.plan import Plan

_log = logging.getLogger(__name__)


class LiveLog:
    """What is new in the logs, however many viewers ask: they are read once at a time."""

    def __init__(self, world: WorldResource) -> None:
        """Keep the world; nothing is read yet."""
        self._world, self._store, self._lock = world, passing_store(), Lock()
        self._told: list[str] = []

    def _tell(self, problems: list[str]) -> None:
        """Into the server's log, once until they change; the page says only that there are some."""
        if problems != self._told:
            self._told = problems
            for problem in problems:
                _log.warning("live strip: %s", problem)

    def read(self, plan: Plan, since: datetime) -> Live:
        """What the logs say of an experiment later than a moment.

        Args:
            plan: the experiment.
            since: the moment, naive UTC.
        """
        at = self._world.now()
        with self._lock:
            try:
                intake = take_in(self._world, self._store, at)
            except PacerError as error:
                intake = Intake(problems=[str(error)])
            found = self._store.since(plan, since)
            self._tell(intake.problems)
        return Live(
            since,
            at,
            found.get(plan.control.variant, LiveCount()),
            found.get(plan.treatment.variant, LiveCount()),
            intake.behind,
            (say("live.unreadable"),) if intake.problems else (),
        )
