"""The promote bar equals the numbers of the simulations, and p-value and bound say what it says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.power import NormalIndPower  # type: ignore[import-untyped]

from pacer_pipelines.stats import (
    normal_score,
    planned_treatment_n,
    promote_bar,
    promote_lower_bound,
    promote_p_value,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


# statistics.md, "Two bars": bar at t 1/4 3.92, 1/2 2.77, 3/4 2.26, 1 1.96.
@pytest.mark.parametrize(("t", "bar"), [(0.25, 3.92), (0.5, 2.77), (0.75, 2.26), (1.0, 1.96), (3.0, 1.96)])
def test_promote_bar_equals_the_specification(t: float, bar: float) -> None:
    assert round(promote_bar(t), 2) == bar


def test_promote_bar_spends_five_percent_over_all_looks() -> None:
    # First passage of a Brownian motion through a level c has density c / sqrt(2 pi t^3) exp(-c^2 / 2t);
    # the bar critical / sqrt(t) on the z scale is the level `critical` on the Brownian scale.
    level = promote_bar(0.4) * math.sqrt(0.4)
    spent, _ = integrate.quad(
        lambda t: level / math.sqrt(2 * math.pi * t**3) * math.exp(-(level**2) / (2 * t)), 0, 1
    )
    assert spent == pytest.approx(0.05, abs=5e-5)


@pytest.mark.parametrize("t", [0.0, -1.0])
def test_nothing_known_promotes_nothing(t: float) -> None:
    assert promote_bar(t) == math.inf


@given(st.floats(1e-9, 2), st.floats(1e-9, 2))
@SETTINGS
def test_promote_bar_never_rises_with_information(one: float, other: float) -> None:
    assert promote_bar(min(one, other)) >= promote_bar(max(one, other)) >= 1.96


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_planned_size_equals_the_peer(share: float) -> None:
    # statsmodels: one-sided 2.5 %, power 80 %; effect in standard deviations, ratio = control / treatment.
    peer = NormalIndPower().solve_power(
        0.03 / math.sqrt(0.24), alpha=0.025, power=0.8, ratio=(1 - share) / share, alternative="larger"
    )
    planned = planned_treatment_n(
        0.6, 0.03, share, critical=stats.norm.isf(0.025), power_z=stats.norm.ppf(0.8)
    )
    assert planned == pytest.approx(peer, rel=1e-6)


def test_a_design_effect_multiplies_the_size() -> None:
    assert planned_treatment_n(0.6, 0.03, 0.1, design_effect=2.5) == pytest.approx(
        2.5 * planned_treatment_n(0.6, 0.03, 0.1)
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"baseline": 0.0}, "baseline: got 0.0, allowed: a rate in"),
        ({"baseline": 60.0}, "baseline: got 60.0"),
        ({"smallest_effect": 0.0}, "smallest_effect: got 0.0, allowed: a positive number"),
        ({"smallest_effect": math.inf}, "smallest_effect: got inf"),
        ({"treatment_share": 1.0}, "treatment_share: got 1.0, allowed: a share in"),
        ({"design_effect": 0.0}, "design_effect: got 0.0"),
        ({"critical": math.nan}, "critical: got nan"),
        ({"power_z": -1.0}, "power_z: got -1.0"),
    ],
)
def test_an_impossible_plan_has_no_size(changed: dict[str, float], message: str) -> None:
    plan = {"baseline": 0.6, "smallest_effect": 0.03, "treatment_share": 0.1}
    with pytest.raises(ValueError, match=message):
        planned_treatment_n(**{**plan, **changed})


def test_impossible_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="fraction: got nan"):
        promote_bar(math.nan)
    with pytest.raises(ValueError, match="critical: got 0"):
        promote_bar(0.5, critical=0)


# O'Brien & Fleming's own constants: five looks at one-sided 2.5 % are 2.04 sqrt(5 / k) (Jennison & Turnbull 2000,
# table 2.3: C = 2.040). The continuous bound at the same level is higher, as it allows for every look in between.
@pytest.mark.parametrize("look", [1, 2, 3, 4, 5])
def test_the_continuous_bar_is_above_the_one_for_five_looks(look: int) -> None:
    continuous = stats.norm.isf(0.0125)
    assert promote_bar(look / 5, continuous) > 2.040 * math.sqrt(5 / look)


def test_a_worthless_treatment_looked_at_a_thousand_times_is_promoted_in_five_percent() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(1, 1001) / 1000
    z = rng.standard_normal((4000, 1000)).cumsum(axis=1) / np.sqrt(1000 * t)
    bar = np.array([promote_bar(float(share)) for share in t])
    ever = float((z >= bar).any(axis=1).mean())
    # 99.9 % limits for 4000 walks; in steps a little below the continuous 5 %
    assert 0.05 - 0.016 < ever < 0.05 + 0.011


@given(st.floats(-5, 30), st.floats(1e-6, 2), st.sampled_from([1.645, 1.96, 2.326]))
@SETTINGS
def test_p_is_at_most_the_level_exactly_when_the_bar_is_reached(z: float, t: float, critical: float) -> None:
    p, bar, level = promote_p_value(z, t), promote_bar(t, critical), 2 * stats.norm.sf(critical)
    assert 0 <= p <= 1
    if abs(z / bar - 1) > 1e-12:
        assert (p <= level) == (z >= bar)


@given(st.floats(-20, 20), st.integers(1, 200), st.floats(0.01, 2))
@SETTINGS
def test_the_lower_bound_is_positive_exactly_when_the_bar_is_passed(
    t_value: float, df: int, t: float
) -> None:
    z_star, bound = normal_score(t_value, df), promote_lower_bound(0.01 * t_value, 0.01, df, t)
    bar = promote_bar(t)
    assert bound <= 0.01 * t_value
    if abs(z_star / bar - 1) > 1e-9:
        assert (bound > 0) == (z_star >= bar)


@given(st.floats(-4, 8), st.floats(0, 1), st.floats(0, 1))
@SETTINGS
def test_p_never_rises_with_z_or_with_information(z: float, one: float, other: float) -> None:
    assert promote_p_value(z, max(one, other)) <= promote_p_value(z, min(one, other))
    assert promote_p_value(z + 0.5, one) <= promote_p_value(z, one)


def test_nothing_known_proves_nothing() -> None:
    assert promote_p_value(5.0, 0.0) == promote_p_value(math.inf, 0.0) == promote_p_value(0.0, 1.0) == 1.0
    assert promote_p_value(math.inf, 0.5) == 0.0
    assert promote_lower_bound(0.04, 0.01, 20, 0.0) == -math.inf
    assert promote_lower_bound(0.04, 0.0, 20, 0.0) == -math.inf


def test_what_is_not_known_stays_unknown() -> None:
    assert math.isnan(promote_p_value(math.nan, 0.5))
    assert math.isnan(promote_lower_bound(0.04, math.nan, 20, 0.5))
    assert math.isnan(promote_lower_bound(0.04, 0.01, 0, 0.5))


def test_impossible_looks_are_refused() -> None:
    with pytest.raises(ValueError, match="fraction: got nan, allowed: a number"):
        promote_p_value(2.0, math.nan)
    with pytest.raises(ValueError, match="fraction: got nan, allowed: a number"):
        promote_lower_bound(0.04, 0.01, 20, math.nan)
    with pytest.raises(ValueError, match=r"se: got -0\.01, allowed: 0 or more"):
        promote_lower_bound(0.04, -0.01, 20, 0.5)
    with pytest.raises(ValueError, match=r"critical: got -1\.0, allowed: a positive number"):
        promote_lower_bound(0.04, 0.01, 20, 0.5, critical=-1.0)
