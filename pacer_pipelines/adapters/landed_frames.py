"""The landed Parquet of a day as DuckDB views, and the small frames that expectations are judged on."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pacer_pipelines.adapters.landing_rows import REJECT_SCHEMA

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

# view -> (landed table, days of partitions that it reads; None reads all of them). Copies of PACER's tables
# lie by the day they were seen, often after the day they speak of, so their frames filter by created_date.
_VIEWS: dict[str, tuple[str, int | None]] = {
    "exposures": ("exposures", 8),
    "exposures_history": ("exposures", None),
    "feedback_events": ("feedback_events", 3),
    "llm_logs": ("llm_logs", None),
    "anki_cards": ("anki_cards", None),
    "card_reviews": ("card_reviews", 1),
    "anki_reviews": ("anki_reviews", None),
    "anki_card_links": ("anki_card_links", None),
    "experiments": ("experiments", None),
}
_LEDGER = (
    "source VARCHAR, file VARCHAR, rows_in BIGINT, landed BIGINT, refused BIGINT, conflicts BIGINT, "
    "broken VARCHAR, per_day MAP(VARCHAR, BIGINT), warnings MAP(VARCHAR, BIGINT), "
    "reasons MAP(VARCHAR, BIGINT)"
)
# a line that came twice loses nothing; one that is still being written comes whole the next time
_REJECTS = """
    SELECT
        count(*) FILTER (reason LIKE 'duplicate%' OR reason IN ('unfinished line', 'file cut short')),
        count(*) FILTER (reason LIKE 'conflicting%'),
        coalesce(any_value(reason || ': ' || detail) FILTER (reason IN ('file damaged', 'file too large')), '')
    FROM read_parquet(?)
"""
_SCHEMA = "_schema.parquet"


def landed_views(landing: Path, day: date) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that sees the landed tables as views."""
    db = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"}
    )
    for view, (table, days) in _VIEWS.items():
        try:
            # parts that an older version landed may lack columns
            parts = _parts(landing / table, day, days)
            db.read_parquet(parts, hive_partitioning=False, union_by_name=True).create_view(view)
        except duckdb.Error as error:
            # the frames that need the view fail, and say so as checks
            _log.warning("landed %s cannot be read: %s", table, error)
    _count_files(db, landing.parent)
    _view_rejects(db, landing.parent)
    return db


def _view_rejects(db: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make the view ``rejects`` of all refused lines, with the source that they are of."""
    columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in REJECT_SCHEMA.items())
    found = f"SELECT {columns}, NULL::VARCHAR AS filename WHERE false"
    files = [str(path) for path in sorted((home / "rejects").glob("*/*.parquet"))]
    try:
        if files:
            # those that an older version wrote lack the day
            db.read_parquet(files, union_by_name=True, filename=True).create_view("rejects_of_files")
            found += " UNION ALL BY NAME SELECT * FROM rejects_of_files"
        source = "regexp_extract(filename, '([^/]+)/[^/]+$', 1) AS source"
        db.execute(f"CREATE VIEW rejects AS SELECT * EXCLUDE (filename), {source} FROM ({found})")
    except duckdb.Error as error:
        _log.warning("the rejects cannot be read: %s", error)


def _parts(table: Path, day: date, days: int | None) -> list[str]:
    """List the schema file and the parts of the last days up to the day, or all parts."""
    if days is None:
        parts = sorted(path for path in table.glob("**/*.parquet") if path.name != _SCHEMA)
    else:
        first, last = (f"day={(day - timedelta(days=back)).isoformat()}" for back in (days - 1, 0))
        folders = (folder for folder in sorted(table.glob("day=*")) if first <= folder.name <= last)
        parts = [part for folder in folders for part in sorted(folder.glob("*.parquet"))]
    return [str(path) for path in (table / _SCHEMA, *parts)]


def _count_files(db: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make the table ``ledger`` of what the landing wrote down about each delivered file."""
    try:
        files = sorted((home / "landing" / "_ledger").glob("*/*.json"))
        rows = [_file_counts(db, home, path) for path in files]
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        _log.warning("the ledger of landed files cannot be read: %s", error)
        return
    db.execute(f"CREATE TABLE ledger ({_LEDGER})")
    if rows:
        db.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _file_counts(db: duckdb.DuckDBPyConnection, home: Path, path: Path) -> tuple[object, ...]:
    """Give source, name and counts of one delivered file, and why its end is missing if it is."""
    source, entry = path.parent.name, json.loads(path.read_text(encoding="utf-8"))
    rejects = home / "rejects" / source / f"{entry['file_key']}.parquet"
    harmless, conflicts, broken = 0, 0, ""
    if rejects.exists():
        ((harmless, conflicts, broken),) = db.execute(_REJECTS, [str(rejects)]).fetchall()
    counts = (entry["rows_in"], entry["landed"], entry["rejected"] - harmless, conflicts)
    told = (entry.get(name, {}) for name in ("warnings", "reasons"))
    return (source, entry["file"], *counts, broken, entry["per_day"], *told)


def read_frame(db: duckdb.DuckDBPyConnection, sql: str, facts: Mapping[str, object]) -> pd.DataFrame | None:
    """Run one frame with the facts it names; None when the landed data cannot be read."""
    used = {name: value for name, value in facts.items() if f"${name}" in sql}
    try:
        return db.execute(sql, used).df()
    except duckdb.Error as error:
        _log.warning("a frame cannot be built: %s", error)
        return None
