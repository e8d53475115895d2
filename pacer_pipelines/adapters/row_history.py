"""The history of one of PACER's tables: which versions a copy adds, whatever order the copies come in.

A copy is compared with the state that the landed versions give just before it. When a later copy has landed already,
that one's part is made anew from the landed versions too: its state is known, so it need not be there any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacer_pipelines.adapters.arrivals import Column, Reject
from pacer_pipelines.adapters.landing_rows import REJECT_SCHEMA, types_of
from pacer_pipelines.adapters.parquet_files import RowTables, quoted

IDENTITY = {"llm_logs": "submission_key, created_at", "anki_cards": "log_id, created_at"}


@dataclass(frozen=True)
class Stamp:
    """One copy: its key in the landing, when it was taken (naive UTC, and the local day), and the copy before it."""

    key: str
    at: datetime
    day: date
    not_before_at: datetime | None


@dataclass(frozen=True)
class Versions:
    """How many versions a copy adds: of rows that it shows, of rows that are gone, and of rows that it refuses.

    ``reused`` of the shown ones are another judgement, or another card, under an id that was known.
    """

    shown: int
    vanished: int
    refused: int
    reused: int

    @property
    def landed(self) -> int:
        """All versions."""
        return self.shown + self.vanished + self.refused


class RowHistory:
    """The landed versions of one table, and one copy more; use it in a `with` block."""

    def __init__(self, home: Path, table: str, id_column: str, columns: Sequence[Column]) -> None:
        """Take the home directory, the table, its id and its landing columns."""
        self._root, self._rejects = home / "landing" / table, home / "rejects" / table
        self._id, self._identity = id_column, IDENTITY[table]
        self._types = types_of(columns)
        versions = dict.fromkeys(("fresh", "versions", "later_versions"), self._types)
        self._tables = RowTables({**versions, "rejects": REJECT_SCHEMA})

    def __enter__(self) -> RowHistory:
        """Open a private DuckDB that sees the landed versions."""
        self._tables.__enter__()
        self._db = self._tables.db
        parts = sorted(str(path) for path in self._root.glob("**/*.parquet"))
        # versions that an older home landed lack columns
        self._db.read_parquet(parts, hive_partitioning=False, union_by_name=True).create_view("landed")
        return self

    def __exit__(self, *_: object) -> None:
        """Forget what was not written."""
        self._tables.__exit__()

    def known(self, at: datetime) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the ids that are there just before a moment, ascending, and the digest of each row."""
        self._state("before", f"observed_at < TIMESTAMP '{at}'")
        found = self._db.execute(
            "SELECT id, digest FROM before WHERE NOT is_vanished ORDER BY id"
        ).fetchnumpy()
        return np.asarray(found["id"], dtype=np.int64), np.asarray(found["digest"], dtype=np.int64)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take parsed rows of the copy, one of each id; those that are as before are dropped when it is compared."""
        self._tables.add("fresh", rows)

    def refuse(self, rejects: Sequence[Reject], file: str) -> None:
        """Take refused rows of the copy."""
        told = [
            {"reason": one.reason, "detail": one.detail, "source_file": file, "source_line": one.line}
            for one in rejects
        ]
        self._tables.add("rejects", told)

    def compare(self, copy: Stamp, gone: NDArray[np.int64]) -> Versions:
        """Find the versions that the copy adds to the state before it; ask `known` first.

        What a copy shows of an id depends on that copy alone, so a row that it refuses counts as not shown.
        """
        self._db.execute(
            f"INSERT INTO versions SELECT fresh.* FROM fresh LEFT JOIN before ON fresh.{self._id} = before.id "
            "WHERE before.id IS NULL OR before.is_vanished OR before.row_hash <> fresh.row_hash"
        )
        self._db.execute("CREATE TABLE gone AS SELECT unnest($ids::BIGINT[]) AS id", {"ids": gone.tolist()})
        self._db.execute(
            f"INSERT INTO versions SELECT {self._stamped(copy, vanished=True)} FROM landed JOIN before "
            f"ON landed.{self._id} = before.id AND landed.observed_at = before.seen_at "
            "WHERE before.id IN (SELECT id FROM gone)"
        )
        return self._counted("versions", "before", "rejects")

    def compare_later(self, copy: Stamp, later: Stamp) -> Versions:
        """Find the versions that a copy which has landed already adds to this one, which came late.

        Args:
            copy: The late copy; `compare` has found its versions.
            later: The next copy after it, stamped with the late one as the copy before.
        """
        self._state("landed_later", f"observed_at <= TIMESTAMP '{later.at}'")
        self._db.execute(
            f"CREATE TABLE after AS SELECT {self._id} AS id, observed_at AS seen_at, row_hash, is_vanished "
            f"FROM versions UNION ALL SELECT id, seen_at, row_hash, is_vanished FROM before "
            f"WHERE id NOT IN (SELECT {self._id} FROM versions)"
        )
        at_hand = "(SELECT * FROM landed UNION ALL BY NAME SELECT * FROM versions)"
        self._db.execute(
            f"INSERT INTO later_versions SELECT DISTINCT ON ({self._id}) {self._stamped(later, vanished=False)} "
            f"FROM landed JOIN landed_later AS l ON landed.{self._id} = l.id AND landed.observed_at = l.seen_at "
            "LEFT JOIN after ON l.id = after.id WHERE NOT l.is_vanished "
            "AND (after.id IS NULL OR after.is_vanished OR after.row_hash <> l.row_hash)"
        )
        self._db.execute(
            f"INSERT INTO later_versions SELECT DISTINCT ON ({self._id}) {self._stamped(later, vanished=True)} "
            f"FROM {at_hand} AS landed JOIN after ON landed.{self._id} = after.id "
            "AND landed.observed_at = after.seen_at LEFT JOIN landed_later AS l ON after.id = l.id "
            "WHERE NOT after.is_vanished AND (l.id IS NULL OR l.is_vanished)"
        )
        return self._counted("later_versions", "after", self._refused_by(later))

    def part_digest(self, copy: Stamp) -> tuple[str, int]:
        """Give hash and size of the part of a copy, which has none when nothing changed."""
        part = self._part(copy)
        content = part.read_bytes() if part.is_file() else b""
        return hashlib.sha256(content).hexdigest(), len(content)

    def write(self, copy: Stamp, later: Stamp | None = None) -> None:
        """Write the part of the copy, and the changed one of the later copy.

        In between the later copy has its old versions and its new ones. So its state can be read from the landing
        at every moment, and a run that is killed here does the same again.
        """
        if later is not None:
            both = f"(SELECT DISTINCT ON ({self._id}) * FROM later_versions)"
            part = self._part(later)
            if part.is_file():
                old = f"read_parquet('{quoted(part)}', hive_partitioning = false, union_by_name = true)"
                both = (
                    f"(SELECT * FROM later_versions UNION ALL BY NAME SELECT * FROM {old} AS old "
                    f"WHERE old.{self._id} NOT IN (SELECT {self._id} FROM later_versions))"
                )
            self._write(both, later)
        self._write("versions", copy)
        if later is not None:
            self._write("later_versions", later)
        self._write_rows("rejects ORDER BY source_line, reason", "rejects", self._refused(copy))

    def _state(self, name: str, condition: str) -> None:
        """Make the table of what the landed versions say of each id."""
        self._db.execute(
            f"CREATE TABLE {name} AS SELECT {self._id} AS id, max(observed_at) AS seen_at, "
            "arg_max(row_hash, observed_at) AS row_hash, "
            "arg_max(coalesce(source_digest, 0), observed_at) AS digest, "
            "arg_max(coalesce(is_vanished, false), observed_at) AS is_vanished "
            f"FROM landed WHERE {condition} GROUP BY {self._id}"
        )

    def _stamped(self, copy: Stamp, vanished: bool) -> str:
        """Spell the columns of a version of this copy that has the content of a landed one."""
        before = "NULL" if copy.not_before_at is None else f"TIMESTAMP '{copy.not_before_at}'"
        stamped = {
            "observed_at": f"TIMESTAMP '{copy.at}'",
            "observed_date": f"DATE '{copy.day}'",
            "not_before_at": before,
            "source_digest": "NULL" if vanished else "landed.source_digest",
            "is_vanished": str(vanished).lower(),
            "source_file": f"'{copy.key}'",
            "source_line": f"landed.{self._id}",
        }
        return ", ".join(f"{stamped.get(name, f'landed.{name}')} AS {name}" for name in self._types)

    def _refused(self, copy: Stamp) -> Path:
        return self._rejects / f"{copy.key}.parquet"

    def _refused_by(self, copy: Stamp) -> str:
        path = self._refused(copy)
        return f"read_parquet('{quoted(path)}')" if path.is_file() else "rejects WHERE false"

    def _counted(self, versions: str, state: str, rejects: str) -> Versions:
        """Count the versions by what they are."""
        shown, vanished, refused = self._row(
            "SELECT count(*) FILTER (NOT is_vanished), count(*) FILTER (is_vanished AND NOT refused), "
            "count(*) FILTER (is_vanished AND refused) FROM (SELECT is_vanished, "
            f"{self._id} IN (SELECT source_line FROM {rejects}) AS refused FROM {versions})"
        )
        (reused,) = self._row(
            f"SELECT count(*) FROM {versions} AS v JOIN {state} AS s ON v.{self._id} = s.id "
            "JOIN (SELECT * FROM landed UNION ALL BY NAME SELECT * FROM versions) AS was "
            f"ON was.{self._id} = s.id AND was.observed_at = s.seen_at "
            f"WHERE NOT v.is_vanished AND row({_of('v', self._identity)}) "
            f"IS DISTINCT FROM row({_of('was', self._identity)})"
        )
        return Versions(shown, vanished, refused, reused)

    def _row(self, query: str) -> tuple[Any, ...]:
        return self._db.execute(query).fetchall()[0]

    def _part(self, copy: Stamp) -> Path:
        return self._root / f"day={copy.day}" / f"{copy.key}.parquet"

    def _write(self, versions: str, copy: Stamp) -> None:
        self._write_rows(
            f"(SELECT {', '.join(self._types)} FROM {versions} ORDER BY source_line)",
            versions,
            self._part(copy),
        )

    def _write_rows(self, rows: str, counted: str, target: Path) -> None:
        """Write rows, or take away those of an earlier time when there are none."""
        if self._row(f"SELECT count(*) FROM {counted}") == (0,):
            target.unlink(missing_ok=True)
        else:
            self._tables.write(target, rows)


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in columns.split(","))
