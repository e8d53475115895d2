"""Every row of a day is accounted for; one that is lost or made up is named, and holds."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .worlds import EXAMPLE, World, failed_checks, local_time, log_sources

THURSDAY = date(2026, 11, 5)


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    """A world that has run one day."""
    made = new_world(sources=log_sources())
    assert made.run(THURSDAY).exit_code == 0
    return made


@pytest.fixture
def copied(world: World, tmp_path: Path) -> World:
    """The same, to spoil."""
    shutil.copytree(world.folder, tmp_path / "world")
    return World(tmp_path / "world")


def account(world: World) -> dict[str, Any]:
    return dict(json.loads(world.pacer("reconcile", "--date", THURSDAY, "--json").stdout))


def rewrite(part: Path, query: str) -> None:
    """Replace a Parquet file by what a query makes of it."""
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE part AS {query.format(part=part)}")
        db.execute(f"COPY part TO '{part}' (FORMAT parquet)")


def part_of(world: World, table: str) -> Path:
    return next((world.home / "landing" / table / f"day={THURSDAY}").glob("*.parquet"))


def test_the_numbers_of_a_day_are_those_of_the_raw_files(world: World) -> None:
    sources = {row["source"]: row for row in account(world)["sources"]}
    for source, name in (
        ("exposures", "exposures"),
        ("feedback_events", "feedback_events"),
        ("card_reviews", "card_reviews"),
    ):
        lines = gzip.decompress((EXAMPLE / f"{name}.jsonl.gz").read_bytes()).splitlines()
        per_day = Counter(local_time(line).date() for line in lines)
        assert sources[source]["landed"] == per_day[THURSDAY]
    # the school that the plan leaves out, counted in the raw log
    logged = gzip.decompress((EXAMPLE / "exposures.jsonl.gz").read_bytes()).splitlines()
    holdout = sum(b"holdout-school" in line for line in logged if local_time(line).date() == THURSDAY)
    assert sources["exposures"]["fates"]["left out: excluded_school"] == holdout
    assert sources["exposures"]["fates"]["analysed"] == sources["exposures"]["landed"] - holdout


def test_a_person_reads_what_became_of_each_row(world: World) -> None:
    result = world.pacer("reconcile", "--date", THURSDAY)
    assert result.exit_code == 0
    assert "left out: excluded_school" in result.output
    assert "changes a rating" in result.output
    assert "Every row is explained." in result.output


def test_a_verdict_rests_on_it(world: World) -> None:
    check = next(
        check for check in world.verdict(THURSDAY)["checks"] if check["name"] == "every_row_explained"
    )
    assert (check["passed"], check["severity"]) == (True, "critical")


def test_a_row_that_left_its_file_is_named_and_holds(copied: World) -> None:
    rewrite(
        part_of(copied, "feedback_events"),
        "SELECT * FROM read_parquet('{part}') WHERE source_line % 100 <> 0",
    )
    result = copied.pacer("reconcile", "--date", THURSDAY)
    assert result.exit_code == 3
    assert "feedback_events.jsonl.gz: 12834 rows landed, " in result.output
    assert "feedback_events of 2026-11-05" in result.output
    assert copied.run(THURSDAY).exit_code == 3
    assert "every_row_explained" in failed_checks(copied.verdict(THURSDAY))


def test_a_mart_that_says_something_else_is_named(copied: World) -> None:
    latest = copied.home / "published" / (copied.home / "published" / "LATEST").read_text().strip()
    rewrite(
        latest / "metric_sums_daily.parquet",
        "SELECT * REPLACE (n + (metric = 'good_rate')::int AS n) FROM read_parquet('{part}')",
    )
    problems = account(copied)["problems"]
    assert len(problems) == 1
    assert problems[0].startswith("ratings of 2026-11-05: ")


def test_a_refused_row_that_nobody_kept_is_named(copied: World) -> None:
    copied.edit_lines("exposures.jsonl.gz", lambda lines: [*lines, b"{}"])
    assert copied.run(THURSDAY).exit_code == 0
    (kept,) = (copied.home / "rejects" / "exposures").glob("exposures*.parquet")
    kept.unlink()
    assert account(copied)["problems"] == ["exposures: exposures.jsonl.gz: 1 rows refused, 0 are kept"]


def test_before_any_run_it_says_so(new_world: Callable[..., World]) -> None:
    result = new_world().pacer("reconcile", "--date", THURSDAY)
    assert result.exit_code == 2
    assert "run a day first" in result.output
