"""The landed Parquet of a day as DuckDB views, and the small frames that expectations are judged on."""

from __future__ import annotations

import json
import logging
import re
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
    "feedback_history": ("feedback_events", None),
    "llm_logs": ("llm_logs", None),
    "anki_cards": ("anki_cards", None),
    "card_reviews": ("card_reviews", 1),
    "anki_reviews": ("anki_reviews", None),
    "anki_card_links": ("anki_card_links", None),
    "roster": ("roster", None),
    "experiments": ("experiments", None),
}
# view -> landed table, of which it reads the day and the trailing days that the day is compared with
_USUAL = {"exposures_usual": "exposures", "feedback_usual": "feedback_events"}
_WEEKS, _DAYS = 4, 7
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
        wanted = None if days is None else [day - timedelta(days=back) for back in range(days)]
        _create_view(db, view, landing / table, wanted)
    trailing = trailing_days(landing / "exposures", day)
    for view, table in _USUAL.items():
        _create_view(db, view, landing / table, [*trailing, day])
    db.execute("CREATE TABLE trailing_days AS SELECT unnest(?::DATE[]) AS trailing_date", [trailing])
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


def trailing_days(exposures: Path, day: date) -> list[date]:
    """Give the days that a day is compared with: those that have exposures, so that a holiday is no yardstick.

    The same weekday of the four weeks before, once there are four; until then what there is of the seven days before.
    """
    weeks = [day - timedelta(weeks=back) for back in range(1, _WEEKS + 1)]
    days = [day - timedelta(days=back) for back in range(1, _DAYS + 1)]
    alike = [each for each in weeks if any(_folder(exposures, each).glob("*.parquet"))]
    if len(alike) == _WEEKS:
        return alike
    return [each for each in days if any(_folder(exposures, each).glob("*.parquet"))]


def _create_view(db: duckdb.DuckDBPyConnection, view: str, table: Path, days: list[date] | None) -> None:
    """Make a view of the parts of some days, or of all; a table that cannot be read has none."""
    try:
        # parts that an older version landed may lack columns
        parts = [str(path) for path in (table / _SCHEMA, *_parts(table, days))]
        db.read_parquet(parts, hive_partitioning=False, union_by_name=True).create_view(view)
    except duckdb.Error as error:
        # the frames that need the view fail, and say so as checks
        _log.warning("landed %s cannot be read: %s", table.name, error)


def _parts(table: Path, days: list[date] | None) -> list[Path]:
    """List the parts of some days, or of all."""
    if days is None:
        return sorted(path for path in table.glob("**/*.parquet") if path.name != _SCHEMA)
    return sorted(part for day in days for part in _folder(table, day).glob("*.parquet"))


def _folder(table: Path, day: date) -> Path:
    return table / f"day={day.isoformat()}"


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
    used = {name: value for name, value in facts.items() if re.search(rf"\${name}\b", sql)}
    try:
        return db.execute(sql, used).df()
    except duckdb.Error as error:
        _log.warning("a frame cannot be built: %s", error)
        return None
