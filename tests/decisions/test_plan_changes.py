"""A plan beside itself as it was registered."""

from pathlib import Path

from pacer_pipelines.decisions.plan_changes import PlanChange, plan_changes
from pacer_pipelines.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml").model_dump(mode="json")


def test_a_plan_that_was_left_alone_has_no_change() -> None:
    assert plan_changes(PLAN, PLAN) == ()
    assert plan_changes({"a": {"b": 1, "c": None}}, {"a": {"b": 1}}) == ()


def test_each_key_that_differs_is_named_with_both_values() -> None:
    edited = {**PLAN, "duration": {**PLAN["duration"], "max_days": 60}, "owner": "somebody"}
    assert plan_changes(PLAN, edited) == (
        PlanChange("duration.max_days", "42", "60"),
        PlanChange("owner", PLAN["owner"], "somebody"),
    )


def test_what_was_added_or_taken_away_is_empty_on_the_other_side() -> None:
    fewer = {**PLAN, "guardrails": []}
    found = {change.key: (change.before, change.now) for change in plan_changes(PLAN, fewer)}
    assert found["guardrails.0.metric"] == ("failure_rate", "")
    again = {change.key: (change.before, change.now) for change in plan_changes(fewer, PLAN)}
    assert again["guardrails.0.metric"] == ("", "failure_rate")
