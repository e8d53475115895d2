"""A verdict comes out again from what it was made of, byte for byte, and a difference is named."""

import json
from dataclasses import replace
from datetime import date

import pytest

from pacer_pipelines.decisions.evidence import gather
from pacer_pipelines.decisions.judge import judge
from pacer_pipelines.decisions.marts import ServedIdentity
from pacer_pipelines.decisions.replay import (
    as_plain,
    differences,
    from_plain,
    judge_again,
    without_students,
)
from pacer_pipelines.decisions.values import Check, Past, Verdict, canonical

from .made_weeks import START, made_weeks
from .test_judge import PLAN, inputs

WORLDS = {
    "a win": inputs(made_weeks(gain=0.08), partitions={"exposures": "ab"}),
    "harm": inputs(made_weeks(gain=-0.25)),
    "students between coaches": inputs(made_weeks(students=True)),
    "a step later": inputs(made_weeks(gain=0.08), history=(Past(START, "promote", "win"),)),
    "an edited plan": inputs(
        made_weeks(), frozen_hash="0" * 64, acknowledged={PLAN.plan_hash: "a: typing error"}
    ),
    "a model that was replaced": inputs(
        replace(made_weeks(), identities=(ServedIdentity("1", "control", "model_digest", "d1", 9, 8, 2),))
    ),
    "nothing at all": inputs(replace(made_weeks(days=1), metrics=(), exposures=(), rated=()), day=1),
    "a failed check": inputs(
        made_weeks(),
        checks=(Check("exposures_present", "exposures", "critical", False, "0", "> 0", "none", "why"),),
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_what_a_verdict_was_made_of_gives_it_again(name: str) -> None:
    made_of = WORLDS[name]
    first = judge(made_of, PLAN, "code")
    kept = json.loads(canonical(as_plain(made_of, PLAN)))
    again = judge_again(kept, "code")
    assert canonical(again.as_dict()) == canonical(first.as_dict())
    assert differences(json.loads(canonical(first.as_dict())), again) == ()
    assert from_plain(kept)[1].plan_hash == PLAN.plan_hash


@pytest.mark.parametrize("name", WORLDS)
def test_numbers_instead_of_students_change_no_verdict(name: str) -> None:
    made_of = WORLDS[name]
    first = judge(made_of, PLAN, "code")
    numbered = without_students(json.loads(canonical(as_plain(made_of, PLAN))))
    again = judge_again(numbered, "code", first.inputs_hash)
    assert canonical(again.as_dict()) == canonical(first.as_dict())


def test_no_pseudonym_of_a_student_is_left_and_each_student_stays_one() -> None:
    made_of = WORLDS["students between coaches"]
    before = {row.student for row in made_of.rows.students}
    numbered, _ = from_plain(without_students(as_plain(made_of, PLAN)))
    after = {row.student for row in numbered.rows.students}
    assert len(after) == len(before) > 1
    assert not any(student in canonical(as_plain(numbered, PLAN)) for student in before)
    assert judge(numbered, PLAN, "code").inputs_hash != judge(made_of, PLAN, "code").inputs_hash


def test_a_share_that_the_flag_got_later_is_not_kept() -> None:
    kept = as_plain(inputs(made_weeks(), shares={"1": 30.0, "2": 50.0}), PLAN)
    assert kept["shares"] == {"1": 30.0}


def test_a_share_belongs_to_the_version_of_its_phases() -> None:
    rows = made_weeks()
    later = tuple(row._replace(phase="1~2" if row.date > START else "1") for row in rows.exposures)
    kept = as_plain(inputs(replace(rows, exposures=later), control_shares={"1": 70.0, "2": 50.0}), PLAN)
    assert (kept["shares"], kept["control_shares"]) == ({"1": 30.0}, {"1": 70.0})


def test_what_a_verdict_of_an_older_version_was_made_of_still_loads_with_the_hash_that_it_had() -> None:
    made_of = WORLDS["a win"]
    kept = json.loads(canonical(as_plain(made_of, PLAN)))
    del kept["rows"]["identities"]
    kept["rows"]["exposures"] = [row[:5] for row in kept["rows"]["exposures"]]
    assert from_plain(kept)[0].rows == made_of.rows
    assert judge_again(kept, "code").inputs_hash == judge(made_of, PLAN, "code").inputs_hash


def test_code_that_judges_otherwise_is_told_by_field() -> None:
    made_of = WORLDS["a win"]
    verdict = judge(made_of, PLAN, "code")
    recorded = json.loads(canonical(verdict.as_dict()))
    del recorded["flip"]
    recorded |= {"verdict_id": "0" * 16, "reasons": ["because"], "share_after": 60.0, "dropped": 1}
    found = {item.field: (item.recorded, item.replayed) for item in differences(recorded, verdict)}
    assert found == {
        "dropped": (1, None), "flip": (None, list(verdict.flip)), "reasons": (["because"], list(verdict.reasons)),
        "share_after": (60.0, 50.0),
    }  # fmt: skip


def test_an_acknowledged_edit_stays_in_sight_and_stops_nothing() -> None:
    edited = inputs(made_weeks(gain=0.08), frozen_hash="0" * 64)
    assert judge(edited, PLAN, "code").rule == "health"
    accepted = judge(
        replace(edited, acknowledged={PLAN.plan_hash: "owner@pacer.example: a typing error"}), PLAN, "code"
    )
    assert accepted.rule == "win"
    (check,) = [check for check in accepted.checks if check.name == "plan_unchanged"]
    assert (check.passed, check.severity) == (False, "warning")
    assert check.detail.endswith("; acknowledged by owner@pacer.example: a typing error")


def test_an_acknowledgement_of_another_edit_counts_for_nothing() -> None:
    edited = inputs(made_weeks(gain=0.08), frozen_hash="0" * 64, acknowledged={"1" * 64: "owner: why"})
    assert judge(edited, PLAN, "code").rule == "health"


def test_after_a_promotion_the_present_share_is_looked_at_by_itself() -> None:
    first = gather(inputs(made_weeks()), PLAN)
    assert first.finding("good_rate_this_step") is None
    # the first step was a clear win; at the second one B is worse
    one, two = made_weeks(gain=0.1), made_weeks(gain=-0.1, share=0.5, seed=8)
    later = [row._replace(phase="2") for row in two.metrics]
    rows = replace(
        one,
        metrics=(*one.metrics, *later),
        exposures=(
            *one.exposures,
            *(row._replace(phase="2", date=date(2026, 11, 15)) for row in two.exposures),
        ),
    )
    won = inputs(rows, 14, shares={"1": 30.0, "2": 50.0}, history=(Past(START, "promote", "win"),))
    found = gather(won, PLAN).finding("good_rate_this_step")
    assert found is not None
    assert found.effect is not None
    assert found.effect < -0.05
    assert not found.passes
    empty = replace(rows, metrics=one.metrics)
    nothing = gather(replace(won, rows=empty), PLAN).finding("good_rate_this_step")
    assert nothing is not None
    assert nothing.effect is None


def test_another_flag_that_moves_begins_a_phase_and_no_step() -> None:
    rows = made_weeks()
    # the file got version 2 on the eighth day and 3 on the tenth, and B has 30 % since version 2
    moved = tuple(
        row._replace(phase="1" if number < 7 else "2" if number < 9 else "3")
        for number, row in ((row.date.day - START.day, row) for row in rows.exposures)
    )
    split = replace(rows, exposures=moved)
    found = gather(inputs(split, shares={"1": 10.0, "2": 30.0, "3": 30.0}), PLAN)
    assert (found.phase, found.phase_day) == ("3", 7)
    unknown = gather(inputs(split, shares={"1": 10.0, "3": 30.0}), PLAN)
    assert (unknown.phase, unknown.phase_day) == ("3", 5)
    always = gather(inputs(split, shares={"1": 30.0, "2": 30.0, "3": 30.0}), PLAN)
    assert (always.phase, always.phase_day) == ("3", 14)
    nothing = gather(inputs(replace(rows, exposures=())), PLAN)
    assert (nothing.phase, nothing.phase_day) == ("none", 0)


def test_b_served_on_a_day_after_its_end_is_counted() -> None:
    closed = inputs(made_weeks(), history=(Past(date(2026, 11, 13), "rollback", "watch"),))
    # 500 exposures of B a day, on 14 and 15 November
    assert gather(closed, PLAN).served_after_end == 1000
    assert "B was served 1000 times" in judge(closed, PLAN, "code").reasons[1]


def test_a_stored_verdict_with_its_partitions_is_read_back() -> None:
    verdict = judge(WORLDS["a win"], PLAN, "code")
    assert Verdict.from_dict(json.loads(canonical(verdict.as_dict()))).partitions == {"exposures": "ab"}
