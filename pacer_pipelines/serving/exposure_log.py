"""The exposure log: exactly one line per judgement that was asked for, whatever becomes of it."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pacer_pipelines.serving.assignment import Assigner, Assignment, Request
from pacer_pipelines.serving.line_log import LineLog


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Exposure:
    """One request being served: which model to ask, and where PACER notes the id of what it stored.

    Tokens and cost are noted where they are known; a plan can guard them (``metric = "tokens"`` or ``"cost"``).
    """

    assignment: Assignment
    log_id: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class ExposureLog:
    """Assigns requests and writes down each of them."""

    def __init__(self, assigner: Assigner, path: Path, clock: Callable[[], datetime] = _now) -> None:
        """Take who assigns, the file, and the clock that gives the time of an exposure (with its offset)."""
        self.lines = LineLog(path)
        self._assigner = assigner
        self._clock = clock

    @contextmanager
    def serve(self, request: Request) -> Iterator[Exposure]:
        """Serve one request: ask ``assignment.model`` inside the block and set ``log_id`` when it is stored.

        An exception inside becomes a failure line and goes on to the caller: a failed judgement stays in the
        denominator. Of its text only the class is kept, because it may quote a student.

        Args:
            request: Whose judgement it is.

        Yields:
            The exposure with its assignment.
        """
        exposed_at, started = self._clock(), time.perf_counter()
        exposure = Exposure(self._assigner.assign(request))
        error: str | None = None
        try:
            yield exposure
        except BaseException as raised:  # a cancelled request was exposed as well
            error = type(raised).__name__
            raise
        finally:
            latency_ms = round((time.perf_counter() - started) * 1000, 2)
            self.lines.append(self._line(request, exposure, exposed_at, latency_ms, error))

    def _line(
        self, request: Request, exposure: Exposure, exposed_at: datetime, latency_ms: float, error: str | None
    ) -> dict[str, object]:
        """Give the fields of a line, named after OpenTelemetry's conventions for feature flags."""
        served = exposure.assignment
        line: dict[str, object] = {
            "exposure_id": str(uuid.uuid4()),
            "ts": exposed_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "feature_flag.key": self._assigner.split.flag_key,
            "feature_flag.result.variant": served.variant,
            "feature_flag.result.reason": served.reason,
            "feature_flag.error": served.error,
            "meta.flagSetId": served.flag_set,
            "meta.version": served.flag_version,
            "meta.experiment_id": served.experiment_id,
            "unit_id": request.student_id,
            "bucket": served.bucket,
            "submission_id": request.submission_id,
            "attrs": {"school": request.school, "grade": request.grade, "coach": request.coach},
            "model_version": served.version,
            "served_model": served.model,
        }
        if error is not None:
            line["error"] = error
        # names of OpenTelemetry's GenAI conventions; a failed call may have cost something too
        spent = {
            "gen_ai.usage.input_tokens": exposure.input_tokens,
            "gen_ai.usage.output_tokens": exposure.output_tokens,
            "cost_usd": exposure.cost_usd,
        }
        known = {name: value for name, value in spent.items() if value is not None}
        return line | {"log_id": None if error else exposure.log_id, "latency_ms": latency_ms} | known
