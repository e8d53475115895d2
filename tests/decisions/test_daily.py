"""Counts by day: summed up, and hidden where they would tell of somebody."""

from datetime import date

from pacer_pipelines.decisions.daily import CallDay, Daily, RateDay, cumulative, share_of_treatment

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
