"""The front door for PACER: who is served what, and one line for each request."""

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError
from openfeature.flag_evaluation import FlagValueType
from openfeature.provider import FeatureProvider, ProviderStatus

from pacer_pipelines.serving.assignment import (
    Assignment,
    Request,
    answered,
    context_of,
    control,
    forced,
)
from pacer_pipelines.serving.exposure import Exposure, Line
from pacer_pipelines.serving.line_log import LineLog
from pacer_pipelines.serving.split import Split

_log = logging.getLogger(__name__)
# the value that says "the flag gave none"
_NOTHING: Mapping[str, FlagValueType] = {}
_NUMBERS = itertools.count(1)
Sink = Callable[[Mapping[str, object]], object]


def _now() -> datetime:
    return datetime.now(UTC)


class Assigner:
    """Serves the requests of one experiment; nothing that is wrong with flag, provider or log ever reaches a caller."""

    def __init__(
        self,
        split: Split,
        provider: FeatureProvider,
        log: LineLog | None = None,
        also: Iterable[Sink] = (),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Put the parts together; returns when the provider is ready, or has said that it is not.

        Args:
            split: What is split; ``Split.from_plan`` reads it from the plan.
            provider: Any OpenFeature provider: ``FlagFile`` for a file, flagd's own for a server. It is bound to a
                domain of its own, so that PACER's other flags are left alone.
            log: Where exposures are written; none for a caller that only assigns.
            also: More takers of each line, such as ``telemetry.FlagEvents``; what they raise is logged.
            clock: Gives the time of an exposure, with its offset.
        """
        self.split, self.log, self._clock = split, log, clock
        self._sinks = [*([log.append] if log else []), *also]
        # one provider per domain: a second assigner must not take the first one's away
        domain = f"pacer/{split.experiment_id}/{next(_NUMBERS)}"
        try:
            # set_provider alone returns before the provider is ready
            api.set_provider_and_wait(provider, domain)
        except OpenFeatureError as error:
            _log.error("flag %s: the provider is not ready yet: %s", split.flag_key, type(error).__name__)
        self._client = api.get_client(domain)

    def serve(
        self,
        student_id: str,
        submission_id: str,
        *,
        school: str | None = None,
        grade: int | None = None,
        coach: str | None = None,
        force: str | None = None,
    ) -> Exposure:
        """Serve one judgement: ``with assigner.serve(...) as served:`` or ``async with``.

        Args:
            student_id: Whose work it is; the randomised unit unless the plan says request.
            submission_id: The work.
            school: As the flag's rules and the analysis know it.
            grade: Likewise.
            coach: Likewise; the analysis cannot do without it.
            force: Name of a variant that a tester asks for. It is served whatever the flag says, and never analysed.
                Decide yourself who may ask.

        Returns:
            The exposure, to be entered once. Exactly one line is written when the block ends, however it ends.
        """
        request = Request(student_id, submission_id, school, grade, coach)
        return Exposure(
            request,
            self.split,
            lambda: self.assign(request, force),
            lambda: self.assign_async(request, force),
            self._write,
            self._clock,
        )

    def assign(self, request: Request, force: str | None = None) -> Assignment:
        """Give the variant of a request, without a line; control, with reason and error, when the flag cannot say.

        The same unit gets the same variant for as long as the flag stays the same.
        """
        number = self.split.bucket(request.student_id, request.submission_id)
        try:
            early = self._without_flag(request, number, force)
            if early is not None:
                return early
            details = self._client.get_object_details(*self._question(request, number))
            return answered(self.split, number, details)
        except Exception as error:
            return self._broken(number, error)

    async def assign_async(self, request: Request, force: str | None = None) -> Assignment:
        """As ``assign``, for providers that answer asynchronously."""
        number = self.split.bucket(request.student_id, request.submission_id)
        try:
            early = self._without_flag(request, number, force)
            if early is not None:
                return early
            details = await self._client.get_object_details_async(*self._question(request, number))
            return answered(self.split, number, details)
        except Exception as error:
            return self._broken(number, error)

    def close(self) -> None:
        """Write what waits and close the log."""
        if self.log:
            self.log.close()

    def _without_flag(self, request: Request, number: int, force: str | None) -> Assignment | None:
        """What needs no question to the provider: a tester's wish, nobody's request, a provider that is down."""
        if force is not None:
            return forced(self.split, number, force)
        if not request.student_id or not request.submission_id:
            # all requests without an id would share one bucket
            return control(self.split, number, "ERROR", "TARGETING_KEY_MISSING")
        if self._client.get_provider_status() == ProviderStatus.ERROR:
            # asking it anyway would cost each request the provider's time-out
            return control(self.split, number, "ERROR", "PROVIDER_ERROR")
        return None

    def _question(
        self, request: Request, number: int
    ) -> tuple[str, Mapping[str, FlagValueType], EvaluationContext]:
        """Flag, the value that says "none", and what the rules may look at."""
        return self.split.flag_key, _NOTHING, context_of(request, number)

    def _broken(self, number: int, error: Exception) -> Assignment:
        _log.error("flag %s: control is served: %s", self.split.flag_key, type(error).__name__)
        return control(self.split, number, "ERROR", type(error).__name__)

    def _write(self, line: Line) -> None:
        for sink in self._sinks:
            try:
                sink(line)
            except Exception as error:
                _log.error("%s: an exposure was not taken: %s", self.split.flag_key, type(error).__name__)
