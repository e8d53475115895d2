"""One request being served, and the one line that says so whatever becomes of it."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType

from pacer_pipelines.serving.assignment import Assignment, Request
from pacer_pipelines.serving.event_logs import stamp
from pacer_pipelines.serving.ids import new_id
from pacer_pipelines.serving.split import Decoding, Split

SCHEMA_VERSION = 2
Line = dict[str, object]


class Exposure:
    """One request being served: what to ask, and where PACER notes what came of it.

    Use it as a context manager, sync or async, once. Inside, set ``log_id`` when PACER has stored the judgement, and,
    where they are known, the tokens, the cost and the identity of what answered.
    """

    log_id: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    def __init__(
        self,
        request: Request,
        split: Split,
        assign: Callable[[], Assignment],
        assign_async: Callable[[], Awaitable[Assignment]],
        write: Callable[[Line], None],
        clock: Callable[[], datetime],
    ) -> None:
        """Take what ``Assigner.serve`` gives; nothing is assigned or logged before the block is entered."""
        self._request, self._split = request, split
        self._assign, self._assign_async, self._write, self._clock = assign, assign_async, write, clock
        self._assignment: Assignment | None = None
        self._at: datetime | None = None
        self._digest: str | None = None
        self._prompt_hash: str | None = None
        self._decoding: Decoding = {}

    @property
    def assignment(self) -> Assignment:
        """What is served and why.

        Raises:
            RuntimeError: Outside of the block, where nobody has been served yet.
        """
        if self._assignment is None:
            raise RuntimeError("nobody is served yet: use `with assigner.serve(...) as served:`")
        return self._assignment

    @property
    def variant(self) -> str:
        """Name of the variant; never show it to coaches or students, it would unblind them."""
        return self.assignment.served.variant

    @property
    def version(self) -> str:
        """PACER's name of this version, for ``llm_logs.model_version``."""
        return self.assignment.served.version

    @property
    def model(self) -> str:
        """The model to ask."""
        return self.assignment.served.model

    @property
    def prompt(self) -> str:
        """Name of the prompt to use; empty where the plan names none."""
        return self.assignment.served.prompt

    def identify(
        self,
        *,
        model_digest: str | None = None,
        prompt_template: str | None = None,
        decoding: Decoding | None = None,
    ) -> None:
        """Note what really answers; a change of it inside a variant opens a new phase in the analysis.

        Args:
            model_digest: The digest that the model server gives its weights.
            prompt_template: The text of the prompt *before* a student's work is put in; only its SHA-256 is logged.
            decoding: Parameters such as temperature, top_p, seed: what makes answers differ.
        """
        if model_digest is not None:
            self._digest = model_digest
        if prompt_template is not None:
            self._prompt_hash = hashlib.sha256(prompt_template.encode(errors="replace")).hexdigest()
        if decoding is not None:
            self._decoding = decoding

    def __enter__(self) -> "Exposure":
        """Assign the request, and start its clock."""
        self._enter()
        self._take(self._assign())
        return self

    async def __aenter__(self) -> "Exposure":
        """As ``__enter__``, for providers that answer asynchronously."""
        self._enter()
        self._take(await self._assign_async())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the line; an exception goes on to the caller, a cancelled request was exposed as well."""
        if self._at is not None:
            latency_ms = round((time.perf_counter() - self._started) * 1000, 2)
            self._write(self._line(self._at, latency_ms, _class_of(error)))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As ``__exit__``; the write takes microseconds and does not wait for the event loop."""
        self.__exit__(kind, error, trace)

    def _enter(self) -> None:
        if self._at is not None:
            raise RuntimeError("an exposure is served once; call assigner.serve again")
        self._at, self._started = self._clock(), time.perf_counter()

    def _take(self, assignment: Assignment) -> None:
        self._assignment, served = assignment, assignment.served
        self._digest, self._prompt_hash = served.model_digest, served.prompt_hash
        self._decoding = served.decoding

    def _line(self, exposed_at: datetime, latency_ms: float, error: str | None) -> Line:
        """Give the fields of the line, named after OpenTelemetry's conventions for feature flags and GenAI."""
        assignment, request = self.assignment, self._request
        line: Line = {
            "exposure_id": new_id(),
            "ts": stamp(exposed_at),
            "feature_flag.key": self._split.flag_key,
            "feature_flag.result.variant": assignment.served.variant,
            "feature_flag.result.reason": assignment.reason,
            "feature_flag.error": assignment.error,
            "meta.flagSetId": assignment.flag_set,
            "meta.version": assignment.flag_version,
            "meta.experiment_id": self._split.experiment_id,
            "unit_id": request.student_id,
            "bucket": assignment.bucket,
            "submission_id": request.submission_id,
            "attrs": {"school": request.school, "grade": request.grade, "coach": request.coach},
            "model_version": assignment.served.version,
            "served_model": assignment.served.model,
        }
        if error is not None:
            # the class alone: the text may quote a student
            line["error"] = error
        line |= {"log_id": None if error else self.log_id, "latency_ms": latency_ms}
        return line | {"schema_version": SCHEMA_VERSION} | self._known()

    def _known(self) -> Line:
        """What not every caller knows; a failed call may have cost something too."""
        optional = {
            "meta.segment": self.assignment.segment,
            "model_digest": self._digest,
            "prompt": self.prompt or None,
            "prompt_hash": self._prompt_hash,
            "decoding": dict(self._decoding) or None,
            "gen_ai.usage.input_tokens": self.input_tokens,
            "gen_ai.usage.output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
        }
        return {name: value for name, value in optional.items() if value is not None}


def _class_of(error: BaseException | None) -> str | None:
    """Class of an exception; of a task group that failed for one reason, the reason's."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        (error,) = error.exceptions
    return None if error is None else type(error).__name__
