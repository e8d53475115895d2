"""Versions of the log lines: an older line is upgraded step by step, one that is newer than we are is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pacer_pipelines.ingest.rows import INTEGER_MAX, FieldError, Record, integer

Step = Callable[[Record], Record]

FIELD = "schema_version"
# a line that does not say its version was written before lines said it
FIRST = 1
UNKNOWN = "unknown schema version"


@dataclass(frozen=True)
class Versions:
    """The versions of one log.

    Args:
        newest: The version that the parser reads.
        steps: Version -> what makes a line of the next version of one of this; pure, and there for each but the newest.
    """

    newest: int
    steps: Mapping[int, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse to exist with a step missing."""
        if sorted(self.steps) != list(range(FIRST, self.newest)):
            raise ValueError(
                f"steps: got {sorted(self.steps)}, allowed one for each of {FIRST}..{self.newest - 1}"
            )

    def upgraded(self, record: Record) -> Record:
        """Give the line as the newest version would say it; its own version stays as it was said.

        Raises:
            FieldError: If the version is no number, or a later one.
        """
        for version in range(said_version(record, self.newest), self.newest):
            record = self.steps[version](record)
        return record


def said_version(record: Record, newest: int = INTEGER_MAX) -> int:
    """Give the version that a line says, 1 if it says none.

    Raises:
        FieldError: If it is no number of at least 1, or later than the newest one that is known.
    """
    if record.get(FIELD) is None:
        return FIRST
    said = integer(record, FIELD, FIRST, INTEGER_MAX)
    if said > newest:
        allowed = f"allowed {FIRST}..{newest}"
        raise FieldError(
            UNKNOWN, f"{FIELD}: got {said}, {allowed}: upgrade the pipeline, and these lines land"
        )
    return said


def exposure_from_1(record: Record) -> Record:
    """Give the same line: all that version 2 can say more is optional.

    Whether a bucket is salted is asked of the version that the line itself said.
    """
    return record


EXPOSURES = Versions(2, {1: exposure_from_1})
FEEDBACK = CARD_REVIEWS = Versions(1)
