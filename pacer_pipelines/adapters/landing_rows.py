"""The rows and rejects of one file on their way into the landing: batch by batch, counted, without repeated ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.arrivals import Column, Parsed, Reject
from pacer_pipelines.adapters.parquet_files import RowTables

REJECT_SCHEMA = {
    "reason": "VARCHAR", "detail": "VARCHAR", "source_file": "VARCHAR", "source_line": "BIGINT", "day": "DATE",
}  # fmt: skip
LINE = "source_line"


class LandingRows:
    """Takes batches, and writes them as parts; memory does not grow with their number."""

    def __init__(self, columns: Sequence[Column], name: str) -> None:
        """Take the columns of the table and the name of the file."""
        self._columns, self._name = columns, name
        self._tables = RowTables({"landed": types_of(columns), "rejects": REJECT_SCHEMA})
        self.rows_in = self.landed = self.rejected = self.forgotten = 0
        self._forgotten_lines: set[int] = set()
        self.reasons: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()

    def __enter__(self) -> LandingRows:
        """Begin without rows."""
        self._tables.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Forget them."""
        self._tables.__exit__()

    def add(self, batch: Parsed) -> None:
        """Take a batch.

        Raises:
            ValueError: If a row lacks a column or a required value.
        """
        _check_shape(batch.rows, self._columns)
        self._tables.add("landed", batch.rows)
        self._tables.add("rejects", [self._refused(reject) for reject in batch.rejects])
        self.rows_in += batch.rows_in
        self.landed += len(batch.rows)
        self.rejected += len(batch.rejects)
        self.forgotten += batch.forgotten
        self.reasons.update(reject.reason for reject in batch.rejects)
        self.warnings.update(batch.warnings)

    def _refused(self, reject: Reject) -> dict[str, object]:
        said = {"reason": reject.reason, "detail": reject.detail, "day": reject.day}
        return {**said, "source_file": self._name, LINE: reject.line}

    def refuse_repeated(self, identity: Sequence[str], called: str, day_column: str | None) -> None:
        """Refuse each row whose identity came before: a duplicate when all of it is the same, else a conflict."""
        content = [column.name for column in self._columns if column.name != LINE]
        keys = identity or content
        self._tables.db.execute(
            f"CREATE TABLE repeats AS WITH repeated AS (SELECT {_quoted(keys)}, min({LINE}) AS first_line "
            f"FROM landed GROUP BY ALL HAVING count(*) > 1) "
            f"SELECT later.{LINE}, first_line, {_same(content, 'earlier', 'later')} AS same, "
            f"{f'later.{day_column}' if day_column else 'NULL'} AS day FROM repeated "
            f"JOIN landed AS later ON {_same(keys, 'later', 'repeated')} AND later.{LINE} > first_line "
            f"JOIN landed AS earlier ON earlier.{LINE} = first_line"
        )
        self._tables.db.execute(
            "INSERT INTO rejects SELECT if(same, 'duplicate ', 'conflicting ') || $called, "
            f"'first on line ' || first_line, $name, {LINE}, day FROM repeats",
            {"called": called, "name": self._name},
        )
        for same, number in self._tables.db.execute(
            "SELECT same, count(*) FROM repeats GROUP BY ALL"
        ).fetchall():
            self.landed -= number
            self.rejected += number
            self.reasons[f"{'duplicate' if same else 'conflicting'} {called}"] += number
        self._tables.db.execute(f"DELETE FROM landed WHERE {LINE} IN (SELECT {LINE} FROM repeats)")

    def note_forgotten(self, batch: Parsed, kept: Parsed) -> None:
        """Remember which rows of a batch are dropped at the end: until then they make others repeated ones."""
        if len(kept.rows) < len(batch.rows):
            self._forgotten_lines |= {row[LINE] for row in batch.rows} - {row[LINE] for row in kept.rows}

    def drop_forgotten(self) -> None:
        """Drop what was noted and has not been refused."""
        if self._forgotten_lines:
            lines = {"lines": sorted(self._forgotten_lines)}
            (number,) = self._tables.db.execute(
                f"DELETE FROM landed WHERE {LINE} IN (SELECT unnest($lines::BIGINT[]))", lines
            ).fetchall()[0]
            self.landed -= number
            self.forgotten += number

    def per_day(self, day_column: str) -> dict[str, int]:
        """Give day -> rows, in the order of days."""
        days = f"SELECT {day_column}::VARCHAR, count(*) FROM landed GROUP BY ALL ORDER BY ALL"
        return dict(self._tables.db.execute(days).fetchall())

    def write_part(self, target: Path, condition: str) -> None:
        """Write the rows that meet a SQL condition, in the order of the file."""
        self._tables.write(target, f"landed WHERE {condition} ORDER BY {LINE}")

    def write_rejects(self, target: Path) -> None:
        """Write the rejects, or take away those of an earlier time when there are none."""
        if self.rejected:
            self._tables.write(target, f"rejects ORDER BY {LINE}, reason")
        else:
            target.unlink(missing_ok=True)


def types_of(columns: Sequence[Column]) -> dict[str, str]:
    """Give column -> DuckDB type."""
    return {column.name: column.type for column in columns}


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _same(names: Sequence[str], one: str, other: str) -> str:
    """Give the SQL condition that two rows agree in some columns; nothing is the same as nothing."""
    return "(" + " AND ".join(f'{one}."{name}" IS NOT DISTINCT FROM {other}."{name}"' for name in names) + ")"


def _check_shape(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    names = {column.name for column in columns}
    required = [column.name for column in columns if column.required]
    # the line is always required: one name more, since of a single one there is no tuple
    values = itemgetter(LINE, *required)
    for row in rows:
        if row.keys() != names:
            raise ValueError(f"a row has not the columns of its table: {sorted(row.keys() ^ names)}")
        if None in values(row):
            empty = [name for name in required if row[name] is None]
            raise ValueError(f"line {row.get(LINE)}: required but null: {empty}")
