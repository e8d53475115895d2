"""A stranger's SQLite file, opened so that it can only answer plain questions about plain tables.

References:
    "Defense against the dark arts": https://www.sqlite.org/security.html
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from pacer_pipelines.ingest.rows import FieldError, Row

_NAME = re.compile(r"[a-zA-Z]+")
# a hundred million steps of the machine of SQLite: some seven million reviews
_STEPS_CAP = 100_000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 24,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})
# Unicode: SQLite quotes a damaged schema in its message
REFUSALS = (sqlite3.Error, OverflowError, MemoryError, UnicodeError)
_OF_A_VALUE = re.compile(r" value in |^CHECK constraint ")


@contextmanager
def reading(collection: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to a private copy of a collection that only answers queries over its tables.

    Args:
        collection: A file that nobody else uses; a `-wal` beside it is not looked at.

    Raises:
        FieldError: Anything that SQLite says of a damaged or hostile file, also while it is being read.
    """
    try:
        with _limited(f"file:{quote(str(collection))}?mode=ro&immutable=1") as db:
            db.set_authorizer(_authorize)
            yield db
    except REFUSALS as error:
        raise told(error) from None


def told(error: Exception) -> FieldError:
    """Give the reason to show for what SQLite said; its own words could quote the file."""
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_INTERRUPT", "SQLITE_TOOBIG"):
        return FieldError(
            "Anki export too large", "reading it takes more than 100 million steps or 16 MiB a value"
        )
    return FieldError("damaged Anki export", getattr(error, "sqlite_errorname", type(error).__name__))


def select(db: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Give columns of a real table, row by row; a view, virtual table or generated column is not Anki's.

    Raises:
        FieldError: If there is no such table, or it lacks one of the columns.
    """
    found = db.execute(
        "SELECT sql FROM sqlite_master WHERE name = ? AND type = 'table' AND rootpage > 0", (table,)
    ).fetchall()
    if len(found) != 1:
        raise FieldError("damaged Anki export", f"no table {table}")
    assert all(map(_NAME.fullmatch, (table, *columns)))
    stored = {name.lower() for (name, hidden) in _columns_of(db, table) if not hidden}
    if missing := [name for name in columns if name.lower() not in stored]:
        raise FieldError("damaged Anki export", f"{table}: no column {missing[0]}")
    for row in db.execute(f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED"):
        yield dict(zip(columns, row, strict=True))


def check_whole(collection: Path, tables: tuple[str, ...]) -> None:
    """Refuse a file whose tables and indexes contradict each other: it was copied while Anki wrote.

    Raises:
        FieldError: Naming what the student can do.
    """
    try:
        with _limited(f"file:{quote(str(collection))}?mode=ro&immutable=1") as db:
            said = [
                str(line) for table in tables for (line,) in db.execute(f"PRAGMA integrity_check({table})")
            ]
    except REFUSALS as error:
        raise told(error) from None
    if any(line != "ok" and not _OF_A_VALUE.search(line) for line in said):
        raise FieldError("damaged Anki export", "copied while Anki was writing: close Anki and export again")


@contextmanager
def merging(collection: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that may merge the `-wal` file beside a private copy into it."""
    with _limited(f"file:{quote(str(collection))}?mode=rw") as db:
        yield db


@contextmanager
def _limited(address: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(address, uri=True)) as db:
        for limit, value in _LIMITS.items():
            db.setlimit(limit, value)
        _defend(db)
        # one note in another encoding must not cost the whole export
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        db.create_collation("unicase", _unicase)
        for pragma in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "mmap_size = 0",
            "cache_size = -16384",
        ):
            db.execute(f"PRAGMA {pragma}")
        steps = iter(range(_STEPS_CAP))
        db.set_progress_handler(lambda: next(steps, None) is None, 1000)
        yield db


def _defend(db: sqlite3.Connection) -> None:
    """Shut views, triggers and writable schemas where Python can; elsewhere `select` names real tables only."""
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA, False)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    reads_schema = action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
    return sqlite3.SQLITE_OK if action in _ALLOWED or reads_schema else sqlite3.SQLITE_DENY


def _columns_of(db: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    return [(str(name), hidden) for _, name, *_, hidden in db.execute(f"PRAGMA table_xinfo({table})")]


def _unicase(left: str, right: str) -> int:
    a, b = left.casefold(), right.casefold()
    return (a > b) - (a < b)
