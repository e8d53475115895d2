"""The marts of the hand-made world (see conftest); every expected number is counted by hand from its rows."""

from datetime import date

import pytest

from pacer_pipelines.adapters.published import Published
from pacer_pipelines.adapters.warehouse import Warehouse

Deltas = dict[tuple[str, int], tuple[float, float]]

# metric -> (variant, day of November) -> (n, y)
EXPECTED: dict[str, Deltas] = {
    # rated on the 3rd, GOOD to BAD on the 5th; rated on the 4th, withdrawn on the 12th; rated on the 13th
    "good_rate": {
        ("control", 3): (1, 1),
        ("control", 5): (0, -1),
        ("treatment", 4): (1, 1),
        ("treatment", 12): (-1, -1),
        ("treatment", 13): (1, 0),
    },
    # the same requests, not before they are seven days old (the 9th, the 9th, the 10th)
    "good_rate_mature": {
        ("control", 9): (1, 0),
        ("treatment", 9): (1, 1),
        ("treatment", 12): (-1, -1),
        ("treatment", 13): (1, 0),
    },
    # the failed judgement has no log row to rate; the unrated request counts in n
    "rating_rate": {
        ("control", 9): (1, 1),
        ("control", 10): (1, 0),
        ("treatment", 9): (1, 1),
        ("treatment", 10): (1, 0),
        ("treatment", 12): (0, -1),
        ("treatment", 13): (0, 1),
    },
    "failure_rate": {
        ("control", 2): (1, 0),
        ("control", 3): (1, 0),
        ("treatment", 2): (1, 0),
        ("treatment", 3): (2, 1),
    },
    "card_rate": {
        ("control", 2): (1, 1),
        ("control", 3): (1, 0),
        ("treatment", 2): (1, 0),
        ("treatment", 3): (2, 0),
    },
    # one card, created on the 2nd at noon; the review at noon of the 9th is outside its window
    "engagement": {("control", 9): (1, 3)},
}


@pytest.mark.parametrize("metric", EXPECTED)
def test_each_contribution_enters_on_the_day_it_became_known(published: Published, metric: str) -> None:
    rows = published.rows("metric_sums_daily", "metric = ?", [metric])
    assert {(row["variant"], row["metric_date"].day): (row["n"], row["y"]) for row in rows} == EXPECTED[
        metric
    ]
    assert {(row["experiment_id"], row["phase"], row["coach_key"]) for row in rows} == {("exp", "1", "c1")}


@pytest.mark.parametrize("mart", ["metric_sums_daily", "student_sums_daily"])
def test_metrics_that_the_plan_does_not_name_are_in_no_mart(published: Published, mart: str) -> None:
    assert {row["metric"] for row in published.rows(mart)} == EXPECTED.keys()


def test_every_exposure_is_analysed_left_out_or_a_flag_error(published: Published) -> None:
    rows = published.rows("exposures_daily")
    counts = ("exposures", "failures", "analysed", "left_out", "flag_errors")
    found = {(row["variant"], row["metric_date"].day): tuple(row[name] for name in counts) for row in rows}
    assert found == {
        ("control", 2): (3, 0, 1, 1, 1),
        ("control", 3): (1, 0, 1, 0, 0),
        ("treatment", 2): (1, 0, 1, 0, 0),
        ("treatment", 3): (2, 1, 2, 0, 0),
    }


def test_a_unit_counts_on_the_day_of_its_first_exposure(published: Published) -> None:
    rows = published.rows("units_daily")
    found = {(row["variant"], row["metric_date"].day): row["units"] for row in rows}
    # s2 is seen on the 2nd and again on the 3rd; s3 failed, and was randomized all the same
    assert found == {("control", 2): 1, ("control", 3): 1, ("treatment", 2): 1, ("treatment", 3): 1}
    assert all(row["two_variant_units"] == row["multi_coach_units"] == 0 for row in rows)


def test_ratings_are_split_by_the_decision_of_the_judge(published: Published) -> None:
    sql = """
        select variant, decision, sum(requests) as requests, sum(rated) as rated, sum(good) as good
        from ratings_by_decision_daily group by all order by all"""
    assert [tuple(row.values()) for row in published.query(sql)] == [
        ("control", "APPROVE", 1, 1, 0),
        ("control", "unknown", 1, 0, 0),
        ("treatment", "APPROVE", 1, 0, 0),
        ("treatment", "REJECT", 1, 1, 0),
    ]


def test_a_first_rating_counts_by_its_delay_when_the_request_is_mature(published: Published) -> None:
    rows = published.rows("rating_delays_daily")
    found = {(row["variant"], row["metric_date"].day): (row["within_days"], row["ratings"]) for row in rows}
    # after 35 hours, changed later on; after 58 hours, withdrawn later on; after ten days and a half
    assert found == {("control", 9): (2, 1), ("treatment", 9): (3, 1), ("treatment", 13): (11, 1)}


def test_rows_are_counted_in_the_hour_in_which_they_happened(published: Published) -> None:
    """Whenever they came, and however often they were delivered."""
    rows = published.rows("rows_hourly")
    # Seoul is nine hours ahead
    found = {
        (row["subject"], row["metric_date"].day, (row["started_at"].hour + 9) % 24): row["row_count"]
        for row in rows
    }
    assert found == {
        **{("exposures", 2, hour): 1 for hour in (9, 10, 11, 12)},
        **{("exposures", 3, hour): 1 for hour in (9, 10, 11)},
        # of a request that is left out, too
        ("feedback_events", 3, 20): 2,
        **{("feedback_events", day, 20): 1 for day in (4, 5, 12, 13)},
        ("llm_logs", 2, 9): 1, ("llm_logs", 2, 10): 1, ("llm_logs", 3, 9): 1,
        ("anki_cards", 2, 12): 1,
        ("card_reviews", 3, 8): 1, ("card_reviews", 4, 8): 1, ("card_reviews", 9, 11): 1, ("card_reviews", 9, 12): 1,
    }  # fmt: skip


def test_the_state_as_of_a_day_ignores_what_came_later(published: Published) -> None:
    sql = """
        select sum(n) as n, sum(y) as y from metric_sums_daily
        where metric = 'good_rate' and metric_date <= ?"""
    # on the 4th one GOOD of each variant stands; the change and the withdrawal come later
    assert published.query(sql, [date(2026, 11, 4)]) == [{"n": 2.0, "y": 2.0}]
    assert published.query(sql, [date(2026, 11, 15)]) == [{"n": 2.0, "y": 0.0}]


def test_dbt_unit_tests_pass(built: Warehouse) -> None:
    assert built.run_unit_tests() >= 12
