"""The door to PACER's database: a consistent snapshot that never makes PACER wait.

A reader that kept PACER's SQLite file open for six seconds lost PACER a write and wedged it. So SQLite is
copied through its online backup API (85 ms for a fortnight) and only the copy is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.source_files import unpack_to
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

SOURCE = "pacer_database"
BUSY_SECONDS = 10.0
_TIMEOUTS = {"connect_timeout": 10, "options": "-c statement_timeout=600000"}

# Free text never leaves the database: it may hold names and phone numbers, and only its length is needed.
TABLE_COLUMNS: dict[str, dict[str, str]] = {
    "llm_logs": {
        "log_id": "log_id",
        "submission_id": "submission_id",
        "coach_id": "coach_id",
        "concept_name": "concept_name",
        "model_version": "model_version",
        "decision": "decision",
        "coach_feedback": "coach_feedback",
        "reason_code": "reason_code",
        "reason_length": "length(reason)",
        "memo_length": "length(memo)",
        "created_at": "created_at",
    },
    "anki_cards": {
        "card_id": "card_id",
        "student_id": "student_id",
        "llm_log_id": "llm_log_id",
        "interval_days": "interval_days",
        "ease_factor": "ease_factor",
        "repetitions": "repetitions",
        "last_reviewed_at": "last_reviewed_at",
        "created_at": "created_at",
    },
    "students": {"student_id": "student_id"},
}

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Snapshot:
    """PACER's tables at one moment; `rows(table)` gives them in order of their key."""

    where: str
    tables: frozenset[str]
    _query: Callable[[str], Iterable[tuple[Any, ...]]]

    def rows(self, table: str) -> Rows:
        """Give the rows of `llm_logs`, `anki_cards` or `students` without their free text.

        Raises:
            SourceUnreadable: If the table or one of its columns is missing; the message names it.
        """
        if table not in self.tables:
            raise SourceUnreadable(SOURCE, self.where, f"no such table: {table}")
        columns = TABLE_COLUMNS[table]
        select = f"SELECT {', '.join(columns.values())} FROM {table} ORDER BY {next(iter(columns.values()))}"
        for row in self._query(select):
            yield dict(zip(columns, row, strict=True))

    def student_ids(self) -> frozenset[str]:
        """Give the known student ids: from `students`, or from the cards if there is no such table."""
        table = "students" if "students" in self.tables else "anki_cards"
        return frozenset(str(row["student_id"]) for row in self.rows(table))


def new_versions(
    rows: Iterable[dict[str, Any]], current: Mapping[int, str], id_column: str
) -> list[dict[str, Any]]:
    """Give only the rows whose content is not the current one; feed dated copies in the order taken."""
    return [row for row in rows if current.get(row[id_column]) != row["row_hash"]]


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Give a snapshot of PACER's database for the time of a `with` block.

    Args:
        url: Path or `sqlite:///` URL of a live file, path of an archived `.db`, `.db.gz` or `.db.zst`, or a
            `postgresql://` URL.

    Raises:
        SourceMissing: If there is no such file.
        SourceUnreadable: If it cannot be opened, or is no database.
    """
    if "://" in url and not url.startswith("sqlite:"):
        with _server(url) as taken:
            yield taken
        return
    path = Path(url.removeprefix("sqlite:///"))
    if not path.is_file():
        raise SourceMissing(SOURCE, str(path))
    with tempfile.TemporaryDirectory(prefix="pacer-") as folder:
        copy = Path(folder) / "pacer.db"
        if path.suffix.lower() in (".gz", ".zst"):
            unpack_to(SOURCE, path, copy)
        else:
            _back_up(path, copy)
        with closing(sqlite3.connect(copy)) as db:
            query = _sqlite_query(db, path)
            found = query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            yield Snapshot(str(path), frozenset(name for (name,) in found), query)


def _back_up(path: Path, copy: Path) -> None:
    """Copy a file that PACER may be writing to; its lock is held for the copy only."""
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        with closing(source), closing(sqlite3.connect(copy)) as target:
            target.execute("PRAGMA synchronous = OFF")
            source.backup(target)
    except sqlite3.Error as error:
        if _wal_of(path).exists() or "unable to open" not in str(error):
            raise SourceUnreadable(SOURCE, str(path), str(error)) from error
        # An archived copy in WAL mode on a read-only disk: nobody writes there, so its bytes are the state.
        copy.unlink(missing_ok=True)
        shutil.copyfile(path, copy)


def _wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _sqlite_query(db: sqlite3.Connection, path: Path) -> Callable[[str], Iterable[tuple[Any, ...]]]:
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")

    def query(select: str) -> Iterable[tuple[Any, ...]]:
        try:
            yield from db.execute(select)
        except sqlite3.Error as error:
            raise SourceUnreadable(SOURCE, str(path), str(error)) from error

    return query


@contextmanager
def _server(url: str) -> Iterator[Snapshot]:
    """Read a database server in one REPEATABLE READ, READ ONLY transaction through server-side cursors."""
    from sqlalchemy import create_engine, inspect, make_url, text
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        address = make_url(url)
        where = address.render_as_string(hide_password=True)
        engine = create_engine(address, poolclass=NullPool, connect_args=_TIMEOUTS)
    except (ArgumentError, SQLAlchemyError, ImportError) as error:
        raise SourceUnreadable(SOURCE, "the configured database URL", type(error).__name__) from None
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise SourceUnreadable(SOURCE, where, type(error).__name__) from None
    with connection.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True, yield_per=5000
    ) as reading:

        def query(select: str) -> Iterable[tuple[Any, ...]]:
            try:
                yield from (tuple(row) for row in reading.execute(text(select)))
            except SQLAlchemyError as error:
                why = str(getattr(error, "orig", error)).splitlines()[0]
                raise SourceUnreadable(SOURCE, where, why) from None

        known = inspect(reading)
        yield Snapshot(where, frozenset(known.get_table_names() + known.get_view_names()), query)
