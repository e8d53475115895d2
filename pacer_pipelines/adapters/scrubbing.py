"""Pseudonyms of the forgotten outside the tables: Dagster's records, traces, the watch, what verdicts were made of.

And the proof: a look at every byte of the home, unpacked where it is packed, for what should be gone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import zstandard

from pacer_pipelines.adapters.atomic_file import replace_bytes
from pacer_pipelines.adapters.deletions import Traces
from pacer_pipelines.adapters.parquet_files import connect
from pacer_pipelines.decisions.values import canonical
from pacer_pipelines.errors import SourceUnreadable

NOBODY = "forgotten"
_SQLITE = b"SQLite format 3\0"
_STUDENT = 2  # column of the student in the table "students" of what a verdict was made of
# they belong to the SQLite file beside them, which empties them
_COMPANIONS = ("-wal", "-shm", "-journal")
# the tables are rewritten, not scrubbed; records are never changed
_NOT_SCRUBBED = frozenset(
    {"landing", "rejects", "published", "verdicts", "journal", "plans", "flags", "forgotten"}
)


def scrub(home: Path, names: tuple[str, ...]) -> int:
    """Write "forgotten" over every pseudonym in texts and SQLite files that are no records; gives how many changed.

    Raises:
        SourceUnreadable: somebody holds an SQLite file, for example Dagster's page; stop it, and begin again.
    """
    changed = 0
    if not names:
        return changed
    for path in sorted(home.rglob("*")):
        outside = path.relative_to(home).parts[0] in _NOT_SCRUBBED
        if outside or not path.is_file() or path.name.endswith((".duckdb", *_COMPANIONS)):
            continue
        if path.read_bytes()[: len(_SQLITE)] == _SQLITE:
            changed += _scrub_sqlite(path, names)
        elif any(name.encode() in path.read_bytes() for name in names):
            content = path.read_bytes()
            for name in names:
                content = content.replace(name.encode(), NOBODY.encode())
            replace_bytes(path, content)
            changed += 1
    return changed


def _scrub_sqlite(path: Path, names: tuple[str, ...]) -> bool:
    """Replace in each text column; what SQLite keeps of the old rows in free pages goes too."""
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
            places = list(_texts_with(db, names))
            # one that was killed before it had packed the file leaves names in free pages
            if not places and not any(name.encode() in path.read_bytes() for name in names):
                return False
            db.execute("BEGIN IMMEDIATE")
            for table, column, name in places:
                db.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE instr("{column}", ?)',
                    (name, NOBODY, name),
                )
            db.execute("COMMIT")
            _shrink(db)
    except sqlite3.Error as error:
        raise SourceUnreadable("deletion", str(path), f"{error}; stop what holds it and run again") from error
    return True


def _texts_with(db: sqlite3.Connection, names: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in db.execute(f'PRAGMA table_info("{table}")').fetchall():
            for name in names:
                found = db.execute(f'SELECT 1 FROM "{table}" WHERE instr("{column[1]}", ?) LIMIT 1', (name,))
                if found.fetchone():
                    yield table, column[1], name


def _shrink(db: sqlite3.Connection) -> None:
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def forget_in_watch(home: Path, traces: Traces) -> int:
    """Remove calls and ratings of students from the watch's memory; gives how many rows."""
    path = home / "state" / "watch.db"
    if not (path.exists() and traces.students):
        return 0
    removed = 0
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
            for sql, ids in (
                ("DELETE FROM exposures WHERE unit = ?", traces.students),
                ("DELETE FROM ratings WHERE log_id = ?", traces.logs),
            ):
                db.execute("BEGIN IMMEDIATE")
                removed += db.executemany(sql, [(item,) for item in ids]).rowcount if ids else 0
                db.execute("COMMIT")
            _shrink(db)
    except sqlite3.Error as error:
        raise SourceUnreadable("deletion", str(path), str(error)) from error
    return removed


def cut_evidence(home: Path, traces: Traces, at: str) -> tuple[str, ...]:
    """Take students out of what verdicts were made of; gives the ids of the verdicts that lost evidence.

    Of verdicts that are too old, all students go.
    """
    students, horizon = traces.students, max(traces.before, default="")
    cut = []
    for path in sorted((home / "verdicts").glob("*/*/*.made_of.json.zst")):
        text = zstandard.ZstdDecompressor().decompress(path.read_bytes()).decode()
        if f'"cut_at":"{at}"' in text:
            # by this deletion, before it was killed
            cut.append(path.name.partition(".")[0])
            continue
        content = json.loads(text)
        rows = content["rows"].get("students", [])
        old = path.parent.name < horizon
        kept = [row for row in rows if not (old or row[_STUDENT] in students)]
        if len(kept) == len(rows) and not any(student in text for student in students):
            continue
        content["rows"]["students"] = kept
        # a check that failed may name a student's upload
        without = _without(canonical({**content, "cut_at": at}), students)
        replace_bytes(path, zstandard.ZstdCompressor(level=9).compress(without.encode()))
        cut.append(path.name.partition(".")[0])
    return tuple(cut)


def still_there(home: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the files below the home that still hold one of the names, in name or content."""
    found: list[str] = []
    for path in sorted(home.rglob("*") if names else ()):
        inside = path.relative_to(home)
        if inside.parts[0] == "forgotten" or not path.is_file():
            continue
        if any(name in text for text in (str(inside), *_texts(path)) for name in names):
            found.append(_without(str(inside), names))
    return tuple(found)


def _texts(path: Path) -> Iterator[str]:
    data = path.read_bytes()
    yield data.decode("utf-8", errors="replace")
    if path.suffix == ".zst":
        yield zstandard.ZstdDecompressor().decompress(data).decode("utf-8", errors="replace")
    elif path.suffix == ".parquet":
        with connect() as db:
            db.read_parquet(str(path), hive_partitioning=False).create("content")
            yield "\n".join(
                row[0] for row in db.execute("SELECT CAST(c AS VARCHAR) FROM content AS c").fetchall()
            )


def _without(text: str, names: tuple[str, ...]) -> str:
    for name in names:
        text = text.replace(name, NOBODY)
    return text
