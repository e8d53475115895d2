"""Where the rows of a day are: delivered, landed, refused, staged, in the marts. What does not add up is named.

Three records are held against each other that are written apart: the ledger (what each file brought), the Parquet parts
(what is there), and the published marts (what the models saw).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.landing import UNDATED, FileReceipt, Landing
from pacer_pipelines.adapters.parquet_files import connect
from pacer_pipelines.adapters.published import Published

DATED = ("exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews")
ROWS = "row_fates_daily"
# what the models counted -> how a mart says the same
IN_MARTS = {
    "exposures": ("exposures_daily", "exposures", "phase <> 'snapshot'"),
    "ratings": ("metric_sums_daily", "n", "metric = 'good_rate'"),
    "cards": ("metric_sums_daily", "y", "metric = 'card_rate'"),
    "reviews": ("metric_sums_daily", "y", "metric = 'engagement'"),
}


@dataclass(frozen=True)
class FileFlow:
    """One delivered file: rows in, and where they went. ``parts`` and ``rejects`` are counted in what is there now."""

    source: str
    file: str
    rows_in: int
    landed: int
    rejected: int
    of_the_day: int
    parts: int
    rejects: int

    def problems(self) -> Iterator[str]:
        """What does not add up."""
        if self.parts != self.landed:
            yield f"{self.source}: {self.file}: {self.landed} rows landed, {self.parts} are there"
        if self.rejects != self.rejected:
            yield f"{self.source}: {self.file}: {self.rejected} rows refused, {self.rejects} are kept"


@dataclass(frozen=True)
class SourceFlow:
    """One source and day: rows landed, of them delivered before, and the fates of the rest."""

    source: str
    landed: int
    repeated: int
    fates: dict[str, int] = field(default_factory=dict)

    @property
    def staged(self) -> int:
        """Rows that staging kept."""
        return sum(self.fates.values())

    @property
    def unexplained(self) -> int:
        """Rows without a fate; below 0 the models know rows that are not there."""
        return self.landed - self.repeated - self.staged


@dataclass(frozen=True)
class MartFlow:
    """What the models handed to the marts on a day, and what the marts hold of it."""

    what: str
    counted: int
    in_marts: int


@dataclass(frozen=True)
class DayFlow:
    """All rows of one day; ``problems`` is empty when every one is explained."""

    day: date
    files: tuple[FileFlow, ...]
    sources: tuple[SourceFlow, ...]
    marts: tuple[MartFlow, ...]

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that does not add up."""
        found = [problem for file in self.files for problem in file.problems()]
        for source in self.sources:
            if source.unexplained or source.repeated < 0:
                told = f"{source.repeated} delivered before, {source.staged} staged"
                found.append(f"{source.source} of {self.day}: {source.landed} rows landed, {told}")
        found += [
            f"{mart.what} of {self.day}: {mart.counted} counted, {mart.in_marts} in the marts"
            for mart in self.marts
            if mart.counted != mart.in_marts
        ]
        return found


def reconcile(home: Path, days: list[date]) -> list[DayFlow]:
    """Follow the rows of some days from the delivered files into the published marts.

    Args:
        home: the world's home.
        days: days in the plans' time zone.

    Raises:
        NothingPublished: no run has published marts yet.
    """
    published = Published(home)
    staged, repeated, counted = _told(published)
    in_marts = {what: _sums(published, *where) for what, where in IN_MARTS.items()}
    receipts = {source: Landing(home).receipts(source) for source in DATED}
    parts = {source: _rows_by_part(home / "landing" / source) for source in DATED}
    of_file = {source: _summed(rows, 1) for source, rows in parts.items()}
    of_day = {source: _summed(rows, 0) for source, rows in parts.items()}
    rejects = {source: _summed(_rows_by_part(home / "rejects" / source), 1) for source in DATED}
    return [
        DayFlow(
            day,
            tuple(
                _file(source, receipt, day, of_file[source], rejects[source])
                for source in DATED
                for receipt in receipts[source]
                if str(day) in receipt.per_day or not receipt.landed
            ),
            tuple(
                SourceFlow(
                    source,
                    of_day[source][str(day)],
                    repeated.get((source, day), 0),
                    staged.get((source, day), {}),
                )
                for source in DATED
            ),
            tuple(
                MartFlow(what, counted.get((what, day), 0), in_marts[what].get(day, 0)) for what in IN_MARTS
            ),
        )
        for day in days
    ]


def _file(
    source: str, receipt: FileReceipt, day: date, parts: Counter[str], rejects: Counter[str]
) -> FileFlow:
    return FileFlow(
        source=source,
        file=receipt.file,
        rows_in=receipt.rows_in,
        landed=receipt.landed,
        rejected=receipt.rejected,
        of_the_day=receipt.per_day.get(str(day), 0),
        parts=parts[receipt.file_key],
        rejects=rejects[receipt.file_key],
    )


def _told(published: Published) -> tuple[dict[Any, dict[str, int]], dict[Any, int], dict[Any, int]]:
    """What the models say of each day: fates of staged rows, repeated rows, and what they counted."""
    staged: dict[Any, dict[str, int]] = {}
    repeated: dict[Any, int] = {}
    counted: dict[Any, int] = {}
    for row in published.rows(ROWS):
        key = row["subject"], row["metric_date"]
        if row["step"] == "staged":
            staged.setdefault(key, {})[row["fate"]] = row["row_count"]
        else:
            (repeated if row["step"] == "repeated" else counted)[key] = row["row_count"]
    return staged, repeated, counted


def _sums(published: Published, mart: str, column: str, condition: str) -> dict[date, int]:
    found = published.query(
        f"select metric_date, sum({column}) as total from {mart} where {condition} group by metric_date"
    )
    return {row["metric_date"]: int(row["total"]) for row in found}


def _summed(parts: dict[tuple[str, str], int], place: int) -> Counter[str]:
    """Rows by day (place 0) or by file key (place 1), added up once for all days."""
    found: Counter[str] = Counter()
    for part, rows in parts.items():
        found[part[place]] += rows
    return found


def _rows_by_part(folder: Path) -> dict[tuple[str, str], int]:
    """(day, file key) -> rows, read from the footers of the Parquet files alone."""
    files = [str(path) for path in sorted(folder.glob("**/*.parquet")) if path.name != "_schema.parquet"]
    if not files:
        return {}
    with connect() as db:
        counted = db.execute(
            "select file_name, num_rows from parquet_file_metadata($files)", {"files": files}
        )
        found = {}
        for name, rows in counted.fetchall():
            path = Path(name)
            found[path.parent.name.removeprefix("day=") if path.parent != folder else UNDATED, path.stem] = (
                int(rows)
            )
        return found
