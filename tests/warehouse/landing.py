"""A landing folder made by hand: a few rows per table, everything else of the row filled in."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pacer_pipelines.ingest.plan_tables import PLAN_TABLES
from pacer_pipelines.ingest.tables import TABLES

COLUMNS = {**TABLES, **PLAN_TABLES}
# Seoul, without summer time: the time zone of the plan in this folder's tests.
LOCAL = timedelta(hours=9)
DATES = ("exposed", "feedback", "created", "observed", "reviewed")

EXPERIMENT: dict[str, Any] = {
    "experiment_id": "exp",
    "slug": "judge",
    "randomization_unit": "student",
    "start_date": "2026-11-02",
    "control_variant": "A",
    "treatment_variant": "B",
    "control_version": "v1.0",
    "treatment_version": "v2.1",
    "rating_days": 7,
    "card_days": 7,
}


def at(text: str) -> datetime:
    """Give the UTC time of a local time like ``11-03 09:30`` (2026, Seoul)."""
    return datetime.fromisoformat(f"2026-{text}") - LOCAL


def _with_dates(row: Mapping[str, Any]) -> dict[str, Any]:
    full = dict(row)
    for stem in DATES:
        if f"{stem}_at" in full:
            full.setdefault(f"{stem}_date", (full[f"{stem}_at"] + LOCAL).date())
    return full


class Landing:
    """A landing folder that rows are put into, one Parquet file per call."""

    def __init__(self, folder: Path) -> None:
        """Make the folder with a zero-row file per table, as an empty world has it."""
        self.folder = folder
        for table in COLUMNS:
            self._write(table, "_schema.parquet", [])

    def put(self, table: str, rows: Iterable[Mapping[str, Any]], file: str = "a.jsonl") -> None:
        """Land rows of one table as one delivered file; source_file and source_line are filled in."""
        full = [
            {"source_file": file, "source_line": line, **_with_dates(row)}
            for line, row in enumerate(rows, start=1)
        ]
        self._write(table, f"day=2026-11-02/{file}.parquet", full)

    def _write(self, table: str, name: str, rows: list[dict[str, Any]]) -> None:
        path = self.folder / table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = [column.name for column in COLUMNS[table]]
        declared = ", ".join(f"{column.name} {column.type}" for column in COLUMNS[table])
        with duckdb.connect() as db:
            db.execute(f"create table landed ({declared})")
            for row in rows:
                kept = {column: row[column] for column in columns if column in row}
                marks = ", ".join("?" for _ in kept)
                db.execute(f"insert into landed ({', '.join(kept)}) values ({marks})", list(kept.values()))
            db.execute(f"copy landed to '{path}' (format parquet)")
