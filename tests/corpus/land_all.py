"""Deliver every bad input at once and land it, in a process of its own, so that its memory can be seen.

Called as ``python -m corpus.land_all FOLDER``.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pacer_pipelines.ingest.anki_export import private_name
from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.anki_uploads import land_anki
from pacer_pipelines.orchestration.database_landing import NOW_REFUSED, STAMP, VANISHED, land_database
from pacer_pipelines.orchestration.resources import WorldResource

from . import anki_files, databases, line_logs, rosters
from .cases import Case

SOURCES = {
    "exposures": "exposures",
    "feedback_events": "feedback",
    "card_reviews": "card_reviews",
    "roster": "roster",
}
FIRST_COPY = datetime(2026, 11, 5, tzinfo=UTC)
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def all_cases() -> list[Case]:
    return [
        *line_logs.line_log_cases(),
        *rosters.roster_cases(),
        *anki_files.anki_cases(),
        *databases.database_cases(),
    ]


def deliver(folder: Path) -> Path:
    """Write every case where its source lies, and the configuration of that world."""
    copies = []
    for case, relative in placed():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        case.write(target)
        if case.table == "llm_logs":
            taken_at = FIRST_COPY + timedelta(minutes=len(copies))
            copies.append(
                f'[[sources.database]]\nurl = "sqlite:///{relative}"\ntaken_at = {taken_at:%Y-%m-%dT%H:%M:%SZ}\n'
            )
    places = [f'{source} = "{table}"' for table, source in SOURCES.items()]
    settings = [
        'home = "home"',
        f'experiments = "{EXPERIMENTS}"',
        "synthetic = true",
        "[sources]",
        'anki = "uploads"',
    ]
    config = folder / "pacer.toml"
    config.write_text("\n".join([*settings, *places, *copies]) + "\n", encoding="utf-8")
    return config


def placed() -> Iterator[tuple[Case, Path]]:
    """Each case and where it lies; an Anki upload in the folder of its student, who is another one each time."""
    for number, case in enumerate(all_cases()):
        folder = Path("uploads", f"stu{number:04}") if case.table == "anki_reviews" else Path(case.table)
        yield case, folder / case.file_name


def land(config: Path) -> dict[str, Any]:
    """Land every source, and give what became of each case: rows landed, reasons of the refused, the problem told."""
    world = WorldResource(config_file=str(config))
    reports = {
        report.source: report
        for report in (
            ingestion.land_exposures(world), ingestion.land_feedback(world), ingestion.land_card_reviews(world),
            ingestion.land_roster(world), *land_anki(world), *land_database(world),
        )
    }  # fmt: skip
    copies = iter(range(1000))
    found = {}
    for case, relative in placed():
        report = reports[case.table]
        name = _display_name(world, case, relative, copies)
        receipt = next((receipt for receipt in report.files if receipt.file == name), None)
        problems = [text for text in report.problem.split("; ") if case.file_name in text]
        found[case.identity] = {
            "landed": receipt.landed - _gone(receipt.warnings) if receipt else 0,
            "refused": _reasons(world.home / "rejects" / case.table / f"{receipt.file_key}.parquet")
            if receipt
            else [],
            "problem": "; ".join(problems),
        }
    return found


def _gone(warnings: Mapping[str, int]) -> int:
    """Versions that say only that rows of the case before are not in this copy any more, or not usable."""
    return warnings.get(VANISHED, 0) + warnings.get(NOW_REFUSED, 0)


def _display_name(world: WorldResource, case: Case, relative: Path, copies: Iterator[int]) -> str:
    """The name under which the receipt of a case stands."""
    if case.table == "anki_reviews":
        return private_name(str(relative.relative_to("uploads")), world.pseudonyms)[1]
    if case.table == "llm_logs":
        taken_at = FIRST_COPY + timedelta(minutes=next(copies))
        return f"pacer-{taken_at.strftime(STAMP)}"
    return case.file_name


def _reasons(rejects: Path) -> list[str]:
    if not rejects.exists():
        return []
    with duckdb.connect() as db:
        rows = db.execute(
            "SELECT reason FROM read_parquet(?) ORDER BY source_line", [str(rejects)]
        ).fetchall()
    return [reason for (reason,) in rows]


def main() -> None:
    found = land(deliver(Path(sys.argv[1])))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump({"peak_megabytes": peak, "cases": found}, sys.stdout)


if __name__ == "__main__":
    main()
