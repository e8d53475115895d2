"""Reading back from the landing what the next ingest needs: days that a copy shows anew, versions of the flag file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.parquet_files import connect

_PARTS = "read_parquet($parts, hive_partitioning = false)"


def first_new_days(home: Path, table: str) -> dict[date, date]:
    """Give day of observation -> earliest creation day of the rows that its copies showed for the first time.

    A copy that comes after a gap brings rows of days that have been built without them.
    """
    return _pairs(
        f"SELECT observed_date, min(created_date) FROM {_PARTS} "
        "WHERE not_before_at IS NULL OR created_at >= not_before_at GROUP BY observed_date",
        home / "landing" / table,
        {},
    )


def flag_versions(home: Path) -> frozenset[str]:
    """Give every version of a flag file that a landed exposure names."""
    query = f"SELECT flag_version, count(*) FROM {_PARTS} GROUP BY flag_version"
    return frozenset(_pairs(query, home / "landing" / "exposures", {}))


def _pairs(query: str, folder: Path, values: dict[str, object]) -> dict[Any, Any]:
    parts = sorted(str(path) for path in folder.glob("**/*.parquet"))
    if not parts:
        return {}
    with connect() as db:
        return dict(db.execute(query, {**values, "parts": parts}).fetchall())
