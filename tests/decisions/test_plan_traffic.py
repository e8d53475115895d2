"""Each part of a plan's traffic comes from its best source, and the sources are named."""

from datetime import date
from pathlib import Path

from pacer_pipelines.decisions.plan_traffic import (
    ObservedTraffic,
    Source,
    StudentRatings,
    known_traffic,
    missing_parts,
    seen_correlation,
)
from pacer_pipelines.plan import load_plan
from pacer_pipelines.plan_parts import Traffic

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
# 60 students with 20 ratings each: 60 * 190 pairs
ALIKE = tuple(StudentRatings(f"c{index % 6}", "control", 20, 15) for index in range(60))
APART = tuple(
    StudentRatings(f"c{index % 6}", "control", 20, 20 if index % 12 < 6 else 10) for index in range(60)
)


def test_what_is_given_outranks_what_was_seen_and_that_the_plan() -> None:
    plan = PLAN.model_copy(
        update={"traffic": Traffic(requests_per_day=1, rated_share=0.1, students=10, student_correlation=0.2)}
    )
    seen = ObservedTraffic(date(2026, 11, 2), date(2026, 11, 15), 1286.0, None, 429).source("judge-model-v2")
    parts, line = known_traffic(plan, [Source("given", {"students": 500, "rated_share": None}), seen])
    assert parts == {
        "students": 500, "requests_per_day": 1286.0, "rated_share": 0.1, "student_correlation": 0.2,
    }  # fmt: skip
    assert line == (
        "given: students; judge-model-v2 from 2026-11-02 to 2026-11-15: requests per day; "
        "the plan: rated share, student correlation"
    )
    assert missing_parts(parts) == []


def test_without_any_source_everything_but_the_correlation_is_missing() -> None:
    parts, line = known_traffic(PLAN, [])
    assert parts == {"student_correlation": 0.05}
    assert line == "default: student correlation"
    assert missing_parts(parts) == ["requests_per_day", "rated_share", "students"]


def test_the_correlation_is_read_once_enough_students_were_rated_twice() -> None:
    assert seen_correlation(ALIKE) == 0.0  # below 0 by chance: nobody differs at all
    # rates 1 and 1/2 in halves: between-student variance 1/16 over the whole 3/16, a little less with 60 students
    assert abs((seen_correlation(APART) or 0) - 1 / 3) < 0.05
    assert seen_correlation(APART[:40]) is None
    assert seen_correlation(()) is None


def test_a_correlation_that_cannot_be_told_is_not_known() -> None:
    assert seen_correlation((StudentRatings("c1", "control", 500, 400),)) is None
