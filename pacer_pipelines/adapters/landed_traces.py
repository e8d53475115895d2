"""The rows of students in the landing: which they are, by every id that leads to them, and their removal.

A row belongs to its owner where it names one (``unit_key``, ``student_key``), else to the judgement, card or
submission that it is about. Tables and columns are read from the landing itself, so a new table is no hole.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.deletions import Traces
from pacer_pipelines.adapters.parquet_files import connect, swap_in

_OWNERS = ("unit_key", "student_key")
_LINKS = {"log_id": "logs", "card_id": "cards", "submission_key": "submissions"}
# the day on which something happened, for its age
_EVENT_DAYS = ("exposed_date", "feedback_date", "reviewed_date", "created_date")
# plans and what follows from them speak of nobody
_NOBODYS = frozenset({"_ledger", "experiments", "experiment_exclusions", "flag_regions"})
_SCHEMA = "_schema.parquet"


@dataclass(frozen=True)
class Found:
    """Rows in the landing: per table, the part files that hold them, and the first day that they speak of, if any."""

    rows: dict[str, int]
    parts: tuple[Path, ...]
    first_day: str

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Table and file key of each delivered file that is touched."""
        return tuple(sorted({(_table(part), part.stem) for part in self.parts}))


def traces_of(home: Path, students: tuple[str, ...]) -> Traces:
    """Give every id in the landing that belongs to these students (pseudonyms), and to nobody else."""
    with _landed(home, Traces(students)) as db:
        for column, ids in (("submission_key", "submissions"), ("log_id", "logs"), ("card_id", "cards")):
            for table in _tables(db):
                if {column, _owner(db, table)} <= set(_columns(db, table)):
                    db.execute(
                        f"INSERT INTO ids.{ids} SELECT DISTINCT {column} FROM {table} WHERE ({_theirs(db, table)})"
                    )
            for table in sorted({"exposures", "llm_logs"} & set(_tables(db))):
                if column in _columns(db, table):
                    owner = _owner(db, table)
                    others = f"{owner} IS NOT NULL AND {owner} NOT IN (SELECT id FROM ids.students)"
                    db.execute(
                        f"DELETE FROM ids.{ids} WHERE id IN (SELECT {column} FROM {table} WHERE {others})"
                    )
        return Traces(students, *(_ids(db, ids) for ids in ("logs", "submissions", "cards")))


def find_rows(home: Path, traces: Traces) -> Found:
    """Count the rows behind traces, and name the parts that hold them."""
    rows: Counter[str] = Counter()
    parts: list[Path] = []
    days: list[str] = []
    with _landed(home, traces) as db:
        for table in _tables(db):
            dates = [name for name, kind in _columns(db, table).items() if kind == "DATE"]
            first = f"min(least({', '.join(dates)}))" if dates else "NULL"
            found = db.execute(
                f"SELECT filename, count(*), {first} FROM {table} WHERE ({_theirs(db, table)}) "
                "GROUP BY filename ORDER BY filename"
            )
            for name, number, day in found.fetchall():
                rows[table] += number
                parts.append(Path(name))
                days += [day.isoformat()] if day else []
    return Found(dict(rows), tuple(parts), min(days, default=""))


def with_rows(home: Path, students: tuple[str, ...]) -> frozenset[str]:
    """Give those of the students (pseudonyms) of whom anything has landed."""
    with _landed(home, Traces(students)) as db:
        return frozenset(
            student
            for table in _tables(db)
            if (owner := _owner(db, table)) in _columns(db, table)
            for (student,) in db.execute(
                f"SELECT DISTINCT {owner} FROM {table} WHERE {owner} IN (SELECT id FROM ids.students)"
            ).fetchall()
        )


def remove_rows(home: Path, traces: Traces, parts: tuple[Path, ...]) -> None:
    """Write parts anew without the rows behind traces; one without any row left goes."""
    with _landed(home, traces) as db:
        for part in parts:
            db.read_parquet(str(part), hive_partitioning=False).create_view("part", replace=True)
            db.execute(
                "CREATE OR REPLACE TEMP TABLE kept AS "
                f"SELECT * FROM part WHERE NOT ({_theirs(db, 'part')}) ORDER BY source_line"
            )
            if db.execute("SELECT count(*) FROM kept").fetchall() == [(0,)]:
                part.unlink()
            else:
                # as the landing writes them, so that a file that lands anew is the same bytes
                swap_in(part, lambda path: _copy(db, path))


def account(home: Path, table: str, key: str) -> None:
    """Bring the ledger entry of a delivered file in line with its parts: what is gone was forgotten."""
    path = home / "landing" / "_ledger" / table / f"{key}.json"
    if not path.exists():
        # a file of a student's own: it went whole
        return
    entry = json.loads(path.read_text(encoding="utf-8"))
    per_day = {}
    with connect() as db:
        for part in sorted((home / "landing" / table).glob(f"**/{key}.parquet")):
            day = part.parent.name.removeprefix("day=") if part.parent.name != table else "undated"
            per_day[day] = int(
                db.execute("SELECT count(*) FROM read_parquet($part)", {"part": str(part)}).fetchall()[0][0]
            )
    landed = sum(per_day.values())
    forgotten = entry["rows_in"] - entry["rejected"] - landed
    entry |= {"landed": landed, "forgotten": forgotten, "per_day": dict(sorted(per_day.items()))}
    replace_text(path, json.dumps(entry, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def remove_own_files(home: Path, students: tuple[str, ...]) -> int:
    """Remove ledger entries, rejects and parts of files that are named after a student; gives how many files."""
    own = [
        path
        for folder in (home / "landing", home / "rejects")
        for path in sorted(folder.glob("**/*"))
        if path.is_file() and any(student in path.name for student in students)
    ]
    for path in own:
        path.unlink()
    return len(own)


@contextmanager
def _landed(home: Path, traces: Traces) -> Iterator[duckdb.DuckDBPyConnection]:
    """The landing as views, and the traces as tables beside them."""
    with connect() as db:
        db.execute("CREATE SCHEMA ids")
        for name, ids in vars(traces).items():
            kind = {"logs": "BIGINT", "cards": "BIGINT", "before": "DATE"}.get(name, "VARCHAR")
            db.execute(
                f"CREATE TABLE ids.{name} AS SELECT DISTINCT unnest($ids::{kind}[]) AS id", {"ids": list(ids)}
            )
        for folder in sorted((home / "landing").glob("*")):
            parts = sorted(str(path) for path in folder.glob("**/*.parquet") if path.name != _SCHEMA)
            if folder.name not in _NOBODYS and parts:
                landed = db.read_parquet(parts, hive_partitioning=False, union_by_name=True, filename=True)
                landed.create_view(folder.name)
        yield db


def _theirs(db: duckdb.DuckDBPyConnection, table: str) -> str:
    """The condition in SQL that a row belongs to one of the students, or is too old."""
    columns, owner = _columns(db, table), _owner(db, table)
    linked = [
        f"{column} IN (SELECT id FROM ids.{ids})" for column, ids in _LINKS.items() if column in columns
    ]
    found = " OR ".join(linked) or "false"
    if owner in columns:
        found = f"{owner} IN (SELECT id FROM ids.students) OR ({owner} IS NULL AND ({found}))"
    days = [f"{day} < (SELECT max(id) FROM ids.before)" for day in _EVENT_DAYS if day in columns]
    return " OR ".join(f"coalesce({condition}, false)" for condition in (found, *days))


def _owner(db: duckdb.DuckDBPyConnection, table: str) -> str:
    columns = _columns(db, table)
    return next((name for name in _OWNERS if name in columns), "no owner")


def _tables(db: duckdb.DuckDBPyConnection) -> list[str]:
    found = db.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL")
    return [name for (name,) in found.fetchall()]


def _columns(db: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Type of each column of a view."""
    described = db.execute(f"DESCRIBE {table}").fetchall()
    return {row[0]: row[1] for row in described}


def _ids(db: duckdb.DuckDBPyConnection, table: str) -> tuple[Any, ...]:
    found = db.execute(f"SELECT DISTINCT id FROM ids.{table} WHERE id IS NOT NULL ORDER BY id")
    return tuple(row[0] for row in found.fetchall())


def _copy(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    db.execute(f"COPY kept TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)")


def _table(part: Path) -> str:
    return part.parent.parent.name if part.parent.name.startswith("day=") else part.parent.name
