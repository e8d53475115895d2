"""What a week is told as: counted words, time to decision, who rates without naming anybody, and the data beside it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.decisions.coverage import CoachSchool, Coverage, RatedStudent, coverage
from pacer_pipelines.decisions.digest import (
    Digest,
    Quality,
    QualityDay,
    RowsOfWeek,
    Week,
    experiment_week,
    is_over,
)
from pacer_pipelines.decisions.digest_text import digest_text, headline
from pacer_pipelines.decisions.report import WIDTH
from pacer_pipelines.decisions.values import Past, Verdict
from pacer_pipelines.plan import Plan, load_plan

ROOT = Path(__file__).parents[2]
WEEK = Week.named("2026-W46")
START = date(2026, 11, 2)


@pytest.fixture
def plan() -> Plan:
    return load_plan(ROOT / "experiments" / "judge-model-v2.toml")


def verdict(day: date, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "experiment": "judge-model-v2", "date": day, "verdict": "hold", "rule": "waiting", "reasons": (), "flip": (),
        "share_before": 30.0, "share_after": 30.0, "day": 8, "phase": "2", "days_left": 12, "findings": (),
        "checks": (), "missing_facts": (), "as_of": datetime(2026, 11, 10, 15), "plan_hash": "ab", "code_version": "1",
        "inputs_hash": "cd",
    }  # fmt: skip
    return Verdict(**{**values, **changes})


def days(*changes: dict[str, Any]) -> list[Verdict]:
    return [verdict(WEEK.first + timedelta(days=n), **change) for n, change in enumerate(changes)]


def past(*told: tuple[int, str, str]) -> list[Past]:
    """Day of November, word, rule."""
    return [Past(date(2026, 11, day), word, rule) for day, word, rule in told]  # type: ignore[arg-type]


def digest(**changes: Any) -> Digest:
    values: dict[str, Any] = {
        "channel": "#pacer-experiments", "week": WEEK, "experiments": (), "ended": (), "coverage": Coverage(),
        "quality": Quality(),
    }  # fmt: skip
    return Digest(**{**values, **changes})


@pytest.mark.parametrize(("name", "first"), [("2026-W46", date(2026, 11, 9)), ("2027-W01", date(2027, 1, 4))])
def test_a_week_runs_from_monday_to_sunday(name: str, first: date) -> None:
    week = Week.named(name)
    assert (week.first, week.last, week.name) == (first, first + timedelta(days=6), name)
    assert Week.of(week.last) == week == Week.of(week.first)
    assert Week.of(week.first - timedelta(days=1)) == week.before


@pytest.mark.parametrize("name", ["2026-46", "2026-W54", "soon", "x-W1"])
def test_what_is_no_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"W46|week|int"):
        Week.named(name)


def test_words_are_counted_with_their_reason_and_the_moves_of_the_share(plan: Plan) -> None:
    waits, won = {}, {"verdict": "promote", "rule": "win", "share_after": 50.0}
    found = experiment_week(
        plan, days(waits, {"rule": "new rule"}, waits, won), past((12, "promote", "win")), WEEK
    )
    assert [(one.verdict, one.why, one.days) for one in found.verdicts] == [
        ("hold", "waiting", 2), ("hold", "new rule", 1), ("promote", "won", 1),
    ]  # fmt: skip
    assert found.verdicts[-1].moves == ((30.0, 50.0),)
    text = digest_text(digest(experiments=(found,)))
    assert "2 hold (waiting), 1 hold (new rule), 1 promote (won, 30 % -> 50 %)" in " ".join(text.split())
    assert "B: 30 % -> 50 %" in text
    assert text.startswith("Week 2026-W46: 1 promotion, 0 rollbacks, 0 critical checks failed\n")


@pytest.mark.parametrize(
    ("told", "decision", "on_day", "state"),
    [
        (past((8, "hold", "waiting"), (15, "promote", "win")), "promote", 14, "running"),
        (past((10, "rollback", "the watch")), "rollback", 9, "rolled back"),
        (past((10, "promote", "win"), (12, "rollback", "alarm")), "promote", 9, "rolled back"),
        (past((14, "hold", "deadline")), "time is up", 13, "time is up"),
        (past((14, "promote", "unapproved")), None, None, "running"),
        # the day after the week is not read
        (past((16, "rollback", "alarm")), None, None, "running"),
        ([], None, None, "running"),
    ],
)
def test_the_decision_is_the_first_promotion_rollback_or_end(
    plan: Plan, told: list[Past], decision: str | None, on_day: int | None, state: str
) -> None:
    found = experiment_week(plan, days({}), told, WEEK)
    assert (found.decision, found.decided_on_day, found.state) == (decision, on_day, state)
    line = " ".join(digest_text(digest(experiments=(found,))).split())
    assert (f"decided on day {on_day}: {decision}" if decision else "not decided, about 12 days left") in line


def test_a_promotion_that_waits_for_a_person_says_so(plan: Plan) -> None:
    won = {"verdict": "promote", "rule": "win", "share_after": 50.0}
    waits = experiment_week(plan, days(won), past((9, "promote", "unapproved")), WEEK)
    assert "30 % -> 50 %, once a person approves" in digest_text(digest(experiments=(waits,)))
    assert not experiment_week(plan, days(won), past((9, "promote", "win")), WEEK).waits


def test_a_week_without_verdicts_and_one_with_all_traffic_on_b(plan: Plan) -> None:
    nothing = experiment_week(plan, [], [], WEEK)
    assert (nothing.state, nothing.share, nothing.days_left) == ("not judged", None, None)
    assert "not judged, day 14 of 42; not decided, days left unknown" in digest_text(
        digest(experiments=(nothing,))
    )
    everything = experiment_week(plan, days({"share_before": 100.0, "share_after": 100.0}), [], WEEK)
    assert everything.state == "all traffic on B"
    unknown = experiment_week(
        plan, days({"share_before": None, "share_after": 0.0, "days_left": 1}), [], WEEK
    )
    assert unknown.state == "running"
    text = digest_text(digest(experiments=(unknown,)))
    assert "? -> 0 %" in text
    assert "about 1 day left" in text


def test_an_experiment_that_was_over_before_the_week_is_only_named() -> None:
    assert is_over(past((8, "rollback", "alarm")), WEEK)
    assert is_over(past((8, "hold", "deadline")), WEEK)
    assert not is_over(past((9, "rollback", "alarm"), (2, "promote", "win")), WEEK)
    text = digest_text(digest(ended=("old-one", "older-one")))
    assert "Over before this week: old-one, older-one" in text
    assert "Experiments: none is running" in text
    assert "Over before" not in digest_text(digest())


def students(coach: str, number: int, requests: float = 10, rated: float = 4) -> list[RatedStudent]:
    return [RatedStudent(coach, f"{coach}/{each}", requests, rated) for each in range(number)]


def at(school: str, *coaches: str) -> list[CoachSchool]:
    return [CoachSchool(coach, school, 5) for coach in coaches]


def test_a_coach_belongs_to_the_school_of_most_of_their_students() -> None:
    schools = [
        CoachSchool("c1", "beta", 3), CoachSchool("c1", "alpha", 4), CoachSchool("c1", "unknown", 9),
        CoachSchool("c2", "beta", 2), CoachSchool("c2", "alpha", 2), CoachSchool("c3", "alpha", 1),
    ]  # fmt: skip
    rows = [*students("c1", 5), *students("c2", 5), *students("c3", 5, rated=10)]
    (alpha,) = coverage(rows, schools).groups
    assert (alpha.name, alpha.coaches, alpha.students, alpha.requests, alpha.rated) == (
        "alpha",
        3,
        15,
        150,
        90,
    )
    assert alpha.share == pytest.approx(0.6)
    assert coverage(rows, schools).total == replace(alpha, name="all")


def three_schools(gamma: list[RatedStudent], homes: list[CoachSchool]) -> Coverage:
    rows = [
        row
        for coach in ("a1", "a2", "a3", "b1", "b2", "b3")
        for row in students(coach, 4 if coach < "b" else 5)
    ]
    return coverage([*rows, *gamma], [*at("alpha", "a1", "a2", "a3"), *at("beta", "b1", "b2", "b3"), *homes])


@pytest.mark.parametrize(
    ("gamma", "coaches"),
    [
        ([*students("g1", 20), *students("g2", 20)], ("g1", "g2")),
        ([*students("g1", 3), *students("g2", 3), *students("g3", 3)], ("g1", "g2", "g3")),
    ],
    ids=["two coaches", "nine students"],
)
def test_one_small_group_takes_the_smallest_of_the_others_with_it(
    gamma: list[RatedStudent], coaches: tuple[str, ...]
) -> None:
    found = three_schools(gamma, at("gamma", *coaches))
    assert found.hidden == ("alpha", "gamma")
    assert [group.name for group in found.groups] == ["beta"]
    assert found.total is not None
    text = digest_text(digest(coverage=found))
    assert "too few to show" in text
    assert text.index("beta") < text.index("alpha  ") < text.index("gamma") < text.index("all coaches")


def test_small_groups_that_are_too_few_together_take_another_one_with_them() -> None:
    """Two schools with three students each: their sum would follow from the total."""
    gamma = [*students("g1", 3), *students("d1", 3)]
    assert three_schools(gamma, [*at("gamma", "g1"), *at("delta", "d1")]).hidden == (
        "alpha",
        "delta",
        "gamma",
    )


def test_small_groups_that_are_enough_together_hide_nobody_else() -> None:
    gamma = [*students("g1", 8), *students("g2", 8), *students("d1", 8)]
    found = three_schools(gamma, [*at("gamma", "g1", "g2"), *at("delta", "d1")])
    assert found.hidden == ("delta", "gamma")
    assert [group.name for group in found.groups] == ["alpha", "beta"]


def test_nothing_is_told_when_all_together_are_too_few() -> None:
    found = coverage(students("c1", 40), at("alpha", "c1"))
    assert found == Coverage((), ("alpha",), None)
    assert "all coaches" not in digest_text(digest(coverage=found))


def test_requests_without_a_coach_are_a_group_that_is_never_shown() -> None:
    found = three_schools(students("unknown", 50), [CoachSchool("unknown", "alpha", 50)])
    assert found.hidden == ("alpha", "unknown")
    assert found.total is not None
    assert found.total.coaches == 6


def test_without_a_mature_request_nobody_is_blamed() -> None:
    assert coverage([RatedStudent("c1", "s1", 0, 0)], []) == Coverage()
    assert "Coaches' feedback: no request is mature yet" in digest_text(digest())


QUALITY = Quality(
    days=(
        QualityDay(date(2026, 11, 9), 72, 0, 0, 1.0),
        QualityDay(date(2026, 11, 10), 72, 1, 1, 0.931),
        QualityDay(date(2026, 11, 11), 72, 0, 2, None),
    ),
    rows=(RowsOfWeek("exposures", 9876), RowsOfWeek("feedback_events", 500, 20, 3)),
    rows_before=(RowsOfWeek("exposures"), RowsOfWeek("feedback_events")),
)


def test_the_data_stand_beside_those_of_the_week_before() -> None:
    text = digest_text(digest(quality=QUALITY))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "days checked 3 0", "critical checks failed 1 of 216 -", "warnings 3 of 216 -",
        "exposure log complete, lowest day 93.1 % -", "exposures landed 9,876 0",
        "feedback events landed 500, 20 delivered before, 3 refused 0", "2026-11-10: 1 critical, 1 warning",
        "2026-11-11: 0 critical, 2 warnings",
    ):  # fmt: skip
        assert line in lines, text
    assert headline(digest(quality=QUALITY)).endswith("1 critical check failed")
    assert not [line for line in lines if line.startswith("2026-11-09:")]


def test_no_line_is_wider_than_a_terminal(plan: Plan) -> None:
    rows = [row for coach in ("a1", "a2", "a3") for row in students(coach, 5)]
    wide = coverage(rows, at("school " * 30, "a1", "a2", "a3"))
    long = experiment_week(
        plan.model_copy(update={"slug": "a" * 60}),
        days({"rule": "health"}, {"rule": "conflict"}, {}),
        [],
        WEEK,
    )
    text = digest_text(
        digest(coverage=wide, experiments=(long,), ended=("b" * 60, "c" * 60), quality=QUALITY)
    )
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "checks failed" in text


def test_the_same_week_has_the_same_identity_and_another_one_a_new_one(plan: Plan) -> None:
    one = digest(quality=QUALITY, experiments=(experiment_week(plan, days({}), [], WEEK),))
    assert one.digest_id == replace(one).digest_id
    assert (
        len(
            {
                one.digest_id,
                replace(one, week=WEEK.before).digest_id,
                replace(one, quality=Quality()).digest_id,
            }
        )
        == 3
    )
