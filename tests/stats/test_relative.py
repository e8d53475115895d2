"""The relative effect: the interval is the set of margins that the test itself would not refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from unit_worlds import Kind, an_experiment

from pacer_pipelines.stats import RelativeEffect, Strata, estimate_effect, relative_effect

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)


def relative_of(strata: Strata, multiplier: float = 2.5) -> RelativeEffect:
    found = relative_effect(strata, multiplier)
    assert found is not None
    return found


def standardised(strata: Strata, share: float) -> float:
    """Standard errors between treatment and control (1 + share), by the test that a margin gets."""
    effect = estimate_effect(strata.shift_control(relative=-share))
    assert effect is not None
    return effect.t


def by_root_finding(strata: Strata, multiplier: float, centre: float) -> tuple[float, float]:
    """Both ends of the margins not refused, from the shifted test alone."""
    low = optimize.brentq(lambda m: standardised(strata, m) - multiplier, centre - 3, centre, xtol=1e-15)
    high = optimize.brentq(lambda m: standardised(strata, m) + multiplier, centre, centre + 3, xtol=1e-15)
    return low, high


@pytest.mark.parametrize("by_student", [False, True], ids=["coaches", "students"])
@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("kind", ["binary", "latency", "ratio"])
def test_ends_are_where_the_shifted_test_stands_at_the_multiplier(
    kind: Kind, covariate: bool, by_student: bool
) -> None:
    strata = an_experiment(21, kind, covariate=covariate, by_student=by_student).sums()
    found = relative_of(strata)
    assert standardised(strata, found.estimate) == pytest.approx(0.0, abs=1e-9)
    assert (found.low, found.high) == pytest.approx(by_root_finding(strata, 2.5, found.estimate), rel=1e-8)


def test_many_coaches_give_the_interval_of_the_delta_method() -> None:
    rng = np.random.default_rng(3)
    n = np.full(4000, 200.0)
    control, treatment = rng.binomial(200, 0.5, 4000), rng.binomial(200, 0.55, 4000)
    strata = Strata(np.arange(4000), n, control, n, treatment, binary=True)
    found = relative_of(strata, 1.96)
    r_a, r_b = control.sum() / n.sum(), treatment.sum() / n.sum()
    # var(log ratio) of two independent binomials
    half = 1.96 * (r_b / r_a) * math.sqrt((1 - r_a) / control.sum() + (1 - r_b) / treatment.sum())
    assert found.estimate == pytest.approx(r_b / r_a - 1, rel=1e-9)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.03)


def test_fiellers_own_solution_of_a_ratio_of_two_means() -> None:
    # One stratum per coach, equal sizes: rates are means over coaches, and refits are means without one. Fieller
    # 1954: roots of (d - m r)^2 = k^2 (v_dd - 2 m v_dr + m^2 v_rr), v the covariance of the means.
    a, b = np.array([52.0, 61, 48, 70, 66]), np.array([60.0, 63, 59, 71, 75])
    n = np.full(5, 100.0)
    d, r = (b - a) / 100, a / 100
    (v_dd, v_dr), (_, v_rr) = np.cov(d, r) / 5
    k = 2.0
    roots = np.roots(
        [
            r.mean() ** 2 - k * k * v_rr,
            -2 * (d.mean() * r.mean() - k * k * v_dr),
            d.mean() ** 2 - k * k * v_dd,
        ]
    )
    found = relative_of(Strata(np.arange(5), n, a, n, b, binary=True), k)
    assert (found.low, found.high) == pytest.approx(tuple(np.sort(roots)), rel=1e-8)


@given(st.integers(0, 10_000), st.floats(0.0, 6.0), st.sampled_from(["binary", "latency", "ratio"]))
@SETTINGS
def test_the_interval_holds_the_estimate_and_grows_with_the_multiplier(
    seed: int, multiplier: float, kind: Kind
) -> None:
    strata = an_experiment(seed, kind, requests=120).sums()
    inner, outer = relative_of(strata, multiplier), relative_of(strata, multiplier + 0.5)
    assert inner.low <= inner.estimate <= inner.high
    assert outer.low <= inner.low
    assert inner.high <= outer.high


@given(st.integers(0, 10_000), st.floats(-0.3, 0.3))
@SETTINGS
def test_a_margin_is_passed_exactly_when_the_lower_end_is_above_it(seed: int, margin: float) -> None:
    strata = an_experiment(seed, "binary", requests=200).sums()
    found, bar = relative_of(strata, 2.0), standardised(strata, -margin) - 2.0
    if math.isfinite(found.low) and abs(bar) > 1e-9:
        assert (found.low > -margin) == (bar > 0)


def no_failure_of_treatment() -> Strata:
    hundred = np.full(8, 100.0)
    return Strata(np.arange(8), hundred, np.full(8, 5.0) + np.arange(8), hundred, np.zeros(8), binary=True)


def test_no_failure_at_all_is_no_certain_reduction() -> None:
    # Without the floor every refit would say -100 % exactly, and the interval would have no width.
    strata = no_failure_of_treatment()
    found = relative_of(strata, 2.0)
    assert found.estimate == pytest.approx(-1.0, abs=1e-12)
    assert standardised(strata, -0.9999) == pytest.approx(0.0, abs=0.01), "the shifted test is not certain"
    assert standardised(strata, found.high) == pytest.approx(-2.0, rel=1e-8)
    assert standardised(strata, found.low) == pytest.approx(2.0, rel=1e-8)


def test_counts_that_do_not_vary_have_the_smallest_error_of_the_effect() -> None:
    ten = np.full(5, 10.0)
    strata = Strata(np.arange(5), ten, ten * 0.5, ten, ten * 0.6, binary=True)
    effect, found = estimate_effect(strata), relative_of(strata, 2.0)
    assert effect is not None
    assert (found.low, found.high) == pytest.approx((0.2 - 4 * effect.se, 0.2 + 4 * effect.se), rel=1e-9)


def test_amounts_that_do_not_vary_have_no_interval() -> None:
    n = np.array([3.0, 7.0, 11.0])
    found = relative_of(Strata(np.arange(3), n, 0.1 * n, n, 0.12 * n))
    assert found.estimate == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_one_coach_alone_has_a_ratio_and_no_interval() -> None:
    one = np.ones(1)
    found = relative_of(Strata(np.array([0]), 10 * one, 5 * one, 10 * one, 6 * one, binary=True))
    assert found.estimate == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_rate_that_may_be_zero_bounds_nothing() -> None:
    n = np.full(3, 100.0)
    rare = relative_of(Strata(np.arange(3), n, np.array([0.0, 0, 1]), n, np.array([1.0, 0, 2]), binary=True))
    assert (rare.low, rare.high) == (-math.inf, math.inf)
    never = relative_of(Strata(np.arange(3), n, 0 * n, n, np.array([1.0, 0, 2]), binary=True))
    assert math.isnan(never.estimate)
    assert (never.low, never.high) == (-math.inf, math.inf)


def test_before_the_first_unit_the_interval_is_everything() -> None:
    found = relative_of(an_experiment(1).sums(), math.inf)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_nothing_to_compare_gives_nothing() -> None:
    nine = np.array([9.0])
    assert relative_effect(Strata(np.array([0]), nine, nine, 0 * nine, 0 * nine), 2.0) is None


@pytest.mark.parametrize("multiplier", [-1.0, math.nan])
def test_an_impossible_multiplier_is_refused(multiplier: float) -> None:
    with pytest.raises(ValueError, match=rf"multiplier: got {multiplier}, allowed: 0 or more"):
        relative_effect(an_experiment(1).sums(), multiplier)
