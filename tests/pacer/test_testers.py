"""Testers look at B while the experiment runs: their requests are in the log and in no number."""

import pytest
from pipeline.worlds import failed_checks

from .lived import DAYS, Lived, found
from .town import SCHOOLS


@pytest.fixture(scope="module")
def lived(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """One day with testers, judged."""
    lived = found(tmp_path_factory.mktemp("testers"))
    lived.live_with_testers()
    lived.judged = lived.judge(DAYS[0])
    return lived


def test_a_tester_is_served_the_variant_of_the_wish_and_the_log_says_so(lived):
    forced = [line for line in lived.lines("exposures") if line["feature_flag.result.reason"] == "FORCED"]
    assert len(forced) == 60
    assert {line["feature_flag.result.variant"] for line in forced} == {"B"}


def test_forced_exposures_are_not_analysed_and_fail_no_check(lived):
    asked_by_students = [
        line
        for line in lived.lines("exposures")
        if line["feature_flag.result.reason"] != "FORCED" and line["attrs"]["school"] != SCHOOLS[3]
    ]
    select = "select sum(n) from mart where metric = 'failure_rate'"
    assert lived.mart("metric_sums_daily", select) == [(len(asked_by_students),)]
    assert failed_checks(lived.world.verdict(DAYS[0])) == {}
