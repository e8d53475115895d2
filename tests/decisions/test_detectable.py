"""What an experiment can find, from its own standard error."""

from dataclasses import replace
from pathlib import Path

import pytest

from pacer_pipelines.decisions.detectable import detectable
from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.plan import load_plan
from pacer_pipelines.stats import planned_treatment_n

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
FULL = Finding("good_rate", "primary", "inconclusive", "higher", se=0.01, bar=1.96, information=1.0)


def test_at_the_planned_sample_the_smallest_effect_of_interest_is_found() -> None:
    # the standard error that the plan counts on: independent ratings, an even split
    p, effect, share = 0.6, 0.03, 0.5
    n = planned_treatment_n(p, effect, share, 1.0)
    se = (p * (1 - p) / ((1 - share) * n)) ** 0.5
    found = detectable(replace(FULL, se=se), PLAN)
    assert found is not None
    assert found.now == pytest.approx(effect, rel=1e-3)
    assert found.at_best == found.now


def test_early_on_less_is_found_and_the_floor_is_what_a_full_sample_would_find() -> None:
    # a quarter of the sample, where the bar stands at 3.92: half the standard error is to come
    found = detectable(replace(FULL, se=0.02, bar=3.92, information=0.25), PLAN)
    assert found == pytest.approx(((3.92 + 0.84) * 0.02, (1.96 + 0.84) * 0.01))


@pytest.mark.parametrize("missing", ["se", "bar", "information"])
def test_nothing_is_said_before_there_is_a_standard_error_and_a_bar(missing: str) -> None:
    assert detectable(replace(FULL, **{missing: None}), PLAN) is None
