"""When a day's calls and ratings demand a rollback at once, and when they do not."""

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.decisions.watch import SIGNALS, Harm, Signal, Tally, Watched, find_harm, margin_of
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.plan_parts import Watch
from pacer_pipelines.stats import difference_lower_bound

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
DAY = PLAN.start_date + timedelta(days=6)
QUIET = Tally(2, 310, 2)


def plan_with(**watch: Any) -> Plan:
    return PLAN.model_copy(update={"watch": Watch(**watch)})


def harm(watched: Watched, signal: Signal = "failures", day: date = DAY, **more: Any) -> Harm | None:
    found = find_harm(more.pop("plan", PLAN), day, {signal: watched}, **more)
    assert len(found) <= 1
    return found[0] if found else None


def test_a_broken_b_is_named_with_its_counts_and_the_threshold() -> None:
    found = harm(Watched(QUIET, Tally(31, 33, 20)))
    assert found is not None
    assert found.text == (
        "failed calls: 31 of 33 in B against 2 of 310 in A on 2026-11-08; at least 49 points more with certainty, "
        "the plan allows 1"
    )
    assert found.details() == {
        "signal": "failures", "date": "2026-11-08", "control": "2 of 310", "treatment": "31 of 33",
        "at_least_points": f"{100 * found.at_least:.1f}", "margin_points": "1",
    }  # fmt: skip


def test_the_bar_is_the_level_of_the_day_over_all_signals() -> None:
    found = harm(Watched(QUIET, Tally(31, 33, 20)))
    assert found is not None
    assert found.at_least == difference_lower_bound((2, 310), (31, 33), 0.01 / 4 / (7 * 8))


def test_levels_of_all_days_and_signals_add_up_to_alpha() -> None:
    spent = sum(0.01 / len(SIGNALS) / (day * (day + 1)) * len(SIGNALS) for day in range(1, 10_000))
    assert spent == pytest.approx(0.01, rel=1e-3)


def test_later_days_ask_for_more() -> None:
    watched = Watched(Tally(0, 30), Tally(10, 12, 9))
    assert harm(watched, day=PLAN.start_date)
    assert harm(watched, day=PLAN.start_date + timedelta(days=400)) is None


def test_fewer_than_min_units_students_cut_nothing() -> None:
    assert harm(Watched(QUIET, Tally(31, 33, 2))) is None
    assert harm(Watched(QUIET, Tally(31, 33, 2)), plan=plan_with(min_units=2))


def test_harm_within_the_margin_or_not_certain_cuts_nothing() -> None:
    assert harm(Watched(Tally(300, 10_000, 200), Tally(309, 10_000, 200))) is None
    assert harm(Watched(Tally(0, 300), Tally(3, 100, 3))) is None


def test_a_day_before_the_start_is_not_judged() -> None:
    assert harm(Watched(QUIET, Tally(31, 33, 20)), day=PLAN.start_date - timedelta(days=1)) is None


def test_without_a_word_of_a_nothing_is_cut() -> None:
    assert harm(Watched(Tally(), Tally(5000, 5000, 200))) is None


def test_where_a_has_no_call_today_the_kept_days_stand_for_it() -> None:
    found = harm(Watched(Tally(), Tally(31, 33, 20), kept=Tally(10, 5000, 9)))
    assert found is not None
    assert "31 of 33 in B on 2026-11-08 against 10 of 5000 in A over the days that are kept" in found.text


def test_with_everybody_on_b_the_morning_of_a_does_not_stand_for_it() -> None:
    few, kept = Tally(0, 3), Tally(10, 5000, 9)
    assert harm(Watched(few, Tally(31, 33, 20), kept)) is None
    assert harm(Watched(few, Tally(31, 33, 20), kept), alone=True)


def test_with_everybody_on_b_and_nothing_known_of_a_half_of_all_calls_is_the_bar() -> None:
    found = harm(Watched(treatment=Tally(300, 300, 90)), alone=True)
    assert found is not None
    assert "nothing is known of A: held against half of all" in found.text
    assert harm(Watched(treatment=Tally(160, 300, 90)), alone=True) is None


def test_each_signal_has_its_words_and_margin() -> None:
    seen: dict[Signal, Watched] = dict.fromkeys(SIGNALS, Watched(Tally(0, 300), Tally(60, 60, 40)))
    found = find_harm(PLAN, DAY, seen)
    assert [item.signal for item in found] == list(SIGNALS)
    assert [item.text.split(":")[0] for item in found] == [
        "failed calls", "malformed answers", "calls slower than 10 s", "BAD ratings",
    ]  # fmt: skip
    assert [item.margin for item in found] == [0.01, 0.01, 0.05, 0.20]


def test_margins_come_from_the_watch_then_the_guardrail_then_one_point() -> None:
    assert margin_of(PLAN, "failures") == 0.01
    assert margin_of(plan_with(failures=0.03), "malformed") == 0.03
    assert margin_of(plan_with(failures=0.03, malformed=0.02), "malformed") == 0.02
    assert margin_of(PLAN.model_copy(update={"guardrails": ()}), "failures") == 0.01
    (guardrail,) = PLAN.guardrails
    wider = guardrail.model_copy(update={"margin": guardrail.margin.model_copy(update={"absolute": 0.04})})
    assert margin_of(PLAN.model_copy(update={"guardrails": (wider,)}), "failures") == 0.04


def test_points_are_rounded_down_never_up() -> None:
    found = harm(Watched(QUIET, Tally(31, 33, 20)))
    assert found is not None
    assert f"at least {math.floor(100 * found.at_least)} points" in found.text
