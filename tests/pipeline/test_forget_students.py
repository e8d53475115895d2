"""Students who are forgotten after the fortnight: nothing of them is left, nothing comes back, records stay."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from click.testing import CliRunner, Result

from pacer_pipelines.config import SYNTHETIC_KEY
from pacer_pipelines.ingest.pseudonyms import Pseudonyms

from .privacy_scan import _texts
from .worlds import LAST, SLUG, RanFortnight, World

# stuA has an Anki export and nothing else; stu0000 is the beginning of another student's id
FORGOTTEN = ("stu0182", "stu0000-0", "stuA")
BYSTANDER = "stu0001"
KEYS = Pseudonyms(SYNTHETIC_KEY)
TABLES = ("exposures", "llm_logs", "anki_cards", "card_reviews", "anki_reviews", "roster")


@dataclass(frozen=True)
class Forgot:
    """A world after the fortnight and a deletion, and what the command said."""

    world: World
    result: Result
    before: dict[str, int]
    lines_before: int


@pytest.fixture(scope="module")
def forgot(fortnight: RanFortnight, tmp_path_factory: pytest.TempPathFactory) -> Forgot:
    folder = tmp_path_factory.mktemp("forgot") / "world"
    shutil.copytree(fortnight.world.folder, folder)
    world = World(folder)
    before = {student: rows_of(world, student) for student in (*FORGOTTEN, BYSTANDER)}
    lines = len(places_of(world.home, FORGOTTEN))
    from pacer_pipelines.cli import main

    ids = "".join(f"{student}\n" for student in FORGOTTEN)
    result = CliRunner().invoke(
        main, ["forget", "--from-file", "-", "--config", str(world.config)], input=ids
    )
    return Forgot(world, result, before, lines)


def rows_of(world: World, student: str) -> int:
    """Landed rows that name a student."""
    key, total = KEYS.student(student), 0
    for table in TABLES:
        column = "unit_key" if table == "exposures" else "student_key"
        parts = f"{world.home}/landing/{table}/**/*.parquet"
        found = duckdb.sql(f"select count(*) from read_parquet('{parts}') where {column} = '{key}'")
        total += found.fetchall()[0][0]
    return total


def places_of(home: Path, students: tuple[str, ...]) -> list[str]:
    """Every file below a home that holds an id or a pseudonym of a student, in its name or its unpacked content."""
    names = {KEYS.student(student) for student in students} | set(students) - {"stuA"}
    return [
        name
        for path in sorted(home.rglob("*"))
        for name in [str(path.relative_to(home))]
        if any(one in text for _, text in unpacked(path, name) for one in names)
    ]


def unpacked(path: Path, name: str) -> Iterator[tuple[str, str]]:
    yield from _texts(path, name)
    if path.suffix == ".zst":
        yield name, zstandard.ZstdDecompressor().decompress(path.read_bytes()).decode()


def report_of(world: World) -> dict[str, Any]:
    (path,) = sorted((world.home / "forgotten").glob("20*.json"))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_the_search_would_find_them(forgot: Forgot) -> None:
    """Landing, warehouse, snapshots, and the file names in ledger and Dagster's records."""
    assert forgot.lines_before > 50
    assert all(forgot.before.values()), forgot.before


def test_no_byte_of_the_home_tells_of_them(forgot: Forgot) -> None:
    assert forgot.result.exit_code == 0, forgot.result.output
    assert places_of(forgot.world.home, FORGOTTEN) == []


def test_nobody_else_loses_a_row(forgot: Forgot) -> None:
    assert rows_of(forgot.world, BYSTANDER) == forgot.before[BYSTANDER]


def test_ratings_and_judgements_that_name_no_student_go_by_their_judgement(forgot: Forgot) -> None:
    """Log ids from the raw exposure log; the feedback log names only them."""
    raw = gzip.decompress(forgot.world.exposure_log.read_bytes()).splitlines()
    logs = {row["log_id"] for row in map(json.loads, raw) if row["unit_id"] in FORGOTTEN and row["log_id"]}
    assert len(logs) > 20
    for table in ("feedback_events", "llm_logs"):
        parts = f"{forgot.world.home}/landing/{table}/**/*.parquet"
        left = duckdb.sql(f"select count(*) from read_parquet('{parts}') where log_id in {tuple(logs)}")
        assert left.fetchall() == [(0,)], table


def test_the_ledger_still_accounts_for_every_row(forgot: Forgot) -> None:
    (exposures,) = forgot.world.ledger("exposures")
    assert (
        exposures["rows_in"] == exposures["landed"] + exposures["rejected"] + exposures["forgotten"] == 20_052
    )
    assert exposures["forgotten"] == report_of(forgot.world)["rows"]["exposures"]
    for table in (*TABLES, "feedback_events"):
        for entry in forgot.world.ledger(table):
            assert entry["rows_in"] == entry["landed"] + entry["rejected"] + entry["forgotten"]


def test_the_report_counts_and_names_nobody(forgot: Forgot) -> None:
    report = report_of(forgot.world)
    assert report["students"] == 3
    # the example's only Anki export has 42 reviews (docs/data.md of the example: truth.json)
    assert report["rows"]["anki_reviews"] == forgot.before["stuA"] == 42
    assert len(report["verdicts"]) == 14
    for student in FORGOTTEN:
        assert student not in forgot.result.output.replace("student", "")
    assert not any(KEYS.student(student) in forgot.result.output for student in FORGOTTEN)


def test_the_marts_and_every_snapshot_are_without_them(forgot: Forgot) -> None:
    published = [path for path in (forgot.world.home / "published").iterdir() if path.is_dir()]
    assert len(published) == 1
    units = duckdb.sql(f"select count(distinct unit_key) from '{published[0]}/student_sums_daily.parquet'")
    # 429 analysed students (test_fortnight_story), two of the three forgotten are among them
    assert units.fetchall() == [(427,)]


def test_verdicts_stay_and_replay_says_what_was_deleted(forgot: Forgot, fortnight: RanFortnight) -> None:
    assert forgot.world.verdict(LAST) == fortnight.verdicts[LAST]
    told = forgot.world.pacer("replay", "--all", "--json")
    assert told.exit_code == 0, told.output
    today = report_of(forgot.world)["at"][:10]
    assert all(row["deleted"] == [today] for row in json.loads(told.stdout))
    shown = forgot.world.pacer("replay", fortnight.verdicts[LAST]["verdict_id"])
    assert f"evidence partly deleted on {today}" in shown.stdout


def test_a_second_deletion_of_the_same_students_finds_nothing(forgot: Forgot) -> None:
    again = forgot.world.pacer("forget", "--student", FORGOTTEN[0], "--dry-run")
    assert again.exit_code == 0
    assert "nothing of this student has landed" in again.output


def test_the_sources_still_have_them_and_the_next_run_lands_nothing(forgot: Forgot) -> None:
    """The exposure log grows, so it is read anew as a whole; the Anki export is there as before."""
    forgot.world.edit_lines("exposures.jsonl.gz", lambda lines: [*lines, b"not json"])
    ran = forgot.world.run(LAST)
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    (exposures,) = forgot.world.ledger("exposures")
    assert (exposures["rows_in"], exposures["rejected"], exposures["forgotten"]) == (20_053, 1, 55)
    (upload,) = forgot.world.ledger("anki_reviews")
    assert (upload["rows_in"], upload["landed"], upload["forgotten"]) == (1, 0, 1)
    assert places_of(forgot.world.home, FORGOTTEN) == []
    assert (forgot.world.home / "verdicts" / SLUG / str(LAST)).is_dir()


@pytest.mark.parametrize("arguments", [(), ("--finish", "--student", "x"), ("--finish",)])
def test_a_wrong_command_changes_nothing(forgot: Forgot, arguments: tuple[str, ...]) -> None:
    refused = forgot.world.pacer("forget", *arguments)
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output
