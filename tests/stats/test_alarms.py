"""The alarm interval equals its specification and its peers, and its p-value is the interval solved for its level."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savvi.linear_regression import log_bf
from scipy import optimize, special, stats

from pacer_pipelines.stats import alarm_half_width, alarm_multiplier, alarm_p_value, few_clusters_factor

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


# statistics.md, "Two bars": n_opt 300; a = 0.10: n 50 3.19, 300 2.76, 2000 2.93; a = 1/30: 3.58, 3.18, 3.33.
@pytest.mark.parametrize(
    ("alpha", "n", "multiplier"),
    [
        (0.10, 50, 3.19),
        (0.10, 300, 2.76),
        (0.10, 2000, 2.93),
        (1 / 30, 50, 3.58),
        (1 / 30, 300, 3.18),
        (1 / 30, 2000, 3.33),
    ],
)
def test_alarm_multiplier_equals_the_specification(alpha: float, n: float, multiplier: float) -> None:
    assert round(alarm_multiplier(n, n_opt=300, alpha=alpha), 2) == multiplier
    assert alarm_half_width(0.02, n, 300, alpha) == pytest.approx(0.02 * alarm_multiplier(n, 300, alpha))


@given(st.floats(1, 1e6), st.floats(0.001, 0.5), st.floats(0.01, 100))
@SETTINGS
def test_the_alarm_interval_is_tightest_where_the_plan_wants_it(
    n_opt: float, alpha: float, ratio: float
) -> None:
    tightest = alarm_multiplier(n_opt, n_opt, alpha)
    assert alarm_multiplier(ratio * n_opt, n_opt, alpha) >= tightest * (1 - 1e-12)
    assert tightest > stats.norm.isf(alpha / 2), "valid on every day costs more than valid on one"


@given(st.floats(1, 1e5), st.floats(0.001, 0.4), st.floats(1.01, 2))
@SETTINGS
def test_a_stricter_alarm_is_a_wider_interval(n: float, alpha: float, factor: float) -> None:
    assert alarm_multiplier(n, 300, alpha) > alarm_multiplier(n, 300, alpha * factor)


def test_no_alarm_without_data_or_without_a_standard_error() -> None:
    assert alarm_multiplier(0) == math.inf
    assert alarm_half_width(0.0, 0) == math.inf
    assert math.isnan(alarm_half_width(math.nan, 100))


def savvi_p(z: float, r: float) -> float:
    """P-value of savvi's linear regression (Lindon, Ham, Tingley & Bojinov, arXiv 2210.08589) for known variance.

    Its Bayes factor in t^2 with nu degrees of freedom becomes the mixture of Waudby-Smith et al. 2024 as nu grows;
    phi / (phi + z2) is 1 / (1 + r). savvi takes log(1 + t^2 / nu), which rounds away for huge nu: so five nu,
    extrapolated to 1 / nu = 0 (Richardson).
    """
    values = [float(log_bf(z * z, 1e4 * 2.0**k, 1.0, r)) for k in range(5)]
    for order in range(1, 5):
        values = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(values)]
    return min(1.0, math.exp(-values[0]))


@given(st.floats(-6, 6), st.floats(5, 1e5), st.floats(10, 1e4), st.floats(0.001, 0.5))
@SETTINGS
def test_the_p_value_equals_savvi(z: float, n: float, n_opt: float, alpha: float) -> None:
    r = (-float(special.lambertw(-(alpha**2) / math.e, -1).real) - 1) * n / n_opt
    assert alarm_p_value(0.02 * z, 0.02, n, n_opt, alpha) == pytest.approx(savvi_p(z, r), rel=1e-8)


@pytest.mark.parametrize("alpha", [0.1, 1 / 30, 0.01])
@pytest.mark.parametrize("n", [50.0, 300.0, 2000.0, 50_000.0])
def test_the_half_width_is_where_savvi_stands_at_the_level(alpha: float, n: float) -> None:
    r = (-float(special.lambertw(-(alpha**2) / math.e, -1).real) - 1) * n / 300
    edge = optimize.brentq(lambda z: savvi_p(z, r) - alpha, 1.0, 30.0, xtol=1e-13)
    assert alarm_multiplier(n, 300, alpha) == pytest.approx(edge, rel=1e-8)


@given(st.floats(-8, 8), st.floats(1, 1e6), st.floats(0.001, 0.5))
@SETTINGS
def test_p_is_at_most_the_level_exactly_when_the_interval_leaves_out_zero(
    z: float, n: float, alpha: float
) -> None:
    estimate, se = 0.02 * z, 0.02
    half, p = alarm_half_width(se, n, 300, alpha), alarm_p_value(estimate, se, n, 300, alpha)
    if abs(abs(estimate) / half - 1) > 1e-9:
        assert (p <= alpha) == (abs(estimate) > half)
    assert 0 <= p <= 1
    assert p == alarm_p_value(-estimate, se, n, 300, alpha)


@pytest.mark.parametrize("alpha", [0.1, 0.02])
def test_a_level_is_tuned_to_be_least_at_the_n_of_the_plan(alpha: float) -> None:
    # Waudby-Smith et al. 2024, appendix B.2: the exact minimum over r; by a search over the ratio instead.
    best = optimize.minimize_scalar(
        lambda ratio: alarm_multiplier(300 * ratio, 300, alpha), bounds=(0.1, 5), options={"xatol": 1e-10}
    )
    assert best.x == pytest.approx(1.0, abs=1e-5)


def test_a_worthless_treatment_looked_at_a_thousand_times_rarely_alarms() -> None:
    # A random walk with known variance, 1000 looks, level 0.10: at most 10 % may ever leave; 99.9 % limit for 2000.
    rng = np.random.default_rng(0)
    n = np.arange(1, 1001)
    z = rng.standard_normal((2000, 1000)).cumsum(axis=1) / np.sqrt(n)
    bar = np.array([alarm_multiplier(float(look), 300, 0.10) for look in n])
    ever = float((np.abs(z) > bar).any(axis=1).mean())
    assert 0.01 < ever < 0.10 + 3.1 * math.sqrt(0.1 * 0.9 / 2000)


def test_before_the_first_unit_and_without_an_error_p_says_so() -> None:
    assert alarm_p_value(0.3, 0.01, 0, 300, 0.1) == 1.0
    assert math.isnan(alarm_p_value(0.3, math.nan, 100, 300, 0.1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": -1.0}, r"n: got -1\.0, allowed: 0 or more"),
        ({"n": math.inf}, "n: got inf"),
        ({"n_opt": 0.0}, r"n_opt: got 0\.0, allowed: a positive number"),
        ({"alpha": 1.0}, r"alpha: got 1\.0, allowed: a level in"),
        ({"alpha": 0.0}, r"alpha: got 0\.0"),
        ({"se": -0.1}, r"se: got -0\.1"),
    ],
)
def test_an_impossible_alarm_is_refused(changed: dict[str, float], message: str) -> None:
    given_values = {"se": 0.01, "n": 100.0, "n_opt": 300.0, "alpha": 0.1, **changed}
    with pytest.raises(ValueError, match=message):
        alarm_half_width(**given_values)
    with pytest.raises(ValueError, match=message):
        alarm_p_value(0.03, **given_values)


def test_a_p_value_needs_an_error_above_zero() -> None:
    with pytest.raises(ValueError, match=r"se: got 0\.0, allowed: a positive number"):
        alarm_p_value(0.03, 0.0, 100, 300, 0.1)


@pytest.mark.parametrize("alpha", [0.1, 0.025, 0.01])
@pytest.mark.parametrize("df", [1, 7, 9, 23, 39, 400])
def test_few_clusters_widen_an_interval_as_student_asks_at_its_level(df: int, alpha: float) -> None:
    expected = stats.t.ppf(1 - alpha / 2, df) / stats.norm.ppf(1 - alpha / 2)
    assert few_clusters_factor(df, alpha) == pytest.approx(expected, rel=1e-8)
    assert few_clusters_factor(df, alpha) > few_clusters_factor(df + 1, alpha) > 1


def test_no_cluster_widens_nothing_to_a_number() -> None:
    assert math.isnan(few_clusters_factor(0, 0.05))
    with pytest.raises(ValueError, match=r"alpha: got 1\.0, allowed: a level in \(0, 1\)"):
        few_clusters_factor(9, 1.0)
