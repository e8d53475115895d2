"""What arrives at the landing: a file, its rows at once or in batches, and the columns that they must have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from pacer_pipelines.adapters.file_lines import Fingerprint


class Column(Protocol):
    """What the landing needs to know of a column."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> str:
        """Its DuckDB type."""

    @property
    def required(self) -> bool:
        """Whether it may not be null."""


class Reject(Protocol):
    """What the landing needs to know of a refused row."""

    @property
    def line(self) -> int:
        """Its line in the file."""

    @property
    def reason(self) -> str:
        """Why it was refused."""

    @property
    def detail(self) -> str:
        """Which field, what came, what is allowed; never the content."""

    @property
    def day(self) -> date | None:
        """Its day in the plans' time zone, where it is known."""


class Parsed(Protocol):
    """What the landing needs to know of a parsed file, or of a batch of its rows."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Typed rows."""

    @property
    def rejects(self) -> Sequence[Reject]:
        """Refused rows."""

    @property
    def rows_in(self) -> int:
        """Rows that came in."""

    @property
    def warnings(self) -> Mapping[str, int]:
        """Values that were emptied while their row was kept."""

    @property
    def forgotten(self) -> int:
        """Rows of forgotten students, dropped."""


def _all_of_it(batch: Parsed) -> Parsed:
    return batch


@dataclass(frozen=True)
class Stream:
    """A file in batches, each with other lines than the ones before, and what makes a row a repeated one.

    Args:
        batches: The rows and rejects of the file.
        identity: Columns that may not come twice; none means all of them but the line.
        called: The name of that identity, for the reason of a repeated row.
        keep: Gives the rows of a batch that may land; the others are forgotten, once repeated ones are refused.
    """

    batches: Iterator[Parsed]
    identity: Sequence[str]
    called: str
    keep: Callable[[Any], Parsed] = _all_of_it


@dataclass(frozen=True)
class Arrival:
    """A file as it arrived: its key, the name people may see, and its content, or what is known of it.

    A fingerprint knows the beginnings that it was asked for; ask for ``Landing.sizes``. ``tag`` is a word of object
    storage that changes with the content. ``schema`` is the newest version of a line that its parser knew.
    """

    key: str
    name: str
    content: bytes | Fingerprint
    tag: str = ""
    schema: int = 0

    @property
    def whole(self) -> Fingerprint:
        """Hash and size of the content."""
        if isinstance(self.content, Fingerprint):
            return self.content
        return Fingerprint(hashlib.sha256(self.content).hexdigest(), len(self.content))

    def beginning(self, size: int) -> str | None:
        """Hash of the first bytes; None when there are fewer of them."""
        if isinstance(self.content, Fingerprint):
            return self.content.beginnings.get(size)
        return None if size > len(self.content) else hashlib.sha256(self.content[:size]).hexdigest()
