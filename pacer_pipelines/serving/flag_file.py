"""A flag file as an OpenFeature provider: flagd's own evaluation, and a reader that fails closed.

flagd's provider in FILE mode has three habits that an experiment cannot bear (docs/adr/0022): a file with an older time
is never read, so a restored one is ignored; a file that breaks leaves the last good flags in place, so a rolled back B
may go on being served; a flag with a typing mistake serves its default and says that all is well.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError, ParseError, ProviderNotReadyError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from pacer_pipelines.serving.flag_rules import flag_problems

_log = logging.getLogger(__name__)
Signature = tuple[int, int, int]


class _Loaded:
    """One state of the file: flags that can be asked, or why there are none. Never changed, only replaced."""

    def __init__(
        self,
        core: FlagdCore,
        problems: Mapping[str, str],
        error: Callable[[], OpenFeatureError] | None = None,
    ) -> None:
        self._core, self._problems, self._error = core, problems, error

    def core_for(self, flag_key: str) -> FlagdCore:
        """Give the evaluator.

        Raises:
            OpenFeatureError: The file cannot be read, or this flag does not serve what it says.
        """
        if self._error is not None:
            # a new one each time: an exception that is raised again keeps every traceback it ever had
            raise self._error()
        if flag_key in self._problems:
            raise ParseError(self._problems[flag_key])
        return self._core


class FlagFile(AbstractProvider):
    """Reads a flagd file, JSON, and follows each change of it, also back to an older one.

    The file is looked at when a flag is asked and the last look is ``poll_seconds`` old: no thread, so it works after
    a fork, and requests that come during a reload get the flags from before it.
    """

    def __init__(
        self, path: Path | str, poll_seconds: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the file, which may come later; replace it atomically (write beside it, then rename).

        Args:
            path: The flagd file.
            poll_seconds: How old the last look at it may be.
            monotonic: The clock that says so, in seconds.
        """
        super().__init__()
        self._path, self._poll, self._monotonic = Path(path), poll_seconds, monotonic
        self._lock = threading.Lock()
        self._seen: Signature | None = None
        self._loaded, self._looked_at = _Loaded(FlagdCore(), {}, ProviderNotReadyError), -1e9

    def get_metadata(self) -> Metadata:
        """Name the provider."""
        return Metadata(name="FlagFile")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Read the file; one that is missing or broken is said by each answer until it is mended."""
        self._current()

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Give a boolean flag."""
        return (
            self._current()
            .core_for(flag_key)
            .resolve_boolean_value(flag_key, default_value, evaluation_context)
        )

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Give a text flag."""
        return (
            self._current()
            .core_for(flag_key)
            .resolve_string_value(flag_key, default_value, evaluation_context)
        )

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Give a whole number."""
        return (
            self._current()
            .core_for(flag_key)
            .resolve_integer_value(flag_key, default_value, evaluation_context)
        )

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Give a number."""
        return (
            self._current()
            .core_for(flag_key)
            .resolve_float_value(flag_key, default_value, evaluation_context)
        )

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Give an object, which is what a variant with a model is."""
        return (
            self._current()
            .core_for(flag_key)
            .resolve_object_value(flag_key, default_value, evaluation_context)
        )

    def _current(self) -> _Loaded:
        now = self._monotonic()
        # nobody waits for another request's look at the file, but the very first one has to
        if now - self._looked_at >= self._poll and self._lock.acquire(blocking=self._seen is None):
            try:
                if now - self._looked_at >= self._poll:
                    self._look()
                    self._looked_at = now
            finally:
                self._lock.release()
        return self._loaded

    def _look(self) -> None:
        """Read the file if it is another than the one that was read last, newer or older."""
        signature = _signature(self._path)
        if signature == self._seen:
            return
        self._loaded = _read(self._path)
        self._seen = signature


def _signature(path: Path) -> Signature:
    """What tells one state of a file from another; zeros when there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _read(path: Path) -> _Loaded:
    core = FlagdCore()
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        core.set_flags(text)
        problems = _problems(document)
    except OSError as error:
        return _unusable(path, ProviderNotReadyError, error.strerror or type(error).__name__)
    except (ValueError, TypeError, AttributeError, RecursionError, OpenFeatureError) as error:
        return _unusable(path, ParseError, type(error).__name__)
    for flag_key, problem in problems.items():
        _log.error("%s: flag %s: control is served: %s", path.name, flag_key, problem)
    return _Loaded(core, problems)


def _problems(document: Any) -> dict[str, str]:
    """Flags that would load and serve something else than they say."""
    found: dict[str, str] = {}
    for flag_key, flag in document.get("flags", {}).items():
        if problems := flag_problems(flag):
            found[flag_key] = "; ".join(problems)
    return found


def _unusable(path: Path, kind: Callable[[str], OpenFeatureError], why: str) -> _Loaded:
    _log.error("%s: control is served: %s", path.name, why)
    return _Loaded(FlagdCore(), {}, lambda: kind(f"flag file: {why}"))
