"""A plan against its traffic: whether it can end, what it finds, what its choices cost, what would help."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.decisions.looks import days_to_end, last_look, next_look
from pacer_pipelines.decisions.plan_advice import costs, problems, remedies, warnings
from pacer_pipelines.decisions.plan_check import PlanCheck, check_plan
from pacer_pipelines.decisions.plan_text import WIDTH, plan_object, plan_text
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.plan_parts import Duration, Traffic

EXAMPLE = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
# close to what the example fortnight shows, in round numbers: 840 rated requests a day
TRAFFIC = Traffic(requests_per_day=1_200, rated_share=0.7, students=430, student_correlation=0.001)


def plan_with(**changes: Any) -> Plan:
    """The example's plan with other values; ``table__key`` changes a key of a table."""
    content = EXAMPLE.model_dump(mode="json", exclude_none=True)
    for name, value in changes.items():
        table, _, key = name.partition("__")
        if key:
            content[table][key] = value
        else:
            content[table] = value
    return Plan.model_validate(content)


def checked(plan: Plan = EXAMPLE, **traffic: Any) -> PlanCheck:
    return check_plan(plan, TRAFFIC.model_copy(update=traffic))


@pytest.mark.parametrize(
    ("duration", "day", "look"),
    [
        (Duration(), 0, 7),
        (Duration(), 7, 7),
        (Duration(), 8, 14),
        (Duration(), 42, 42),
        (Duration(), 43, None),
        (Duration(min_days=10), 1, 14),
        (Duration(max_days=45), 43, None),
        (Duration(min_days=8, max_days=13), 1, None),
        (Duration(whole_weeks=False), 8, 8),
        (Duration(whole_weeks=False, min_days=10), 1, 10),
        (Duration(whole_weeks=False), 43, None),
    ],
)
def test_a_promotion_is_looked_at_on_whole_weeks(duration: Duration, day: int, look: int | None) -> None:
    assert next_look(duration, day) == look


@pytest.mark.parametrize(
    ("duration", "look"),
    [
        (Duration(), 42),
        (Duration(max_days=45), 42),
        (Duration(max_days=45, whole_weeks=False), 45),
        (Duration(min_days=8, max_days=13), None),
        (Duration(min_days=5, max_days=6), None),
    ],
)
def test_the_last_look_may_come_before_the_last_day(duration: Duration, look: int | None) -> None:
    assert last_look(duration) == look


@pytest.mark.parametrize(
    ("day", "size", "pace", "left"),
    [
        (0, 0.0, 75.0, 35),  # full on day 30, looked at on day 35
        (14, 1_200.0, 75.0, 14),  # full on day 28, which is a look day
        (15, 1_200.0, 75.0, 20),  # full on day 29, looked at on day 35
        (14, 2_300.0, 75.0, 0),  # full today, and today is looked at
        (15, 2_300.0, 0.0, 6),  # full today, looked at on day 21
        (14, 0.0, 10.0, 28),  # never full in time: the last day ends it
        (14, 0.0, 0.0, 28),
        (50, 0.0, 75.0, 0),
    ],
)
def test_days_to_the_end_lead_to_a_look_or_to_the_last_day(
    day: int, size: float, pace: float, left: int
) -> None:
    assert days_to_end(Duration(), day, size, 2_250.0, pace) == left


def test_the_example_ends_in_time_with_the_numbers_worked_by_hand() -> None:
    check = checked()
    # (1.96 + 0.84)^2 0.78 * 0.22 * 1.5 / 0.03^2 = 2,242.2; / 0.9 = 2,491.4; 840 * 0.09 = 75.6 a day: 29.7 days,
    # then the 7 days in which the last of them are rated
    assert check.planned_effective_n == pytest.approx(2242.2, abs=0.05)
    assert check.planned_treatment_n == pytest.approx(2491.4, abs=0.05)
    assert (check.sample_day, check.end_day, check.last_look) == (37, 42, 42)
    # 24,914 ratings of 430 students: 1 + (57.9 - 1) 0.001
    assert check.implied_design_effect == pytest.approx(1.0569, abs=1e-4)
    assert problems(check) == warnings(check) == ()


def test_the_days_before_the_start_are_those_of_the_daily_message() -> None:
    check = checked(EXAMPLE)
    pace = 840 * 0.1 * 0.9
    assert check.sample_day is not None
    lag = EXAMPLE.maturity.rating_days
    assert days_to_end(EXAMPLE.duration, lag, 0.0, check.planned_effective_n, pace) + lag == check.end_day


def test_each_split_and_unit_has_its_days_and_its_smallest_effect() -> None:
    rows = {row.share: row for row in checked(student_correlation=0.05).splits}
    assert list(rows) == [10, 30, 50]
    assert [rows[share].sample_day for share in rows] == [37, 20, 18]
    assert rows[10].request.finds_on == 27  # 16,609 ratings / 840 = 19.8 days and 7
    assert rows[10].request.finds_ever == 0
    assert rows[10].student.finds_on is None
    # 2.8 sqrt(0.1716 * 0.05 / (430 * 0.09)), by hand
    assert rows[10].student.finds_ever == pytest.approx(0.0417, abs=1e-4)
    assert (
        rows[50].student.finds_on == 30
    )  # 1 / (1 / 5,979 - 0.05 / 430) * 0.95 = 18,610 ratings: 22.2 days and 7


def test_the_plans_own_unit_and_share_are_what_it_finds() -> None:
    check = checked()
    assert check.own == check.splits[0].student
    by_request = checked(plan_with(randomization_unit="request", rollout__steps=[30, 100]))
    assert [row.share for row in by_request.splits] == [30, 50]
    assert by_request.own == by_request.splits[0].request
    assert by_request.implied_design_effect == 1


@pytest.mark.parametrize(
    ("plan", "traffic", "reason"),
    [
        (EXAMPLE, {"requests_per_day": 500}, "full on day 79, 37 days after the last look on day 42"),
        (plan_with(duration__max_days=41), {}, "full on day 37, 2 days after the last look on day 35"),
        (plan_with(duration__max_days=36), {}, "full on day 37, 2 days after the last look on day 35"),
        (EXAMPLE, {"requests_per_day": 5e-324}, "never full at this traffic"),
        (
            plan_with(duration__min_days=8, duration__max_days=13),
            {},
            "no whole week ends between day 8 and day 13",
        ),
        (plan_with(primary__baseline=0.98), {"requests_per_day": 1e5}, "A at 98 % leaves no room for"),
        (plan_with(rollout__steps=[100]), {"requests_per_day": 1e5}, "the first step gives B all traffic"),
        (
            plan_with(minimums={"promote_rated": 5000}),
            {},
            "asks for 5,000 rated decisions of B, and 2,940 are in",
        ),
    ],
)
def test_what_stops_a_plan_is_said_in_numbers(plan: Plan, traffic: dict[str, float], reason: str) -> None:
    found = problems(checked(plan, **traffic))
    assert len(found) == 1
    assert reason in found[0]


def test_one_day_is_one_day() -> None:
    late = checked(plan_with(duration__max_days=36, duration__whole_weeks=False))
    assert "full on day 37, 1 day after the last look on day 36" in problems(late)[0]


def test_each_remedy_alone_lets_the_plan_end() -> None:
    slow = {"requests_per_day": 500}
    assert remedies(checked(**slow)) == ("begin with B at 25 %", "max_days = 84", "smallest_effect = 0.043")
    for change in (
        {"rollout__steps": [25, 100]},
        {"duration__max_days": 84},
        {"primary__smallest_effect": 0.043},
    ):
        assert problems(checked(plan_with(**change), **slow)) == ()
    # and a little less of each does not
    for change in (
        {"rollout__steps": [24, 100]},
        {"duration__max_days": 83},
        {"primary__smallest_effect": 0.042},
    ):
        assert problems(checked(plan_with(**change), **slow))


def test_keying_by_request_is_a_remedy_where_it_helps() -> None:
    text = 'randomization_unit = "request" with design_effect = 1'
    assert text in remedies(checked(plan_with(primary__design_effect=2.0)))
    assert text not in remedies(checked(plan_with(primary__design_effect=2.0, randomization_unit="request")))
    assert text not in remedies(checked(requests_per_day=100))


def test_where_no_change_is_enough_it_says_how_much_traffic_is() -> None:
    (text,) = remedies(checked(requests_per_day=5))
    needed = int(text.split()[-4].replace(",", ""))
    assert problems(checked(requests_per_day=needed)) == ()
    assert problems(checked(requests_per_day=needed * 0.99))


def test_a_plan_that_no_traffic_mends_gets_no_such_advice() -> None:
    assert remedies(checked(plan_with(duration__min_days=8, duration__max_days=13))) == ("max_days = 42",)
    assert remedies(checked(plan_with(primary__baseline=0.98), requests_per_day=1e5)) == ()
    early = plan_with(duration__max_days=7, maturity={"rating_days": 7}, duration__min_days=7)
    assert remedies(checked(early, requests_per_day=10.0)) == ()


def test_a_minimum_that_never_comes_can_be_lowered() -> None:
    assert "minimums.promote_rated = 2940" in remedies(checked(plan_with(minimums={"promote_rated": 5000})))
    hopeless = plan_with(minimums={"promote_rated": 5000}, primary__baseline=0.98)
    assert not any("promote_rated" in text for text in remedies(checked(hopeless)))


def test_a_design_effect_below_the_traffics_own_is_a_warning() -> None:
    (text,) = warnings(checked(student_correlation=0.05))
    # 1 + (57.9 - 1) 0.05 = 3.85; 3 points * sqrt(3.85 / 1.5) = 4.8
    assert "design_effect 1.5 is smaller than the 3.8 that this traffic implies" in text
    assert "only effects of 4.8 points or more are found with 80 % power, not 3.0 points" in text


def test_the_costs_of_split_and_unit_are_sentences_with_numbers() -> None:
    split, unit = costs(checked(student_correlation=0.05))
    assert split.startswith("B at 10 % costs 2.8 times the ratings of an even split")
    assert "on day 37 instead of day 18" in split
    assert "with 43 of 430 students in B no duration finds less than 4.2 points" in unit
    assert "(by request: from day 27)" in unit
    (_, cheap) = costs(checked())
    assert "costs 1 day: 3.0 points are found with 80 % power from day 28 instead of day 27" in cheap


def test_an_even_split_and_an_endless_wait_cost_nothing_that_could_be_said() -> None:
    assert len(costs(checked(plan_with(rollout__steps=[50, 100])))) == 1
    (text,) = costs(checked(requests_per_day=5e-324))
    assert "costs the answer: with 43" in text


def test_the_text_begins_with_the_answer_and_fits() -> None:
    fits, late = plan_text(checked(), "given: all"), plan_text(checked(requests_per_day=500), "given: all")
    assert fits.startswith("CAN END IN TIME judge-model-v2, plan 39b7f704a5be\n\nAsks ")
    assert late.startswith("CANNOT END IN TIME judge-model-v2, plan 39b7f704a5be\n\nWhy not ")
    assert "Would help begin with B at" in late
    assert max(map(len, (fits + late).splitlines())) <= WIDTH
    assert "* 10 %       day 37" in fits
    assert "never less than 0.6 points" in fits


def test_the_text_says_never_and_nothing() -> None:
    text = plan_text(checked(plan_with(duration__max_days=7), requests_per_day=5e-324), "given: all")
    assert "never full; max_days 7" in text
    assert "on day 7 nothing yet" in text
    no_look = plan_text(checked(plan_with(duration__min_days=8, duration__max_days=13)), "given: all")
    assert "on day 13" in no_look


def test_the_object_is_plain_and_complete() -> None:
    found = plan_object(checked(requests_per_day=500), "given: all")
    assert json.loads(json.dumps(found, allow_nan=False))["can_end_in_time"] is False
    assert found["experiment"] == "judge-model-v2"
    assert (found["baseline"], found["smallest_effect"], found["design_effect"]) == (0.78, 0.03, 1.5)
    assert found["problems"]
    assert found["remedies"]
    assert plan_object(checked(), "given: all")["remedies"] == ()
    assert plan_object(checked(plan_with(duration__max_days=7)), "")["splits"][0]["student"]["finds"] is None


def test_a_traffic_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="rated_per_day"):
        checked(requests_per_day=math.inf)


def asking_for(*metrics: str, **margin: float) -> Plan:
    """The example's plan with other secondary metrics, each with a margin: a relative one of 10 % if none is given."""
    allowed = margin or {"relative": 0.10}
    names = [{"metric": metric, "better": "higher", "margin": allowed} for metric in metrics]
    return plan_with(secondary=names)


def test_a_share_of_cards_says_what_its_margin_takes_and_promises_no_day() -> None:
    (said,) = warnings(checked(asking_for("card_reviewed_rate")))
    # 10 % of 50 % are 5 points: 2.8^2 * 0.25 / (0.9 * 0.05^2) = 871
    assert said.startswith(
        "cards reviewed: at a rate of 50 % its margin is 5 points, which takes at least 871 cards"
    )
    assert "no day is promised" in said
    assert said in " ".join(plan_text(checked(asking_for("card_reviewed_rate")), "here").split())


def test_an_absolute_margin_is_taken_as_it_is() -> None:
    said = warnings(checked(asking_for("retention", "engagement", absolute=0.1)))
    # 2.8^2 * 0.25 / (0.9 * 0.1^2) = 217.8
    assert [text for text in said if "its margin is 10 points, which takes at least 218 answers of B" in text]


def test_retention_without_a_metric_of_all_cards_is_told_what_it_cannot_see() -> None:
    alone = warnings(checked(asking_for("retention")))
    assert any("only cards that were answered" in said for said in alone)
    for beside in ("card_reviewed_rate", "engagement"):
        both = warnings(checked(asking_for("retention", beside)))
        assert not any("only cards that were answered" in said for said in both)


def test_a_plan_that_asks_for_neither_is_told_nothing_new() -> None:
    assert warnings(checked()) == ()
