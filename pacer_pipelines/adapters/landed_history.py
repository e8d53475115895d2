"""Reading back from the landing what the next ingest needs: days that a copy shows anew, versions of the flag file."""

from __future__ import annotations

from collections.abc import Iterable
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


def first_days_shown(home: Path, table: str, parts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], date]:
    """Give (day, file key) -> earliest creation day of the rows that this part of a copy showed for the first time.

    Args:
        home: The home directory.
        table: A history table, `llm_logs` or `anki_cards`.
        parts: The parts to look at; one that shows nothing for the first time is left out.
    """
    folder, found = home / "landing" / table, {}
    for day, key in parts:
        new = _pairs(
            f"SELECT 0, min(created_date) FROM {_PARTS} WHERE not_before_at IS NULL OR created_at >= not_before_at",
            folder / f"day={day}",
            {},
            f"{key}.parquet",
        )
        if new.get(0) is not None:
            found[day, key] = new[0]
    return found


def flag_versions(home: Path) -> frozenset[str]:
    """Give every version of a flag file that a landed exposure names."""
    query = f"SELECT flag_version, count(*) FROM {_PARTS} GROUP BY flag_version"
    return frozenset(_pairs(query, home / "landing" / "exposures", {}))


def _pairs(
    query: str, folder: Path, values: dict[str, object], names: str = "**/*.parquet"
) -> dict[Any, Any]:
    parts = sorted(str(path) for path in folder.glob(names))
    if not parts:
        return {}
    with connect() as db:
        return dict(db.execute(query, {**values, "parts": parts}).fetchall())
