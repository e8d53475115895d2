"""Counts by day: summed up, and hidden where they would tell of somebody."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pacer_pipelines.decisions.daily import (
    CallDay,
    Daily,
    DelayCount,
    HourSeen,
    RateDay,
    SourceHour,
    cumulative,
    hours_of,
    rated_within,
    share_of_treatment,
    sources_of,
)

FIRST, SECOND = date(2026, 11, 2), date(2026, 11, 3)


def test_a_rate_of_fewer_than_ten_is_not_told() -> None:
    assert RateDay(FIRST, "control", "good_rate", 9, 9).rate is None
    assert RateDay(FIRST, "control", "good_rate", 10, 5).rate == 0.5


def test_days_add_up_per_variant_and_metric() -> None:
    rows = [
        RateDay(SECOND, "control", "good_rate", 20, 10), RateDay(FIRST, "control", "good_rate", 10, 9),
        RateDay(FIRST, "treatment", "good_rate", 5, 4), RateDay(FIRST, "control", "card_rate", 7, 1),
    ]  # fmt: skip
    found = Daily(rates=tuple(rows))
    assert [row[3:] for row in cumulative(found.of_metric("good_rate"))] == [(10, 9), (5, 4), (30, 19)]
    total = found.total("good_rate", "control")
    assert total is not None
    assert (total.n, total.y) == (30, 19)
    assert found.total("cost", "control") is None


def test_the_share_of_a_day_is_that_of_its_exposures_in_all_phases() -> None:
    calls = [
        CallDay(SECOND, "1", "treatment", 10, 0), CallDay(SECOND, "2", "treatment", 20, 0),
        CallDay(SECOND, "2", "control", 70, 1), CallDay(FIRST, "1", "control", 0, 0),
    ]  # fmt: skip
    assert share_of_treatment(calls) == {SECOND: 0.3}


SEOUL = ZoneInfo("Asia/Seoul")


def nine_o_clock(day: date, rows: float, source: str = "exposures") -> SourceHour:
    """Rows of 09:00 in Seoul, which is midnight in UTC."""
    return SourceHour(source, day, datetime(day.year, day.month, day.day), rows)


def test_what_is_usual_on_a_sunday_is_asked_of_sundays() -> None:
    sunday = date(2026, 11, 29)
    rows = [nine_o_clock(sunday - timedelta(days=ago), 20 if ago % 7 == 0 else 500) for ago in range(29)]
    assert hours_of(rows, sunday, SEOUL) == (HourSeen("exposures", 9, 20, 20),)
    assert [(seen.rows, seen.usual) for seen in sources_of(rows, sunday)] == [(20, 20)]
    # five weeks ago is another season
    assert hours_of([nine_o_clock(sunday - timedelta(days=35), 1)], sunday, SEOUL) == ()


def test_in_its_first_week_a_source_is_held_against_the_days_since_its_first_row() -> None:
    rows = [nine_o_clock(FIRST, 100), nine_o_clock(SECOND, 80)]
    assert hours_of(rows, FIRST, SEOUL) == (HourSeen("exposures", 9, 100, None),)
    assert hours_of(rows, SECOND, SEOUL)[0].of_usual == 80
    assert hours_of(rows, FIRST, SEOUL)[0].of_usual is None


def test_an_hour_that_has_nothing_on_the_day_is_told_with_what_was_usual() -> None:
    rows = [nine_o_clock(FIRST, 100), nine_o_clock(SECOND, 1, "card_reviews")]
    missing, new = sorted(hours_of(rows, SECOND, SEOUL), reverse=True)
    assert (missing.rows, missing.usual, missing.of_usual) == (0, 100, 0)
    assert (new.source, new.usual) == ("card_reviews", None)
    assert [seen.newest for seen in sources_of(rows, SECOND)] == [
        datetime(2026, 11, 3),
        datetime(2026, 11, 2),
    ]


def test_ratings_within_days_are_shares_of_the_mature_requests() -> None:
    found = Daily(
        rates=(RateDay(FIRST, "control", "rating_rate", 50, 0), RateDay(FIRST, "treatment", "rating_rate", 9, 9)),
        delays=(
            DelayCount("control", 1, 10), DelayCount("control", 3, 15), DelayCount("control", 9, 5),
            DelayCount("treatment", 1, 9),
        ),
    )  # fmt: skip
    assert rated_within(found, "control", 3) == [(1, 0.2), (2, 0.2), (3, 0.5)]
    # nine requests tell of somebody
    assert rated_within(found, "treatment", 3) == []
    assert rated_within(Daily(), "control", 3) == []
