"""A run does its own day and every earlier day whose landed data changed, and nothing else."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pacer_pipelines.adapters.landing import Arrival, Landing
from pacer_pipelines.ingest.rows import Parsed
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES
from pacer_pipelines.orchestration.window import Window, find_window, remember

FIRST = date(2026, 11, 2)


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


class Home:
    """A home into which rows land, and whose work is remembered as a run remembers it."""

    def __init__(self, path: Path) -> None:
        self.path, self.landing = path, Landing(path)

    def land(self, table: str, file: str, **values: object) -> None:
        row = (
            {column.name: None for column in TABLES[table]} | {"source_file": file, "source_line": 1} | values
        )
        parsed = Parsed([row], [], 1)
        arrival = Arrival(file, file, repr(values).encode())
        self.landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, parsed, replace=True)

    def rate(self, on: date, log_id: int = 1) -> None:
        at = datetime(on.year, on.month, on.day)
        self.land(
            "feedback_events",
            f"{on}-{log_id}.jsonl",
            log_id=log_id,
            feedback="GOOD",
            feedback_at=at,
            feedback_date=on,
        )

    def copy_cards(self, created: date, observed: date, not_before: date | None) -> None:
        midnight = {name: datetime(d.year, d.month, d.day) for name, d in (("c", created), ("o", observed))}
        before = datetime(not_before.year, not_before.month, not_before.day) if not_before else None
        self.land(
            "anki_cards", f"pacer-{observed}", card_id=1, log_id=1, created_at=midnight["c"], created_date=created,
            observed_at=midnight["o"], observed_date=observed, not_before_at=before, row_hash="x",
        )  # fmt: skip

    def copy_logs(self, created: date, observed: date, not_before: date | None) -> None:
        at = {name: datetime(d.year, d.month, d.day) for name, d in (("c", created), ("o", observed))}
        before = datetime(not_before.year, not_before.month, not_before.day) if not_before else None
        self.land(
            "llm_logs", f"pacer-{observed}", log_id=1, decision="APPROVE", created_at=at["c"], created_date=created,
            observed_at=at["o"], observed_date=observed, not_before_at=before, row_hash=str(observed),
        )  # fmt: skip

    def run(self, on: date) -> Window:
        window = find_window("built", self.landing, self.path, on, FIRST)
        remember("built", self.path, window)
        return window


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for number in (1, 2, 3, 4):
        home.rate(day(number))
    return home


def test_a_first_run_builds_everything_up_to_its_day(home: Home) -> None:
    assert home.run(day(3)).days == [day(1), day(2), day(3)]


def test_the_next_day_builds_only_itself(home: Home) -> None:
    home.run(day(3))
    assert home.run(day(4)).days == [day(4)]


def test_days_without_a_run_are_built_by_the_next_one_even_without_rows(home: Home) -> None:
    home.run(day(4))
    assert home.run(day(7)).days == [day(5), day(6), day(7)]


def test_the_same_day_again_builds_only_itself_and_no_later_day(home: Home) -> None:
    home.run(day(4))
    assert home.run(day(2)).days == [day(2)]


def test_a_late_row_rebuilds_from_its_day_to_the_last_one_built(home: Home) -> None:
    home.run(day(4))
    home.rate(day(2), log_id=9)
    assert home.run(day(4)).days == [day(2), day(3), day(4)]


def test_a_re_run_of_an_old_day_after_late_rows_brings_later_days_along(home: Home) -> None:
    home.run(day(4))
    home.rate(day(2), log_id=9)
    assert home.run(day(3)).days == [day(2), day(3), day(4)]


def test_a_copy_of_the_database_after_a_gap_rebuilds_the_days_it_tells_of(home: Home) -> None:
    home.copy_cards(created=day(1), observed=day(2), not_before=None)
    home.run(day(4))
    # no copy on days 3 and 4; the next one, on day 5, shows a card made on day 3
    home.copy_cards(created=day(3), observed=day(5), not_before=day(2))
    assert home.run(day(5)).start == day(3)


def test_a_late_copy_from_before_a_plan_rebuilds_every_day_of_that_plan(home: Home) -> None:
    """A plan that starts on day 2 adjusts by what a copy of day 3, the morning after, shows of the time before."""
    home.copy_logs(created=day(1), observed=day(1), not_before=None)
    home.copy_logs(created=day(1), observed=day(4), not_before=day(1))
    home.run(day(4))
    # it shows no new row, only a rating that was known on day 3
    home.copy_logs(created=day(1), observed=day(3), not_before=day(2))
    assert home.run(day(4)).days == [day(2), day(3), day(4)]


def test_late_feedback_from_before_a_plan_rebuilds_every_day_of_that_plan(home: Home) -> None:
    home.run(day(4))
    home.rate(day(1) - timedelta(days=20))
    assert home.run(day(4)).days == [day(1), day(2), day(3), day(4)]


def test_a_copy_whose_rows_claim_to_be_younger_than_it_rebuilds_the_day_before_it(home: Home) -> None:
    home.run(day(4))
    home.copy_logs(created=day(4), observed=day(3), not_before=day(1))
    assert home.run(day(4)).start == day(2)


def test_the_first_exposure_log_of_a_world_rebuilds_every_day(home: Home) -> None:
    home.run(day(4))
    at = datetime(2026, 11, 4)
    home.land(
        "exposures", "log.jsonl", exposure_id="e", exposed_at=at, exposed_date=day(3), flag_variant="A",
        flag_version="1", experiment_id="x", unit_key="u", is_failure=False,
    )  # fmt: skip
    assert home.run(day(4)).days == [day(1), day(2), day(3), day(4)]


def test_each_kind_of_work_has_its_own_memory(home: Home) -> None:
    home.run(day(4))
    assert find_window("checked", home.landing, home.path, day(4), FIRST).start == day(1)
