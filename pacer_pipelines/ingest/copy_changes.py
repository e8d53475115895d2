"""Which rows of a copy have to be parsed: the ones whose keyed digest is not the one that landed last.

A table of a million rows changes in some hundreds of them a day. Reading them all is cheap, parsing them all is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacer_pipelines.ingest.pacer_tables import source_line, student_of
from pacer_pipelines.ingest.rows import BIGINT_MAX, Origin, Reject

# Raise it when a parser of PACER's tables reads the same row in another way: every row is then parsed again.
READING = 1

Values = tuple[Any, ...]
Digest = Callable[[Values], int]


def row_digest(table: str, names: Sequence[str], origin: Origin, students: Collection[str] = ()) -> Digest:
    """Give the function from a row's values to its digest: 64 bits, keyed, since a plain hash could be guessed back.

    It covers all that a parser sees: the values with their types, the student whom a submission belongs to (which a
    new student may change), the time zone of the local days and the version of the parsers.

    Args:
        table: The table, so that tables do not share digests.
        names: Names of the values, in their order.
        origin: Pseudonyms and time zone.
        students: Known student ids, for `llm_logs`.
    """
    key = origin.pseudonyms.derived_key(f"rows of {table}, {READING}, {origin.tz}, {','.join(names)}")
    submission = names.index("submission_id") if "submission_id" in names else None

    def digest(row: Values) -> int:
        seen: Values = row
        if submission is not None and type(row[submission]) is str:
            seen = (*row, student_of(row[submission], students))
        told = repr(seen).encode("utf-8", "backslashreplace")
        return int.from_bytes(blake2b(told, digest_size=8, key=key).digest(), "big", signed=True)

    return digest


@dataclass(frozen=True)
class Known:
    """The rows that are there as of the copy before: ids in ascending order, and the digest of each."""

    ids: NDArray[np.int64]
    digests: NDArray[np.int64]


class CopyChanges:
    """Goes through a copy in order of its ids, batch by batch, and keeps what has to be looked at."""

    def __init__(self, names: Sequence[str], known: Known, digest: Digest) -> None:
        """Take the names of the values (the id first), what is known, and how to digest a row."""
        self._names, self._known, self._digest = tuple(names), known, digest
        self.key = self._names[0]
        self._there = np.zeros(len(known.ids), dtype=bool)
        self._last: int | None = None
        self.rows_read = 0

    def split(self, batch: Sequence[Values]) -> tuple[list[dict[str, Any]], list[Reject]]:
        """Give the new and changed rows of a batch as records for a parser, and the repeated ids as rejects."""
        fresh: list[tuple[int, Values]] = []
        rejects: list[Reject] = []
        for number, row in enumerate(batch, start=self.rows_read + 1):
            if self._repeats(row[0]):
                rejects.append(Reject(source_line(row[0], number), f"duplicate {self.key}"))
            else:
                fresh.append((number, row))
        self.rows_read += len(batch)
        digests = [self._digest(row) for _, row in fresh]
        same = self._unchanged([row[0] for _, row in fresh], digests)
        records = [
            {**dict(zip(self._names, row, strict=True)), "source_digest": digest, "row_number": number}
            for (number, row), digest, unchanged in zip(fresh, digests, same, strict=True)
            if not unchanged
        ]
        return records, rejects

    def refuse(self, keys: Sequence[int]) -> None:
        """Take the ids of rows that are there and could not be used: of those the copy shows nothing."""
        known = [key for key in keys if abs(key) <= BIGINT_MAX]
        self._there &= ~np.isin(self._known.ids, np.array(known, dtype=np.int64))

    def gone(self) -> NDArray[np.int64]:
        """Give the known ids that the copy shows no usable row of; ask after the last batch."""
        return self._known.ids[~self._there]

    def _repeats(self, key: object) -> bool:
        """Rows come in order of their ids, so a repeated id follows itself."""
        if type(key) is not int:
            return False
        repeated, self._last = key == self._last, key
        return repeated

    def _unchanged(self, keys: list[Any], digests: list[int]) -> NDArray[np.bool_]:
        """Say which rows are as they landed, and note which known ids are there."""
        usable = np.array([type(key) is int and abs(key) <= BIGINT_MAX for key in keys], dtype=bool)
        same = np.zeros(len(keys), dtype=bool)
        if len(self._known.ids):
            ids = np.array(
                [key if fine else 0 for key, fine in zip(keys, usable, strict=True)], dtype=np.int64
            )
            at = np.minimum(np.searchsorted(self._known.ids, ids), len(self._known.ids) - 1)
            found = usable & (self._known.ids[at] == ids)
            self._there[at[found]] = True
            same = found & (self._known.digests[at] == np.array(digests, dtype=np.int64))
        return same
