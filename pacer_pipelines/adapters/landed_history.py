"""Reading back from the landing what the next ingest needs: current versions, known card links."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.parquet_files import connect

_PARTS = "read_parquet($parts, hive_partitioning = false)"


def current_hashes(home: Path, table: str, id_column: str, before: datetime) -> dict[int, str]:
    """Give id -> row hash of the version that was current just before a moment.

    Reading as of `before` makes it safe to land the same snapshot again: it finds the same new versions.

    Args:
        home: The home directory.
        table: A history table, `llm_logs` or `anki_cards`.
        id_column: Its id, `log_id` or `card_id`.
        before: Naive UTC; versions observed at or after it do not count.
    """
    return _pairs(
        f"SELECT {id_column}, arg_max(row_hash, observed_at) FROM {_PARTS} "
        f"WHERE observed_at < $before GROUP BY {id_column}",
        home / "landing" / table,
        {"before": before},
    )


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


def anki_links(home: Path, student_key: str) -> dict[int, int]:
    """Give Anki card id -> PACER log id that earlier exports of this student showed.

    A package drops or orphans the reviews of a deleted note; what we once knew of it stays known.
    """
    return _pairs(
        f"SELECT anki_card_id, min(log_id) FROM {_PARTS} "
        "WHERE student_key = $student AND log_id IS NOT NULL GROUP BY anki_card_id",
        home / "landing" / "anki_reviews",
        {"student": student_key},
    )


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
