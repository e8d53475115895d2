"""What a digest counts in the published marts: a shared control once, no guessed student, nothing of a later day."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pacer_pipelines.adapters.digest_rows import rated_by_coach_group, rows_of_week
from pacer_pipelines.adapters.landing import FileReceipt
from pacer_pipelines.adapters.published import publish
from pacer_pipelines.decisions.coverage import Coverage
from pacer_pipelines.decisions.digest import RowsOfWeek, Week

SUNDAY, MONDAY = date(2026, 11, 15), date(2026, 11, 16)
ARMS = ("exp/B", "exp/C")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three coaches with four students each: two in the control that both arms share, one in each treatment."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as db:
        db.execute("create schema marts")
        db.execute(
            "create table marts.student_sums_daily (experiment_id varchar, phase varchar, coach_key varchar, "
            "unit_key varchar, variant varchar, metric varchar, metric_date date, n double, y double)"
        )
        db.execute(
            "create table marts.segment_sums_daily (experiment_id varchar, attribute varchar, value varchar, "
            "coach_key varchar, metric varchar, metric_date date, n double)"
        )
        db.execute(
            "create table marts.row_fates_daily (subject varchar, step varchar, metric_date date, row_count bigint)"
        )
        for coach in ("c1", "c2", "c3"):
            for arm, unit, variant in (
                ("exp/B", 0, "control"), ("exp/C", 0, "control"), ("exp/B", 1, "control"), ("exp/C", 1, "control"),
                ("exp/B", 2, "treatment"), ("exp/C", 3, "treatment"),
            ):  # fmt: skip
                row = [arm, "1", coach, f"{coach}-{unit}", variant, "rating_rate", SUNDAY, 10, 5]
                db.execute("insert into marts.student_sums_daily values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            later = ["exp/B", "1", coach, f"{coach}-2", "treatment", "rating_rate", MONDAY, 90, 90]
            db.execute("insert into marts.student_sums_daily values (?, ?, ?, ?, ?, ?, ?, ?, ?)", later)
            guessed = ["exp/B", "snapshot", coach, f"{coach}-9", "control", "rating_rate", SUNDAY, 70, 70]
            db.execute("insert into marts.student_sums_daily values (?, ?, ?, ?, ?, ?, ?, ?, ?)", guessed)
            school = ["exp/B", "school", "alpha", coach, "students", SUNDAY, 3]
            db.execute("insert into marts.segment_sums_daily values (?, ?, ?, ?, ?, ?, ?)", school)
        for step, day, rows in (
            ("staged", SUNDAY, 40),
            ("repeated", SUNDAY, 2),
            ("staged", MONDAY, 7),
            ("counted", SUNDAY, 1),
        ):
            db.execute("insert into marts.row_fates_daily values ('exposures', ?, ?, ?)", [step, day, rows])
    tables = ("student_sums_daily", "segment_sums_daily", "row_fates_daily")
    publish(tmp_path / "warehouse.duckdb", tmp_path, tables)
    return tmp_path


def test_the_control_of_several_arms_counts_once(home: Path) -> None:
    found = rated_by_coach_group(home, ARMS, ARMS[:1], SUNDAY)
    (alpha,) = found.groups
    assert (alpha.name, alpha.coaches, alpha.students, alpha.requests, alpha.rated) == (
        "alpha",
        3,
        12,
        120,
        60,
    )


def test_another_experiment_and_a_later_day_are_not_read(home: Path) -> None:
    assert rated_by_coach_group(home, ["another"], ["another"], SUNDAY) == Coverage()
    later = rated_by_coach_group(home, ARMS, ARMS[:1], MONDAY).total
    assert later is not None
    assert later.requests == 120 + 3 * 90


def test_rows_count_in_the_week_of_their_day(home: Path) -> None:
    first, *others = rows_of_week(home, Week.of(SUNDAY))
    assert first == RowsOfWeek("exposures", landed=42, repeated=2)
    assert {row.landed for row in others} == {0}
    assert rows_of_week(home, Week.of(MONDAY))[0].landed == 7


def test_before_anything_is_published_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert rated_by_coach_group(tmp_path, ARMS, ARMS, SUNDAY) == Coverage()
    assert {row.landed for row in rows_of_week(tmp_path, Week.of(SUNDAY))} == {0}


def test_a_snapshot_of_an_older_version_tells_nothing(home: Path) -> None:
    publish(home / "warehouse.duckdb", home, ("segment_sums_daily",))
    assert rated_by_coach_group(home, ARMS, ARMS, SUNDAY) == Coverage()
    assert {row.landed for row in rows_of_week(home, Week.of(SUNDAY))} == {0}


@pytest.mark.parametrize(
    ("per_day", "week", "refused"),
    [
        ({"2026-11-08": 4, "2026-11-09": 2}, "2026-W46", 3),
        ({"2026-11-08": 4, "2026-11-09": 2}, "2026-W45", 0),
        ({}, "2026-W46", 0),
    ],
    ids=["the week of its newest row", "an earlier week", "nothing landed"],
)
def test_refused_lines_count_in_the_week_of_the_newest_row_of_their_file(
    tmp_path: Path, per_day: dict[str, int], week: str, refused: int
) -> None:
    landed = sum(per_day.values())
    receipt = FileReceipt("log.jsonl", "log.jsonl", "ab", 9, landed + 3, landed, 3, per_day, {})
    ledger = tmp_path / "landing" / "_ledger" / "exposures"
    ledger.mkdir(parents=True)
    (ledger / "log.jsonl.json").write_text(json.dumps(asdict(receipt)), encoding="utf-8")
    assert rows_of_week(tmp_path, Week.named(week))[0].refused == refused
