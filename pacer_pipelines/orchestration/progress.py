"""What a person sees while a run goes on: one line per step, as it ends."""

import logging
from collections.abc import Callable

import dagster as dg

SHOWN = {
    "STEP_SUCCESS": "done",
    "STEP_FAILURE": "FAILED",
    "STEP_SKIPPED": "skipped",
    "STEP_UP_FOR_RETRY": "retrying",
}


class Progress(logging.Handler):
    """Calls back with (step, outcome) as steps end; everything else is quiet here and complete in the UI."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        """Keep the callback."""
        super().__init__(logging.DEBUG)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on the end of a step."""
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is not None and event.event_type_value in SHOWN:
            self._tell(event.step_key or "", SHOWN[event.event_type_value])


_listeners: list[Callable[[str, str], None]] = []


def listen(tell: Callable[[str, str], None]) -> None:
    """Have the runs of this process tell their steps to one listener."""
    _listeners[:] = [tell]


@dg.logger({}, description="One line per finished step, for the terminal.")
def progress_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """The logger of runs that a person started from a terminal."""
    logger = logging.Logger("pacer.progress", logging.DEBUG)
    for tell in _listeners:
        logger.addHandler(Progress(tell))
    return logger
