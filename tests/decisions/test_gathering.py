"""What is gathered for a decision: nothing too old, nothing of the other variant, and nothing excused by mistake."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pacer_pipelines.decisions.evidence import (
    NO_FEEDBACK_FACT,
    NO_LOG_FACTS,
    gather,
    missing_facts,
    present_step,
)
from pacer_pipelines.decisions.health import SNAPSHOT_PHASE
from pacer_pipelines.decisions.marts import ExposureDay, RatedDay
from pacer_pipelines.decisions.values import Past

from .made_weeks import START, made_weeks
from .test_judge import PLAN, inputs

ROWS = made_weeks()


def test_an_acknowledged_edit_excuses_no_other_check() -> None:
    # half of all exposures came without a working flag
    broken = tuple(row._replace(flag_errors=row.exposures / 2) for row in ROWS.exposures)
    told = {PLAN.plan_hash: "owner@pacer.example: a typing error"}
    found = gather(inputs(replace(ROWS, exposures=broken), frozen_hash="0" * 64, acknowledged=told), PLAN)
    assert [check.name for check in found.checks if check.blocks] == ["flag_works"]


def test_an_unedited_plan_needs_no_excuse() -> None:
    found = gather(inputs(ROWS, acknowledged={PLAN.plan_hash: "owner: a typing error"}), PLAN)
    (check,) = [check for check in found.checks if check.name == "plan_unchanged"]
    assert (check.passed, check.severity, check.detail) == (True, "critical", "")


def test_only_treatment_on_days_after_the_first_rollback_counts_as_served_late() -> None:
    served = tuple(
        row._replace(exposures=500.0 if row.variant == "control" else 3.0 + row.date.day)
        for row in ROWS.exposures
    )
    rows = replace(ROWS, exposures=served)
    history = (
        Past(date(2026, 11, 4), "hold", "waiting"), Past(date(2026, 11, 12), "rollback", "alarm"),
        Past(date(2026, 11, 14), "rollback", "alarm"),
    )  # fmt: skip
    # 13, 14 and 15 November: 16 + 17 + 18
    assert gather(inputs(rows, history=history), PLAN).served_after_end == 51
    assert gather(inputs(rows, history=history[:1]), PLAN).served_after_end == 0
    assert gather(inputs(rows), PLAN).served_after_end == 0


def test_a_log_that_only_covers_later_phases_is_a_missing_fact_too() -> None:
    both = frozenset({"exposures", "feedback"})
    assert missing_facts(both, ["1"]) == ()
    assert missing_facts(both, [SNAPSHOT_PHASE, "1"]) == NO_LOG_FACTS
    assert missing_facts(frozenset({"feedback"}), ["1"]) == NO_LOG_FACTS
    assert missing_facts(frozenset({"exposures"}), ["1"]) == (NO_FEEDBACK_FACT,)


def test_the_check_of_the_rated_share_reads_the_rated_share() -> None:
    """B's requests are rated half as often: of all findings only the rating rate says so."""
    metrics = tuple(
        row._replace(y=row.y / 2) if row.metric == "rating_rate" and row.variant == "treatment" else row
        for row in ROWS.metrics
    )
    found = gather(inputs(replace(ROWS, metrics=metrics)), PLAN)
    (check,) = [check for check in found.checks if check.name == "rated_alike"]
    assert not check.passed
    assert "are rated 50.0 % less often" in check.detail


@pytest.mark.parametrize(
    ("older", "days"), [(6, 21 - 3), (7, 42 - 3)], ids=["within the week", "a day too old"]
)
def test_the_pace_is_that_of_the_last_seven_days(older: int, days: int) -> None:
    """All ratings came on one day; the seventh day back still counts, the eighth does not."""
    rows = made_weeks(days=3)
    # 500 of A and 250 of B a day are W = 167: of 2,242 planned 302 are there, 12 days more, and the look on day 21
    once = RatedDay(START + timedelta(days=2 - older), 7 * 250.0, 7 * 500.0)
    assert gather(inputs(replace(rows, rated=(once,)), day=3), PLAN).days_left == days


def test_the_present_step_goes_back_as_long_as_the_share_is_known_and_the_same() -> None:
    days = [START + timedelta(days=number) for number in range(4)]
    rows = replace(
        ROWS,
        exposures=tuple(ExposureDay(str(at), day, "control", 1, 0) for at, day in enumerate(days, start=1)),
    )
    assert present_step(rows, {"1": 30.0, "2": 10.0, "3": 30.0, "4": 30.0}) == ["3", "4"]
    assert present_step(rows, {"1": 30.0, "3": 30.0, "4": 30.0}) == ["3", "4"]
    # nothing is known of any share: the newest phase stands for itself
    assert present_step(rows, {}) == ["4"]
    assert present_step(replace(rows, exposures=()), {}) == []
