"""An arm of several treatments: its own split, and the same verdict from what it was made of."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pacer_pipelines.decisions.evidence import Inputs, gather, split_shares
from pacer_pipelines.decisions.judge import inputs_hash
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, UnitDay
from pacer_pipelines.decisions.plan_advice import costs
from pacer_pipelines.decisions.plan_check import check_plan
from pacer_pipelines.decisions.plan_traffic import within_arm
from pacer_pipelines.decisions.replay import as_plain, from_plain
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.plan_parts import Traffic

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
ARM = Plan.model_validate(
    {**PLAN.model_dump(), "slug": "judge-model-v2-b", "experiment_id": "x/B", "logged_as": "x", "arms": 2}
)
DAY = date(2026, 11, 2)
ROWS = MartRows(
    (), (),
    (UnitDay("1", DAY, "control", 500, 0, 0, "c"), UnitDay("1", DAY, "treatment", 200, 0, 0, "c")),
    (ExposureDay("1", DAY, "control", 500, 0), ExposureDay("1", DAY, "treatment", 200, 0)),
    (),
)  # fmt: skip
INPUTS = Inputs(DAY, ROWS, (), (), {"1": 20.0, "2": 40.0, "3": 0.0}, frozenset(), ARM.plan_hash)
WITH_CONTROL = replace(INPUTS, control_shares={"1": 50.0, "3": 0.0})


def sample_ratio(inputs: Inputs, plan: Plan) -> bool:
    return next(check.passed for check in gather(inputs, plan).checks if check.name == "sample_ratio")


def test_an_arm_expects_its_treatment_among_its_own_units_and_control() -> None:
    # 20 % B, 30 % C, 50 % A: of A and B together 20 in 70 are B
    assert split_shares(WITH_CONTROL.shares, WITH_CONTROL.control_shares, ARM) == {
        "1": pytest.approx(100 * 20 / 70),
        "3": 0.0,
    }
    assert sample_ratio(WITH_CONTROL, ARM)


def test_the_same_units_are_no_split_of_a_plan_with_one_treatment() -> None:
    assert split_shares(INPUTS.shares, {}, PLAN) is INPUTS.shares
    assert not sample_ratio(INPUTS, PLAN)


def test_an_arm_whose_control_share_is_unknown_holds() -> None:
    failed = [check.name for check in gather(INPUTS, ARM).checks if not check.passed]
    assert "flag_versions_known" in failed


def test_what_an_arm_was_made_of_survives_and_counts() -> None:
    plain = as_plain(WITH_CONTROL, ARM)
    assert plain["control_shares"] == {"1": 50.0}
    again, plan = from_plain(plain)
    assert plan == ARM
    assert inputs_hash(again) == inputs_hash(WITH_CONTROL) != inputs_hash(INPUTS)


def test_a_plan_with_one_treatment_is_made_of_what_it_was() -> None:
    assert "control_shares" not in as_plain(INPUTS, PLAN)
    assert from_plain(as_plain(INPUTS, PLAN))[0].control_shares == {}


def test_an_arm_of_a_plan_knows_its_part_of_the_traffic_and_no_even_split() -> None:
    traffic = Traffic(requests_per_day=1000, rated_share=0.65, students=400)
    assert within_arm(PLAN, traffic, 0.1) == (traffic, 0.1)
    own, share = within_arm(ARM, traffic, 0.6)
    assert (own.requests_per_day, share) == (pytest.approx(900), pytest.approx(60 / 90))
    assert len(costs(check_plan(ARM, traffic))) == len(costs(check_plan(PLAN, traffic))) - 1
