"""Parquet files that are the same bytes for the same rows, swapped in whole."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb


class Frame:
    """Rows in a private in-memory DuckDB, to be written as Parquet: same rows, same bytes."""

    def __init__(self, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Take column name -> DuckDB type, and the rows."""
        self.types, self.rows = types, rows

    def __enter__(self) -> Frame:
        """Load the rows."""
        self.db = connect()
        declared = ", ".join(f'"{name}" {kind}' for name, kind in self.types.items())
        self.db.execute(f"CREATE TABLE frame ({declared})")
        if self.rows:
            self._fill()
        return self

    def _fill(self) -> None:
        """Go through newline-delimited JSON: row by row inserts take fifty times as long."""
        with tempfile.TemporaryDirectory(prefix="landing-") as folder:
            path = Path(folder) / "rows.ndjson"
            encode = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=False).encode
            path.write_text("\n".join(map(encode, self.rows)), encoding="utf-8", newline="\n")
            self.db.execute(
                "INSERT INTO frame BY NAME SELECT * FROM read_json($path, format = 'newline_delimited', "
                f"columns = {dict(self.types)!r}, maximum_object_size = 268435456)",
                {"path": str(path)},
            )

    def __exit__(self, *_: object) -> None:
        """Forget them."""
        self.db.close()

    def write(self, target: Path, condition: str, order: str) -> None:
        """Write the rows that meet a SQL condition, in a given order."""
        select = f"SELECT * FROM frame WHERE {condition} ORDER BY {order}"
        swap_in(
            target,
            lambda path: self.db.execute(
                f"COPY ({select}) TO '{_quoted(path)}' (FORMAT parquet, COMPRESSION zstd)"
            ),
        )


def connect() -> duckdb.DuckDBPyConnection:
    """Give a private in-memory DuckDB: one thread (stable bytes), nothing fetched from outside."""
    return duckdb.connect(
        config={
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def _quoted(path: Path) -> str:
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
