"""The feedback log: one line for each rating, change of a rating, and rating taken back."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pacer_pipelines.serving.line_log import LineLog


def _now() -> datetime:
    return datetime.now(UTC)


class FeedbackLog:
    """Writes feedback events, because PACER itself keeps only the last state of a rating."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = _now) -> None:
        """Take the file, and the clock that gives the time of an event (with its offset)."""
        self.lines = LineLog(path)
        self._clock = clock

    def record(
        self, log_id: int, coach_id: str, feedback: str | None, reason_code: str | None = None
    ) -> bool:
        """Append one event.

        Args:
            log_id: PACER's id of the judgement.
            coach_id: Who rated it.
            feedback: GOOD or BAD; None takes the rating back.
            reason_code: PACER's code for the reason, never free text.

        Returns:
            Whether the line was written; a failure is counted in ``lines.lost`` and never raised.
        """
        return self.lines.append(
            {
                "ts": self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
                "log_id": log_id,
                "coach_id": coach_id,
                "feedback": feedback,
                "reason_code": reason_code,
            }
        )
