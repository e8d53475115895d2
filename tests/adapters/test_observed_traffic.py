"""What the marts saw of the traffic: the last days only, students once, unknown where nothing is shown."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pacer_pipelines.adapters.observed_traffic import WINDOW_DAYS, observed_traffic
from pacer_pipelines.adapters.published import MARTS, Published, publish

FIRST = date(2026, 11, 2)
TABLES = {
    "exposures_daily": "experiment_id varchar, metric_date date, analysed bigint",
    "metric_sums_daily": "experiment_id varchar, metric varchar, metric_date date, n double, y double",
    "student_sums_daily": "experiment_id varchar, phase varchar, coach_key varchar, unit_key varchar, variant varchar, "
    "metric varchar, metric_date date, n double, y double",
}
Snapshot = Callable[..., Published]


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Publish rows of the marts that are read here, with their columns that matter."""

    def make(tables: tuple[str, ...] = tuple(TABLES), **rows: list[tuple[object, ...]]) -> Published:
        file = tmp_path / "warehouse.duckdb"
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as db:
            db.execute("create schema marts")
            for table in tables:
                db.execute(f"create table marts.{table} ({TABLES[table]})")
                for row in rows.get(table, []):
                    db.execute(f"insert into marts.{table} values ({', '.join('?' * len(row))})", row)
        publish(file, tmp_path, tables)
        return Published(tmp_path)

    return make


def day(number: int) -> date:
    """Day of the experiment, 1 is the first."""
    return FIRST + timedelta(days=number - 1)


def test_the_tables_that_are_read_are_published() -> None:
    assert set(TABLES) <= set(MARTS)


def test_the_last_fourteen_days_count(snapshot: Snapshot) -> None:
    marts = snapshot(
        exposures_daily=[("e", day(number), 100 if number > 2 else 9_000) for number in range(1, 17)]
        + [("other", day(30), 5)],
        metric_sums_daily=[
            ("e", "rating_rate", day(2), 100, 100),
            ("e", "rating_rate", day(9), 200, 100),
            ("e", "rating_rate", day(16), 200, 180),
            ("e", "good_rate", day(9), 500, 0),
            ("other", "rating_rate", day(9), 500, 0),
        ],
    )
    seen = observed_traffic(marts, "e")
    assert seen is not None
    assert (seen.first_date, seen.last_date) == (day(16 - WINDOW_DAYS + 1), day(16))
    assert seen.requests_per_day == 100
    assert seen.rated_share == pytest.approx(280 / 400)


def test_a_day_without_requests_is_a_day(snapshot: Snapshot) -> None:
    seen = observed_traffic(snapshot(exposures_daily=[("e", day(1), 100), ("e", day(4), 100)]), "e")
    assert seen is not None
    assert seen.requests_per_day == 50
    assert (seen.rated_share, seen.students, seen.ratings) == (None, None, ())


def test_a_student_counts_once_and_brings_its_ratings(snapshot: Snapshot) -> None:
    marts = snapshot(
        exposures_daily=[("e", day(1), 100)],
        student_sums_daily=[
            ("e", "1", "c1", "s1", "control", "card_rate", day(1), 3, 1),
            ("e", "2", "c1", "s1", "control", "card_rate", day(1), 3, 1),
            ("e", "1", "c1", "s2", "control", "card_rate", day(1), 1, 0),
            ("e", "1", "c1", "s3", "control", "card_rate", day(2), 1, 0),
            ("e", "snapshot", "c1", "x9", "control", "card_rate", day(1), 1, 0),
            ("e", "1", "c1", "s1", "control", "good_rate", day(1), 2, 2),
            ("e", "2", "c1", "s1", "control", "good_rate", day(1), 1, 0),
            ("e", "1", "c1", "s2", "control", "good_rate", day(1), 1, 1),
            ("e", "2", "c1", "s2", "control", "good_rate", day(1), -1, -1),
        ],
    )
    seen = observed_traffic(marts, "e")
    assert seen is not None
    assert seen.students == 2
    assert seen.ratings == (("c1", "control", 3.0, 2.0),)


def test_a_snapshot_from_before_the_sums_by_student_says_nothing_of_students(snapshot: Snapshot) -> None:
    marts = snapshot(("exposures_daily", "metric_sums_daily"), exposures_daily=[("e", day(1), 100)])
    seen = observed_traffic(marts, "e")
    assert seen is not None
    assert seen.students is None


@pytest.mark.parametrize("analysed", [0, None])
def test_no_analysed_request_is_no_traffic(snapshot: Snapshot, analysed: int | None) -> None:
    rows = [] if analysed is None else [("e", day(1), analysed)]
    assert observed_traffic(snapshot(exposures_daily=rows), "e") is None
