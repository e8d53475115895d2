"""Parquet files that are the same bytes for the same rows, swapped in whole."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

# a batch of rows in memory is larger than this in DuckDB; beyond it, rows wait in the temporary folder
_MEMORY = "256MB"
# bytes; DuckDB holds twice as much while it reads
_LONGEST_ROW = 1 << 24
_encode = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=False, separators=(",", ":")).encode


class RowTables:
    """Rows in tables of a private DuckDB, to be written as Parquet: same rows, same bytes, whatever their number."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        """Take table -> column name -> DuckDB type."""
        self._tables = tables

    def __enter__(self) -> RowTables:
        """Begin without rows."""
        self._folder = tempfile.TemporaryDirectory(prefix="landing-")
        self.db = connect(memory_limit=_MEMORY, temp_directory=self._folder.name)
        for table, types in self._tables.items():
            declared = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
            self.db.execute(f"CREATE TABLE {table} ({declared})")
        return self

    def add(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take more rows, through newline-delimited JSON: row by row inserts take fifty times as long."""
        if not rows:
            return
        path = Path(self._folder.name) / "rows.ndjson"
        # what is not said is null, and most columns of most rows say nothing
        said = ({name: value for name, value in row.items() if value is not None} for row in rows)
        path.write_text("\n".join(map(_encode, said)), encoding="utf-8", newline="\n")
        self.db.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM read_json($path, format = 'newline_delimited', "
            f"columns = {dict(self._tables[table])!r}, maximum_object_size = {_LONGEST_ROW})",
            {"path": str(path)},
        )

    def __exit__(self, *_: object) -> None:
        """Forget them."""
        self.db.close()
        self._folder.cleanup()

    def write(self, target: Path, rows: str) -> None:
        """Write what a query gives, as it is ordered; what follows SELECT * FROM."""
        swap_in(
            target,
            lambda path: self.db.execute(
                f"COPY (SELECT * FROM {rows}) TO '{quoted(path)}' (FORMAT parquet, COMPRESSION zstd)"
            ),
        )


def connect(**settings: str) -> duckdb.DuckDBPyConnection:
    """Give a private in-memory DuckDB: one thread (stable bytes), nothing fetched from outside."""
    return duckdb.connect(
        config={
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            **settings,
        }
    )


def quoted(path: Path) -> str:
    """Spell a path inside a SQL text."""
    return str(path).replace("'", "''")


def swap_in(target: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and swap in: a reader sees the old file or the new one, never half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        write(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
