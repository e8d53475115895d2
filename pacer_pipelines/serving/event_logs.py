"""What PACER itself forgets: the feedback log and the card review log, one line per event."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pacer_pipelines.serving.line_log import LineLog, LogPolicy


def _now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Give a moment as the logs write it: ISO 8601, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


class FeedbackLog:
    """Ratings, changes of ratings and ratings taken back: PACER's own row keeps only the last state."""

    def __init__(
        self, folder: Path | str, policy: LogPolicy | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        """Take the folder, how lines are kept, and the clock that gives the time of an event."""
        self.lines = LineLog(folder, "feedback", policy)
        self._clock = clock

    def record(
        self, log_id: int, coach_id: str, feedback: str | None, reason_code: str | None = None
    ) -> bool:
        """Append one event; call it after the database has committed.

        Args:
            log_id: PACER's id of the judgement.
            coach_id: Who rated it.
            feedback: GOOD or BAD, also when it changes an earlier rating; None takes the rating back.
            reason_code: PACER's code for the reason, never free text.

        Returns:
            Whether the line was written; if not, it waits in memory (``lines.state``). Nothing is raised.
        """
        return self.lines.append(
            {
                "ts": stamp(self._clock()),
                "log_id": log_id,
                "coach_id": coach_id,
                "feedback": feedback,
                "reason_code": reason_code,
            }
        )


class CardReviewLog:
    """Reviews of PACER's own cards: the card's row keeps only the last one."""

    def __init__(
        self, folder: Path | str, policy: LogPolicy | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        """Take the folder, how lines are kept, and the clock that gives the time of a review."""
        self.lines = LineLog(folder, "card_reviews", policy)
        self._clock = clock

    def record(
        self,
        card_id: int,
        log_id: int,
        student_id: str,
        quality: int,
        intervals: tuple[int, int],
        taken_ms: int | None = None,
    ) -> bool:
        """Append one review; call it after the database has committed.

        Args:
            card_id: PACER's id of the card.
            log_id: PACER's id of the judgement that made it.
            student_id: Who reviewed it.
            quality: SM-2's grade, 0 to 5.
            intervals: Days until the next review, before and after this one.
            taken_ms: How long the answer took.

        Returns:
            As ``FeedbackLog.record``.
        """
        return self.lines.append(
            {
                "ts": stamp(self._clock()),
                "card_id": card_id,
                "log_id": log_id,
                "student_id": student_id,
                "quality": quality,
                "interval_before": intervals[0],
                "interval_after": intervals[1],
                "taken_ms": taken_ms,
            }
        )
