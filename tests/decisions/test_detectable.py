"""What an experiment can find, from its own standard error: as often as it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pacer_pipelines.decisions.detectable import detectable
from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.plan import load_plan
from pacer_pipelines.stats import normal_scores, planned_treatment_n

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
FULL = Finding(
    "good_rate", "primary", "inconclusive", "higher", se=0.01, bar=1.96, information=1.0, coaches=24,
    rate_control=0.6,
)  # fmt: skip


@pytest.mark.parametrize(("coaches", "bar"), [(24, 2.59), (24, 5.24), (6, 1.96)])
def test_the_effect_that_is_named_passes_the_bar_four_times_in_five(coaches: int, bar: float) -> None:
    found = detectable(replace(FULL, coaches=coaches, bar=bar, rate_control=0.0), PLAN)
    assert found is not None
    # the estimate is normal around the effect, its standard error has a chi-square over coaches
    rng = np.random.default_rng(20261201)
    df = coaches - 1
    estimates = rng.normal(found.now, 0.01, 200_000)
    errors = 0.01 * np.sqrt(rng.chisquare(df, 200_000) / df)
    z_star = normal_scores(estimates / errors, np.full(200_000, df))
    # 200,000 tries: standard error 0.09 %
    assert (z_star >= bar).mean() == pytest.approx(0.8, abs=0.004)


def test_with_many_coaches_the_planned_sample_finds_the_smallest_effect_of_interest() -> None:
    # the standard error that the plan counts on: independent ratings, an even split
    p, effect, share = 0.6, 0.03, 0.5
    n = planned_treatment_n(p, effect, share, 1.0)
    se = (p * (1 - p) / ((1 - share) * n)) ** 0.5
    found = detectable(replace(FULL, se=se, coaches=100_000), PLAN)
    assert found is not None
    assert found.now == pytest.approx(effect, rel=3e-3)
    assert found.at_best == pytest.approx(found.now)


def test_early_on_the_floor_is_what_a_full_sample_would_find() -> None:
    early = detectable(replace(FULL, se=0.02, bar=3.92, information=0.25), PLAN)
    full = detectable(FULL, PLAN)
    assert early is not None
    assert full is not None
    assert early.at_best == pytest.approx(full.now)
    assert early.now > 2 * full.now


@pytest.mark.parametrize(
    "missing",
    [{"se": None}, {"bar": None}, {"information": None}, {"coaches": 1}, {"bar": 40.0}, {"se": 0.3}],
)
def test_nothing_is_said_before_an_effect_that_is_possible_could_be_found(missing: dict[str, float]) -> None:
    assert detectable(replace(FULL, **missing), PLAN) is None
