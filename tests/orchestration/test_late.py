"""What counts as late: rows of days that were judged without them, and never what a normal morning brings."""

from datetime import date
from pathlib import Path

import pytest
from test_window import Home, day

from pacer_pipelines.orchestration.late import deliveries, parts, rebase, remember


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The rating of day 3, and the copies of the mornings of day 3 and 4, as the run of day 3 knew them."""
    made = Home(tmp_path)
    made.rate(day(3))
    made.copy_logs(created=day(2), observed=day(3), not_before=day(2))
    made.copy_logs(created=day(3), observed=day(4), not_before=day(3))
    remember(made.path, parts(made.landing))
    return made


def late_for(home: Home, run_of: date, seen: dict[str, str]) -> list[tuple[str, date]]:
    found = deliveries(home.path, seen, parts(home.landing))
    return [(one.table, one.starts) for one in found if one.starts < run_of]


def test_what_a_normal_morning_brings_is_not_late(home: Home) -> None:
    """Ratings of the day itself and of this morning, and a copy that shows yesterday's rows."""
    seen = parts(home.landing)
    home.rate(day(4), log_id=2)
    home.rate(day(5), log_id=3)
    home.copy_logs(created=day(4), observed=day(5), not_before=day(4))
    assert late_for(home, day(4), seen) == []


def test_a_copy_of_every_morning_with_new_versions_of_old_rows_is_not_late(home: Home) -> None:
    """A rating that a coach gives today to a row of day 1 is known from today on."""
    seen = parts(home.landing)
    home.copy_logs(created=day(1), observed=day(5), not_before=day(4))
    assert late_for(home, day(4), seen) == []


def test_a_second_copy_of_the_same_morning_is_not_late(home: Home) -> None:
    seen = parts(home.landing)
    home.copy_cards(created=day(4), observed=day(4), not_before=day(4))
    assert late_for(home, day(4), seen) == []


def test_a_file_with_rows_of_an_earlier_day_is_late_for_it(home: Home) -> None:
    seen = parts(home.landing)
    home.rate(day(2), log_id=9)
    assert late_for(home, day(4), seen) == [("feedback_events", day(2))]
    (found,) = deliveries(home.path, seen, parts(home.landing))
    assert found.sentence == f"feedback_events of {day(2)} arrived late (file {day(2)}-9.jsonl)"


def test_a_copy_after_a_gap_is_late_for_the_days_whose_rows_it_shows_first(home: Home) -> None:
    seen = parts(home.landing)
    home.copy_logs(created=day(2), observed=day(6), not_before=day(2))
    assert late_for(home, day(5), seen) == [("llm_logs", day(2))]


def test_a_dated_copy_of_an_earlier_day_is_late_for_it(home: Home) -> None:
    seen = parts(home.landing)
    home.copy_logs(created=day(1), observed=day(2), not_before=day(1))
    assert late_for(home, day(4), seen) == [("llm_logs", day(1))]


def test_an_anki_export_is_never_late(home: Home) -> None:
    """A student uploads weeks of reviews whenever they like."""
    seen = parts(home.landing)
    home.land(
        "anki_reviews", "upload", student_key="k1_a", review_id=1, anki_card_id=1, ease=3,
        reviewed_at=f"{day(1)} 12:00:00", reviewed_date=day(1),
    )  # fmt: skip
    assert late_for(home, day(4), seen) == []


def test_what_a_deletion_rewrote_is_not_late(home: Home) -> None:
    before = parts(home.landing)
    home.rate(day(3), log_id=77)
    rewritten = {**before, f"feedback_events/{day(3)}/{day(3)}-1.jsonl": "other"}
    rebase(home.path, before, rewritten)
    assert deliveries(home.path, seen_of(home), rewritten) == []


def seen_of(home: Home) -> dict[str, str]:
    from pacer_pipelines.orchestration.late import _seen

    return _seen(home.path) or {}
