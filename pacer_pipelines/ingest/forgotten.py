"""Rows that were deleted on purpose: whatever is delivered again of them is dropped, and counted.

They are those of students who asked to be forgotten, and those that are older than may be kept.

Kept is a second keyed hash of each pseudonym and of the ids that belong to it, so that the list of the forgotten
names nobody, not even by pseudonym.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Parsed, Record

OWNERS = ("unit_key", "student_key")
# a row that names no owner is known by one of these; column -> kind
LINKS = {"log_id": "log", "card_id": "card", "submission_key": "submission"}
STUDENT = "student"
EVENT_DAYS = ("exposed_date", "feedback_date", "reviewed_date", "created_date")


class Forgotten:
    """Tells which rows belong to a forgotten student, and learns the ids that come with them."""

    def __init__(
        self, pseudonyms: Pseudonyms, marks: Iterable[str] = (), horizon: date | None = None
    ) -> None:
        """Take the key, the marks that are known, as :meth:`mark` gives them, and the first day that may be kept."""
        self._pseudonyms, self.marks, self._horizon = pseudonyms, set(marks), horizon

    def mark(self, kind: str, value: object) -> str:
        """Give what is kept of an id: kind is student (by pseudonym), log, card or submission (by pseudonym)."""
        return self._pseudonyms.mark(f"{kind}:{value}")

    def add(self, ids: Mapping[str, Iterable[object]]) -> None:
        """Add ids by kind."""
        self.marks |= {self.mark(kind, value) for kind, values in ids.items() for value in values}

    def is_student(self, student_key: str) -> bool:
        """Say whether a student, by pseudonym, is forgotten."""
        return bool(self.marks) and self.mark(STUDENT, student_key) in self.marks

    def drops(self, row: Record) -> bool:
        """Say whether a row is dropped: by its age, by its owner where it names one, else by what it is about."""
        return self._too_old(row) or (bool(self.marks) and self._theirs(row))

    def _too_old(self, row: Record) -> bool:
        days = (row[name] for name in EVENT_DAYS if row.get(name) is not None)
        return self._horizon is not None and any(day < self._horizon for day in days)

    def _theirs(self, row: Record) -> bool:
        owner = next((row[name] for name in OWNERS if row.get(name) is not None), None)
        if owner is not None:
            return self.is_student(owner)
        named = ((kind, row.get(name)) for name, kind in LINKS.items())
        return any(value is not None and self.mark(kind, value) in self.marks for kind, value in named)

    def keep(self, parsed: Parsed) -> Parsed:
        """Give the same file without the rows of the forgotten; their number stays in its account.

        The ids of dropped rows are learned, so that a rating which comes later finds nobody either.
        """
        if not self.marks and self._horizon is None:
            return parsed
        dropped = [row for row in parsed.rows if self.drops(row)]
        if not dropped:
            return parsed
        theirs = [row for row in dropped if not self._too_old(row)]
        for name, kind in LINKS.items():
            self.add({kind: {row[name] for row in theirs if row.get(name) is not None}})
        gone = set(map(id, dropped))
        rows = [row for row in parsed.rows if id(row) not in gone]
        return replace(parsed, rows=rows, forgotten=parsed.forgotten + len(dropped))
