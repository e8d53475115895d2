"""PACER's SQLite file: copied through the online backup, and only the copy is read.

A reader that kept PACER's file open for six seconds lost PACER a write and wedged it. So its lock is held for the
copy alone, and asked for in small steps as long as nobody writes in between.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.pacer_columns import FIELDS, Field
from pacer_pipelines.adapters.source_files import unpack_to
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

BUSY_SECONDS = 10.0
STEP_PAGES = 4096  # 16 MB of the usual pages: a lock of some milliseconds
RESTARTS = 2  # a writer between two steps makes the copy begin anew; then it is made in one step
BATCH = 5000
_CHUNK = 1 << 20
_STEPS_AT_ONCE, _LEAST_STEPS, _STEPS_PER_BYTE = 10_000, 50_000_000, 10


@contextmanager
def sqlite_reader(source: str, path: Path) -> Iterator[SqliteReader]:
    """Give a reader of a private copy of a SQLite file, live or archived (`.gz`, `.zst`).

    Raises:
        SourceMissing: If there is no such file.
        SourceUnreadable: If it cannot be copied, is no database, or is damaged where we read.
    """
    # SQLite looks for the log beside the file that a link points to
    real = Path(os.path.realpath(path))
    with _named(source, path):
        found = real.is_file()
    if not found:
        raise SourceMissing(source, str(path))
    with tempfile.TemporaryDirectory(prefix="pacer-") as folder:
        copy = Path(folder) / "pacer.db"
        with _named(source, path):
            if real.suffix.lower() in (".gz", ".zst"):
                unpack_to(source, real, copy)
            else:
                _back_up(real, copy)
            db = sqlite3.connect(copy)
            _stop_runaway(db, copy.stat().st_size)
        with closing(db):
            reader = SqliteReader(source, str(path), db)
            reader.check_pages()
            yield reader


@contextmanager
def _named(source: str, path: Path | str) -> Iterator[None]:
    """Turn what SQLite or the disk refuses into an error that names the source."""
    try:
        yield
    except sqlite3.Error as error:
        encrypted = " (or it is encrypted)" if "not a database" in str(error) else ""
        raise SourceUnreadable(source, str(path), f"{error}{encrypted}") from error
    except OSError as error:
        raise SourceUnreadable(source, str(path), error.strerror or type(error).__name__) from error


class SqliteReader:
    """Reads the copy."""

    def __init__(self, source: str, where: str, db: sqlite3.Connection) -> None:
        """Take the opened copy. Nothing in its schema is trusted, and text that is no UTF-8 comes as it is."""
        self.where, self._source, self._db = where, source, db
        db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
            self._all(f"PRAGMA {pragma}")

    def check_pages(self) -> None:
        """Refuse a copy whose pages are damaged: rows behind a broken page would seem to be deleted.

        Raises:
            SourceUnreadable: If one of the tables that we read is damaged.
        """
        found = self._all("SELECT name FROM sqlite_master WHERE type = 'table'")
        for table in sorted(FIELDS.keys() & {name for (name,) in found}):
            if self._all(f"PRAGMA quick_check({table})") != [("ok",)]:
                raise SourceUnreadable(self._source, self.where, f"{table}: pages are damaged")

    def tables(self) -> Sequence[str]:
        """Give the names of tables and views."""
        return [
            name for (name,) in self._all("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]

    def columns(self, table: str) -> Mapping[str, str]:
        """Give the columns; declared types are left out, since SQLite holds nobody to them."""
        return {name: "" for (name,) in self._all("SELECT name FROM pragma_table_xinfo(?)", table)}

    def batches(
        self, table: str, fields: Sequence[Field], distinct: bool = False
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Give the rows in order of the first field."""
        values = ", ".join(f'length("{f.column}")' if f.kind == "length" else f'"{f.column}"' for f in fields)
        chosen = f"{'DISTINCT ' if distinct else ''}{values}"
        with _named(self._source, self.where):
            cursor = self._db.execute(f'SELECT {chosen} FROM "{table}" ORDER BY "{fields[0].column}"')
        while batch := self._next(cursor):
            yield batch

    def _next(self, cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        with _named(self._source, self.where):
            return cursor.fetchmany(BATCH)

    def _all(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with _named(self._source, self.where):
            return self._db.execute(query, values).fetchall()


def _stop_runaway(db: sqlite3.Connection, size: int) -> None:
    """Stop a query that takes more steps of SQLite's machine than rows of a file of this size can ask for.

    A view in a damaged or crafted copy may have no end.
    """
    steps = iter(range((_LEAST_STEPS + _STEPS_PER_BYTE * size) // _STEPS_AT_ONCE))
    db.set_progress_handler(lambda: next(steps, None) is None, _STEPS_AT_ONCE)


def _back_up(path: Path, copy: Path) -> None:
    """Copy a file that PACER may be writing to; its lock is held for the copy only."""
    _warm(path)
    try:
        source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        with closing(source):
            _copy(source, copy)
    except sqlite3.OperationalError as error:
        if path.with_name(path.name + "-wal").exists() or "unable to open" not in str(error):
            raise
        # An archived copy in WAL mode on a read-only disk: nobody writes there, so its bytes are the state.
        copy.unlink(missing_ok=True)
        shutil.copyfile(path, copy)


def _warm(path: Path) -> None:
    """Read the file once without any lock, so that the locked copy comes from memory and not from the disk."""
    with path.open("rb") as stream:
        while stream.read(_CHUNK):
            pass


class _Restarted(Exception):
    """Somebody wrote between two steps, again and again."""


def _copy(source: sqlite3.Connection, copy: Path) -> None:
    """Copy in steps, and in one step when writers never leave a gap as long as the whole copy."""
    try:
        _copy_by(source, copy, STEP_PAGES)
    except _Restarted:
        # what has been written of it is no database
        copy.unlink()
        _copy_by(source, copy, -1)


def _copy_by(source: sqlite3.Connection, copy: Path, pages: int) -> None:
    with closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous = OFF")
        target.execute("PRAGMA journal_mode = OFF")
        source.backup(target, pages=pages, progress=_watch(RESTARTS), sleep=0)


def _watch(restarts: int) -> Callable[[int, int, int], None]:
    """Follow a copy: it may begin anew so many times, and a lock that is never given back ends it."""
    left, allowed = -1, restarts

    def watch(status: int, remaining: int, _: int) -> None:
        nonlocal left, allowed
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise sqlite3.OperationalError(f"locked by a writer for more than {BUSY_SECONDS:.0f} s")
        allowed -= 0 <= left <= remaining
        left = remaining
        if allowed < 0:
            raise _Restarted

    return watch
