"""A plan with a pre-period covariate and caps: every expected number is counted by hand from the rows below."""

from datetime import date
from typing import Any

import duckdb
import pytest

from pacer_pipelines.adapters.evidence_rows import mart_rows, segment_rows
from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.decisions.marts import SegmentSum, StudentSum
from pacer_pipelines.errors import NothingPublished

from .conftest import NewWorld, card, exposure, feedback, log_row
from .landing import EXPERIMENT, Landing

LAST = date(2026, 11, 9)
PLAN = {**EXPERIMENT, "covariate": "pre_period", "latency_cap": 1000.0, "tokens_cap": 500.0, "cost_cap": 0.02}
# ratings before the start, as the copy of 1 November shows them
BEFORE = [
    (91, "s1", "c1", "GOOD"),
    (92, "s1", "c1", "GOOD"),
    (93, "s2", "c1", "GOOD"),
    (94, "s2", "c1", "BAD"),
    (95, "s1", "c2", "BAD"),
]
# Coach c1 has 3 GOOD of 4, c2 none of 1. s1 deviates by 2 - 2 * 3/4 from c1 and by nothing from c2, over 3 rated:
# 1000 * 0.5 / 22 = 22.7. s2 deviates by 1 - 2 * 3/4 over 2 rated: -500 / 21 = -23.8. s3 has no history.
S1, S2 = 23, -24


def land_before(landing: Landing, seen: str = "11-01 20:00", file: str = "night.db") -> None:
    """A copy of PACER's database that shows the time before the start."""
    rows = [
        log_row(log_id, "APPROVE", "10-20 09:00", seen, student_key=student, coach_key=coach, coach_feedback=rating)
        for log_id, student, coach, rating in BEFORE
    ]  # fmt: skip
    landing.put("llm_logs", rows, file=file)


def land_experiment(landing: Landing) -> None:
    """s1 meets both coaches, s2 is withdrawn, s3 fails."""
    landing.put("experiments", [PLAN])
    spent = {"latency_ms": 9.3216, "input_tokens": 100, "output_tokens": 20, "cost_usd": 0.0012345}
    exposures = [
        exposure("one", "11-02 09:00", "A", 1, "s1", **spent),
        exposure("two", "11-02 10:00", "A", 2, "s1", coach_key="c2", latency_ms=70000.0, output_tokens=501),
        exposure("three", "11-03 09:00", "B", 3, "s2", grade="2"),
        exposure("four", "11-03 10:00", "B", None, "s3", school=None, latency_ms=2.0, cost_usd=3.0),
    ]
    landing.put("exposures", exposures)
    events = [
        feedback(1, "GOOD", "11-03 20:00"),
        feedback(2, "BAD", "11-03 20:00"),
        feedback(3, "GOOD", "11-04 20:00"),
        feedback(3, "WITHDRAWN", "11-05 20:00"),
    ]
    landing.put("feedback_events", events)
    seen = "11-03 23:00"
    logs = [
        log_row(1, "APPROVE", "11-02 09:00", seen, concept_name="optics"),
        log_row(3, "REJECT", "11-03 09:00", seen),
    ]
    landing.put("llm_logs", logs, file="later.db")
    landing.put("anki_cards", [card(1, 1, "11-02 12:00", seen)])


def build(warehouse: Warehouse) -> Published:
    warehouse.build(date(2026, 11, 2), LAST)
    publish(warehouse.file, warehouse.home)
    return Published(warehouse.home)


@pytest.fixture(scope="module")
def adjusted(tmp_path_factory: pytest.TempPathFactory, built: Warehouse) -> Published:
    """The world above, built and published."""
    home = tmp_path_factory.mktemp("adjusted")
    landing = Landing(home / "landing")
    land_before(landing)
    land_experiment(landing)
    return build(Warehouse(home, built.project_dir))


def sums(published: Published, metric: str) -> dict[tuple[str, str], tuple[float, ...]]:
    rows = [row for row in mart_rows(published, "exp", LAST).metrics if row.metric == metric]
    return {(row.coach, row.variant): (row.n, row.y, row.x, row.xx, row.xy) for row in rows}


def test_each_metric_carries_the_covariate_of_its_students(adjusted: Published) -> None:
    assert sums(adjusted, "good_rate") == {
        ("c1", "control"): (1, 1, S1, S1 * S1, S1),
        # BAD: in n, not in y, so the product of covariate and numerator is 0
        ("c2", "control"): (1, 0, S1, S1 * S1, 0),
        # rated on the 4th and withdrawn on the 5th: everything that was added is taken away
        ("c1", "treatment"): (0, 0, 0, 0, 0),
    }
    # s2 and s3, who has no history and counts 0
    assert sums(adjusted, "failure_rate")["c1", "treatment"] == (2, 1, S2, S2 * S2, 0)
    assert sums(adjusted, "card_rate")["c1", "control"] == (1, 1, S1, S1 * S1, S1)
    assert sums(adjusted, "engagement")["c1", "control"] == (1, 0, S1, S1 * S1, 0)


def test_the_sums_as_of_a_day_do_not_know_the_withdrawal(adjusted: Published) -> None:
    rows = mart_rows(adjusted, "exp", date(2026, 11, 4)).metrics
    (treated,) = [row for row in rows if row.metric == "good_rate" and row.variant == "treatment"]
    assert (treated.n, treated.y, treated.x, treated.xx, treated.xy) == (1, 1, S2, S2 * S2, S2)


def test_amounts_are_capped_and_count_where_they_are_known(adjusted: Published) -> None:
    # microseconds: 9.3216 ms; 70,000 ms cut at 1,000; 2 ms of the failed judgement; request three says nothing
    assert sums(adjusted, "latency") == {
        ("c1", "control"): (1, 9322, S1, S1 * S1, 9322 * S1),
        ("c2", "control"): (1, 1_000_000, S1, S1 * S1, 1_000_000 * S1),
        ("c1", "treatment"): (1, 2000, 0, 0, 0),
    }
    # tokens: 100 + 20; 501 cut at 500
    assert {key: row[:2] for key, row in sums(adjusted, "tokens").items()} == {
        ("c1", "control"): (1, 120),
        ("c2", "control"): (1, 500),
    }
    # micro-dollars: 1,234.5 rounded; 3 dollars cut at 2 cents
    assert {key: row[:2] for key, row in sums(adjusted, "cost").items()} == {
        ("c1", "control"): (1, 1235),
        ("c1", "treatment"): (1, 20_000),
    }


def test_students_are_read_only_when_asked_for_and_add_up(adjusted: Published) -> None:
    assert mart_rows(adjusted, "exp", LAST).students == ()
    rows = mart_rows(adjusted, "exp", LAST, students=True)
    rated = [row for row in rows.students if row.metric == "good_rate"]
    assert rated == [
        StudentSum("1", "c1", "s1", "good_rate", "control", 1, 1, S1, S1 * S1, S1),
        StudentSum("1", "c1", "s2", "good_rate", "treatment", 0, 0, 0, 0, 0),
        StudentSum("1", "c2", "s1", "good_rate", "control", 1, 0, S1, S1 * S1, 0),
    ]
    for metric in rows.metrics:
        own = [row for row in rows.students if (row.coach, row.metric, row.variant) == metric[1:4]]
        assert tuple(map(sum, zip(*(row[5:] for row in own), strict=True))) == metric[4:]


def test_segments_are_school_grade_and_concept(adjusted: Published) -> None:
    rows = [row for row in segment_rows(adjusted, "exp", LAST) if row.metric == "card_rate"]
    assert [(row.attribute, row.value, row.coach, row.variant, row.n, row.y) for row in rows] == [
        ("concept", "optics", "c1", "control", 1, 1),
        # four failed; no copy shows the row of two, and the row of three names no concept
        ("concept", "unknown", "c1", "treatment", 2, 0),
        ("concept", "unknown", "c2", "control", 1, 0),
        ("grade", "1", "c1", "control", 1, 1),
        ("grade", "1", "c1", "treatment", 1, 0),
        ("grade", "1", "c2", "control", 1, 0),
        ("grade", "2", "c1", "treatment", 1, 0),
        ("school", "alpha", "c1", "control", 1, 1),
        ("school", "alpha", "c1", "treatment", 1, 0),
        ("school", "alpha", "c2", "control", 1, 0),
        ("school", "unknown", "c1", "treatment", 1, 0),
    ]
    assert SegmentSum("concept", "optics", "1", "c1", "latency", "control", 1, 9322) in segment_rows(
        adjusted, "exp", LAST
    )


def test_the_students_behind_a_segment_are_counted_once_each(adjusted: Published) -> None:
    rows = [row for row in segment_rows(adjusted, "exp", LAST) if row.metric == "students"]
    assert [(row.attribute, row.value, row.variant, row.n) for row in rows] == [
        # s1 asked about optics, and with the other coach about something unknown; s2 and s3 in B
        ("concept", "optics", "control", 1),
        ("concept", "unknown", "treatment", 2),
        ("concept", "unknown", "control", 1),
        ("grade", "1", "control", 1),
        ("grade", "1", "treatment", 1),
        ("grade", "2", "treatment", 1),
        ("school", "alpha", "control", 1),
        ("school", "alpha", "treatment", 1),
        ("school", "unknown", "treatment", 1),
    ]


def test_failures_have_no_concept_and_the_mature_rates_no_segments(adjusted: Published) -> None:
    rows = segment_rows(adjusted, "exp", LAST)
    assert {row.attribute for row in rows if row.metric == "failure_rate"} == {"school", "grade"}
    assert not [row for row in rows if row.metric in ("good_rate_mature", "rating_rate")]


def test_what_is_seen_after_the_start_changes_nothing(new_world: NewWorld, adjusted: Published) -> None:
    """A copy of 4 November shows other ratings of October; the ones of 1 November stay."""
    warehouse, landing = new_world()
    land_before(landing)
    land_experiment(landing)
    rated = {"student_key": "s1", "coach_key": "c1", "coach_feedback": "BAD"}
    late = [log_row(log_id, "APPROVE", "10-20 09:00", "11-04 20:00", **rated) for log_id in (91, 92, 96)]
    landing.put("llm_logs", late, file="night04.db")
    landing.put("feedback_events", [feedback(93, "BAD", "11-02 09:00")], file="late.jsonl")
    manifest = build(warehouse).manifest
    # only what counts rows, whatever they are for, tells that more has come
    changed = {name for name in manifest if manifest[name] != adjusted.manifest[name]}
    assert changed == {"row_fates_daily", "rows_hourly"}


def test_the_copy_of_the_morning_after_the_start_still_counts(
    new_world: NewWorld, adjusted: Published
) -> None:
    """A home that begins with the experiment sees PACER's database for the first time then."""
    warehouse, landing = new_world()
    land_before(landing, seen="11-03 05:00")
    land_experiment(landing)
    assert sums(build(warehouse), "good_rate") == sums(adjusted, "good_rate")


def test_a_copy_that_comes_late_gives_what_it_had_given_in_time(
    new_world: NewWorld, adjusted: Published
) -> None:
    warehouse, landing = new_world()
    land_experiment(landing)
    assert {row.x for row in mart_rows(build(warehouse), "exp", LAST).metrics} == {0}
    land_before(landing)
    assert build(warehouse).version == adjusted.version


def test_a_plan_without_covariate_and_caps_has_neither(published: Published) -> None:
    """The hand-made world of the other tests."""
    rows: list[Any] = list(mart_rows(published, "exp", LAST, students=True).metrics)
    assert {(row.x, row.xx, row.xy) for row in rows} == {(0, 0, 0)}
    assert not {"latency", "tokens", "cost"} & {row.metric for row in rows}


def test_a_snapshot_of_an_older_version_asks_for_a_run(new_world: NewWorld) -> None:
    warehouse, _ = new_world()
    with duckdb.connect(str(warehouse.file)) as db:
        db.execute("create schema marts")
        db.execute("create table marts.metric_sums_daily (n double, y double)")
    publish(warehouse.file, warehouse.home, ["metric_sums_daily"])
    with pytest.raises(
        NothingPublished, match=r"older version published, without student_sums_daily, .*run a day"
    ):
        mart_rows(Published(warehouse.home), "exp", LAST)
