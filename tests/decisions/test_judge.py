"""A verdict from mart rows alone: reproducible, with what would flip it and how long it still takes."""

import hashlib
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pacer_pipelines.decisions.evidence import Inputs, gather
from pacer_pipelines.decisions.judge import inputs_hash, judge
from pacer_pipelines.decisions.marts import (
    DecisionSum,
    ExposureDay,
    MartRows,
    MetricSum,
    RatedDay,
    ServedIdentity,
    StudentSum,
    UnitDay,
)
from pacer_pipelines.decisions.values import Check, Past, Verdict
from pacer_pipelines.plan import load_plan

from .made_weeks import START, made_weeks

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
SOURCES = frozenset({"exposures", "feedback"})


def inputs(rows: MartRows, day: int = 14, **changes: object) -> Inputs:
    values: dict[str, object] = {
        "date": START + timedelta(days=day - 1),
        "rows": rows,
        "checks": (),
        "history": (),
        "shares": {"1": 30.0},
        "sources": SOURCES,
        "frozen_hash": PLAN.plan_hash,
    }
    return Inputs(**{**values, **changes})  # type: ignore[arg-type]


def verdict(rows: MartRows, day: int = 14, **changes: object) -> Verdict:
    return judge(inputs(rows, day, **changes), PLAN, "test")


def test_a_clear_win_on_day_14_promotes_and_says_what_would_undo_it() -> None:
    found = verdict(made_weeks(gain=0.08))
    assert (found.verdict, found.rule, found.share_after) == ("promote", "win", 50.0)
    assert found.flip == (
        "an always-valid interval on the harmful side of any metric rolls B back on that day",
    )


def test_a_worthless_b_holds_and_says_what_it_would_take() -> None:
    found = verdict(made_weeks(gain=0.0, days=10), day=10)
    assert (found.verdict, found.rule, found.share_after) == ("hold", "waiting", 30.0)
    promote, roll_back = found.flip
    assert promote.startswith("promote: GOOD rate at +")
    assert roll_back.startswith("roll back: GOOD rate at -")
    assert found.days_left is not None


def test_harm_rolls_back_and_nothing_flips_it_by_itself() -> None:
    found = verdict(made_weeks(gain=-0.25))
    assert (found.verdict, found.rule, found.share_after) == ("rollback", "alarm", 0.0)
    assert found.flip == ("nothing flips it by itself: a person reopens the experiment with a new plan",)


def test_failed_checks_flip_by_passing_each_named_once() -> None:
    broken = Check("exposures_present", "exposures", "critical", False, "0", "> 0", "none came", "why")
    found = verdict(made_weeks(), checks=(broken, broken))
    assert (found.verdict, found.rule) == ("hold", "health")
    assert found.flip == ("the failed checks pass: exposures_present",)


def test_too_few_ratings_ask_for_ratings_and_not_for_an_effect() -> None:
    empty = MartRows((), (), (), (), ())
    found = verdict(replace(made_weeks(days=1), metrics=()), day=1)
    assert found.flip == ("promote: ratings of both variants by the same coaches",)
    assert found.days_left is None
    nothing = verdict(empty, day=1, shares={})
    assert (nothing.verdict, nothing.phase, nothing.share_before) == ("hold", "none", None)


def test_where_not_even_a_perfect_b_could_pass_it_says_so() -> None:
    # one day: 24 coaches with 6 rated decisions of B each
    found = verdict(made_weeks(days=1), day=1)
    assert "not even a perfect B could pass the bar" in found.flip[0]


def test_a_closed_experiment_asks_for_zero_again() -> None:
    for past, share in (
        (Past(START, "rollback", "alarm"), 0.0),
        (Past(START, "hold", "deadline"), 0.0),
    ):
        found = verdict(made_weeks(), history=(past,))
        assert (found.rule, found.share_after) == ("closed", share)


def test_the_same_input_is_the_same_verdict_and_survives_its_own_storage() -> None:
    one, other = verdict(made_weeks()), verdict(made_weeks())
    assert one.verdict_id == other.verdict_id
    stored = json.loads(json.dumps(one.as_dict()))
    again = Verdict.from_dict(stored)
    assert again == one
    assert again.verdict_id == one.verdict_id
    assert json.loads(json.dumps(again.as_dict())) == stored


def test_a_verdict_of_an_older_version_keeps_its_identity() -> None:
    """Fields that came later are absent from what was stored, and its id is of what was stored."""
    stored = json.loads(json.dumps(verdict(made_weeks()).as_dict()))
    del stored["verdict_id"]
    for row in stored["findings"]:
        for name in ("effective_n", "p_value", "relative", "relative_interval"):
            del row[name]
    from pacer_pipelines.decisions.values import _id_of

    stored["verdict_id"] = _id_of(stored)
    read = Verdict.from_dict(stored)
    assert read.verdict_id == stored["verdict_id"]
    assert read.findings[0].p_value is None
    with pytest.raises(ValueError, match="its content has the id"):
        Verdict.from_dict({**stored, "day": 15})


def test_the_hash_of_what_went_in_is_that_of_one_spelling_which_never_changes() -> None:
    """Verdicts are told apart by it for years: another spelling would be another input."""
    rows = MartRows(
        metrics=(
            MetricSum("2", "c2", "good_rate", "control", 2.0, 1.0),
            MetricSum("1", "c1", "x", "control", 1, 0),
        ),
        decisions=(DecisionSum("1", "c1", "control", "APPROVE", 3.0, 2.0, 1.0),),
        units=(UnitDay("1", START, "control", 5, 0, 0, "c1"),),
        exposures=(ExposureDay("1", START, "control", 7, 0),),
        rated=(RatedDay(START, 1.0, 2.0),),
        students=(StudentSum("1", "c1", "s1", "good_rate", "control", 1.0, 1.0),),
    )
    before = inputs(
        rows, day=2, history=(Past(START, "hold", "waiting"),), shares={"1": 10.0, "9": 50.0}, frozen_hash="f"
    )
    spelt = (
        '{"date":"2026-11-03","frozen_hash":"f","history":[["2026-11-02","hold","waiting"]],"rows":['
        f"{spelling(rows.metrics[1])},{spelling(rows.metrics[0])}],[{spelling(rows.decisions[0])}],"
        f"[{spelling(rows.units[0])}],[{spelling(rows.exposures[0][:5])}],[{spelling(rows.rated[0])}],"
        f'[{spelling(rows.students[0])}]],"shares":{{"1":10.0}},"sources":["exposures","feedback"]}}'
    ).replace('"rows":[', '"rows":[[')
    assert inputs_hash(before) == hashlib.sha256(spelt.encode()).hexdigest()
    arms = spelt.replace('{"date"', '{"control_shares":{"1":90.0},"date"')
    assert (
        inputs_hash(replace(before, control_shares={"1": 90.0})) == hashlib.sha256(arms.encode()).hexdigest()
    )
    accepted = spelt.replace('{"date"', '{"acknowledged":{"p":"ann: yes"},"date"')
    assert inputs_hash(replace(before, acknowledged={"p": "ann: yes"})) == (
        hashlib.sha256(accepted.encode()).hexdigest()
    )


def spelling(row: tuple[object, ...]) -> str:
    """Numbers as they are, days as text."""
    return json.dumps(
        [str(value) if isinstance(value, date) else value for value in row], separators=(",", ":")
    )


def test_a_verdict_knows_what_was_known_by_midnight_in_the_zone_of_its_plan() -> None:
    # midnight after 2026-11-15 in Seoul is 15:00 UTC
    assert verdict(made_weeks()).as_of == datetime(2026, 11, 15, 15)


@pytest.mark.parametrize(
    "other",
    [
        {"history": (Past(START, "hold", "waiting"),)},
        {"shares": {"1": 31.0}},
        {"sources": frozenset({"exposures"})},
        {"frozen_hash": "0" * 64},
        {"acknowledged": {"0" * 64: "owner: why"}},
        {"rows": replace(made_weeks(), students=(StudentSum("1", "c", "s", "good_rate", "control", 1, 1),))},
        {"rows": made_weeks(seed=8)},
        {
            "rows": replace(
                made_weeks(), identities=(ServedIdentity("1", "control", "decoding", "{}", 9, 9, 1),)
            )
        },
        {"rows": replace(made_weeks(), exposures=(ExposureDay("1", START, "control", 1, 0, 1, 0),))},
    ],
    ids=[
        "history",
        "shares",
        "sources",
        "frozen plan",
        "acknowledged plan",
        "students",
        "sums",
        "identities",
        "assignment",
    ],
)
def test_everything_that_went_in_is_in_the_hash(other: dict[str, object]) -> None:
    before = inputs(made_weeks())
    changed = {"rows": made_weeks(), **other}
    rows = changed.pop("rows")
    assert isinstance(rows, MartRows)
    assert inputs_hash(inputs(rows, **changed)) != inputs_hash(before)


def test_a_world_without_logs_says_what_cannot_be_known() -> None:
    evidence = gather(inputs(made_weeks(), sources=frozenset()), PLAN)
    assert len(evidence.missing_facts) == 4
    assert "exposure log" in evidence.missing_facts[0]
    assert gather(inputs(made_weeks()), PLAN).missing_facts == ()


def test_days_left_are_those_of_the_effective_sample_at_last_weeks_pace() -> None:
    # 24 coaches with 42 rated of A and 18 of B a day: W a day is 24 * 42 * 18 / 60 = 302; the plan asks for
    # (1.96 + 0.84)^2 * 0.78 * 0.22 * 1.5 / 0.03^2 = 2,242, so after three days (907) 5 more, and the look on day 14
    rows = made_weeks(days=3)
    paced = replace(
        rows, rated=tuple(row._replace(n_treatment=24 * 6.0, n_control=24 * 14.0) for row in rows.rated)
    )
    evidence = gather(inputs(paced, day=3), PLAN)
    (primary,) = [finding for finding in evidence.findings if finding.metric == "good_rate"]
    assert primary.effective_n == pytest.approx(24 * 42 * 18 / 60, rel=1e-9)
    # last week's pace is counted over seven days, of which three have data: 302 / 7 = 43.2 a day, 45 days more
    assert evidence.days_left == 42 - 3
    # without any rating last week the last day is all that is left
    stopped = gather(inputs(replace(rows, rated=()), day=3), PLAN)
    assert stopped.days_left == 42 - 3


def test_past_the_end_no_day_is_left() -> None:
    assert gather(inputs(made_weeks(), day=50), PLAN).days_left == 0
