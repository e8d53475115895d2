"""The door to PACER's database: one consistent snapshot, read in batches, that never makes PACER wait for long.

SQLite is copied through its online backup and only the copy is read (`pacer_sqlite`); a server is read in one
read-only transaction (`pacer_server`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pacer_pipelines.adapters.pacer_columns import FIELDS, UNREAD, Field
from pacer_pipelines.adapters.pacer_server import server_reader
from pacer_pipelines.adapters.pacer_sqlite import sqlite_reader
from pacer_pipelines.errors import SourceUnreadable

SOURCE = "pacer_database"
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:(?:///?)?")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NAMED = 10  # names that a message lists

Batch = list[tuple[Any, ...]]


class Reader(Protocol):
    """What a snapshot needs of an open database."""

    @property
    def where(self) -> str:
        """Its address, without a password."""

    def tables(self) -> Sequence[str]:
        """Give the names of all tables and views, for a message."""

    def columns(self, table: str) -> Mapping[str, str]:
        """Give column -> declared type; nothing if there is no such table."""

    def batches(self, table: str, fields: Sequence[Field], distinct: bool = False) -> Iterator[Batch]:
        """Give the rows in order of the first field."""


@dataclass(frozen=True)
class Snapshot:
    """PACER's tables at one moment."""

    reader: Reader

    @property
    def where(self) -> str:
        """The address, without a password."""
        return self.reader.where

    def batches(self, table: str) -> Iterator[Batch]:
        """Give the rows of `llm_logs`, `anki_cards` or `students` in order of their key, without free text.

        Each row has the values of `FIELDS[table]`.

        Raises:
            SourceUnreadable: If the table or one of its columns is missing or of another type; the message
                names it.
        """
        self._check(table)
        yield from self.reader.batches(table, FIELDS[table])

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Give the same rows by name."""
        names = [field.name for field in FIELDS[table]]
        for batch in self.batches(table):
            yield from (dict(zip(names, row, strict=True)) for row in batch)

    def student_ids(self) -> frozenset[str]:
        """Give the known student ids: from `students`, or from the cards if there is no such table."""
        table = "students" if self.reader.columns("students") else "anki_cards"
        self._check(table, FIELDS["students"])
        batches = self.reader.batches(table, FIELDS["students"], distinct=True)
        return frozenset(str(student) for batch in batches for (student,) in batch)

    def new_columns(self, table: str) -> list[str]:
        """Give the names of columns that nobody here knows, sorted; a name that is no plain word is not repeated."""
        known = {field.column for field in FIELDS[table]} | UNREAD[table]
        return sorted(_shown(name) for name in self.reader.columns(table) if name not in known)

    def _check(self, table: str, fields: Sequence[Field] | None = None) -> None:
        columns = self.reader.columns(table)
        if not columns:
            raise self._unreadable(f"no such table: {table}; there are: {_list(self.reader.tables())}")
        wanted = fields or FIELDS[table]
        missing = [field.column for field in wanted if field.column not in columns]
        if missing:
            new = self.new_columns(table) if table in UNREAD else []
            renamed = f"; columns that nobody here knows: {_list(new)}" if new else ""
            raise self._unreadable(f"{table}: no such column: {_list(missing)}{renamed}")
        for field in wanted:
            if field.kind == "time" and not _may_hold_a_time(columns[field.column]):
                came = columns[field.column]
                raise self._unreadable(
                    f"{table}.{field.column}: declared as {came}, allowed a timestamp or ISO 8601 text"
                )

    def _unreadable(self, why: str) -> SourceUnreadable:
        return SourceUnreadable(SOURCE, self.where, why, may_pass=False)


def _may_hold_a_time(declared: str) -> bool:
    """Say whether a declared type may hold a time; SQLite's declarations bind nobody, so its rows are asked."""
    return declared == "" or any(
        word in declared.upper() for word in ("TIMESTAMP", "DATETIME", "CHAR", "TEXT")
    )


def _list(names: Sequence[str]) -> str:
    shown = [_shown(name) for name in sorted(names)[:_NAMED]]
    rest = len(names) - len(shown)
    return (", ".join(shown) or "none") + (f" and {rest} more" if rest else "")


def _shown(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "(a name that is no plain word)"


def snapshot(url: str) -> AbstractContextManager[Snapshot]:
    """Give a snapshot of PACER's database for the time of a `with` block.

    Args:
        url: Path or `sqlite:///` URL of a live file, path of an archived `.db`, `.db.gz` or `.db.zst`, or any
            SQLAlchemy URL of PostgreSQL, MySQL or MariaDB.

    Raises:
        SourceMissing: If there is no such file.
        SourceUnreadable: If it cannot be opened, or is no database.
    """
    return _opened(url)


@contextmanager
def _opened(url: str) -> Iterator[Snapshot]:
    in_file = _SQLITE.match(url)
    if "://" in url and not in_file:
        opened: AbstractContextManager[Reader] = server_reader(SOURCE, url)
    else:
        opened = sqlite_reader(SOURCE, Path(url[in_file.end() :] if in_file else url))
    with opened as reader:
        yield Snapshot(reader)
