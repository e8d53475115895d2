"""A world whose only source is PACER's database, and copies of it that a test makes by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from pacer.storage import TABLES

from pacer_pipelines.adapters.landing import FileReceipt
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.ingestion import SourceReport
from pacer_pipelines.orchestration.resources import WorldResource

ROOT = Path(__file__).parents[2]
SCHEMA = f"{TABLES} CREATE TABLE students (student_id TEXT);"


def log(log_id: object, **other: Any) -> dict[str, Any]:
    """A judgement of student s1 as PACER keeps it."""
    row = {
        "log_id": log_id, "submission_id": f"s1-{log_id}", "concept_name": "area", "model_version": "v2.1",
        "decision": "APPROVE", "reason": "because", "created_at": "2026-11-02 01:00:00",
    }  # fmt: skip
    return row | other


def card(card_id: int, log_id: int, **other: Any) -> dict[str, Any]:
    """A card of student s1."""
    row = {
        "card_id": card_id, "student_id": "s1", "llm_log_id": log_id, "question": "?", "answer": "!",
        "next_review_date": "2026-11-09", "interval_days": 1, "ease_factor": 250, "repetitions": 0,
        "created_at": "2026-11-02 01:00:00",
    }  # fmt: skip
    return row | other


@dataclass
class PacerWorld:
    """A folder with a ``pacer.toml``; every copy is a file of its own, dated by its day of November at noon UTC."""

    folder: Path
    copies: dict[int, str] = field(default_factory=dict)

    def copy(
        self,
        day: int,
        logs: list[dict[str, Any]],
        cards: list[dict[str, Any]] | None = None,
        students: tuple[str, ...] = ("s1",),
        schema: str = SCHEMA,
    ) -> Path:
        """Make the copy of a day; it lands when it is delivered."""
        path = self.folder / f"night{day:02}.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as db:
            db.executescript(schema)
            for table, rows in (("llm_logs", logs), ("anki_cards", cards or [])):
                for row in rows:
                    marks = ", ".join("?" for _ in row)
                    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
            db.executemany("INSERT INTO students VALUES (?)", [(student,) for student in students])
            db.commit()
        return path

    def deliver(self, *days: int, live: str | None = None) -> dict[str, SourceReport]:
        """Name these copies in ``pacer.toml`` from now on, and land what is named."""
        self.copies |= {day: f"night{day:02}.db" for day in days}
        tables = [
            f'[[sources.database]]\nurl = "sqlite:///{name}"\ntaken_at = 2026-11-{day:02}T12:00:00Z\n'
            for day, name in self.copies.items()
        ] + ([f'[[sources.database]]\nurl = "{live}"\n'] if live else [])
        (self.folder / "pacer.toml").write_text(
            f'home = "home"\nsynthetic = true\nexperiments = "{ROOT / "experiments"}"\n' + "\n".join(tables)
        )
        return {report.source: report for report in land_database(self.resource)}

    @property
    def resource(self) -> WorldResource:
        """What an asset is handed."""
        return WorldResource(config_file=str(self.folder / "pacer.toml"))

    def versions(self, columns: str, table: str = "llm_logs") -> list[tuple[Any, ...]]:
        """The landed versions, in order of id and copy."""
        key = "log_id" if table == "llm_logs" else "card_id"
        with closing(duckdb.connect()) as db:
            parts = (
                f"read_parquet('{self.folder}/home/landing/{table}/**/*.parquet', hive_partitioning = false)"
            )
            return db.execute(f"SELECT {columns} FROM {parts} ORDER BY {key}, observed_at").fetchall()

    def receipt(self, day: int, table: str = "llm_logs") -> FileReceipt:
        """What the ledger says of a copy."""
        (found,) = [one for one in self.resource.landing.receipts(table) if one.file_key == noon_key(day)]
        return found

    def landed_bytes(self) -> dict[str, bytes]:
        """Every file of landing and rejects."""
        home = self.folder / "home"
        return {
            str(path.relative_to(home)): path.read_bytes()
            for kind in ("landing", "rejects")
            for path in sorted((home / kind).rglob("*"))
            if path.is_file()
        }


def noon_key(day: int) -> str:
    """The key of the copy of a day."""
    return f"pacer-202611{day:02}T120000"


def noon(day: int) -> datetime:
    """When the copy of a day was taken."""
    return datetime(2026, 11, day, 12)
