"""The estimator equals independent peers, and behaves as a comparison within coaches must."""

import math
from dataclasses import astuple
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pacer_pipelines.stats import Effect, Strata, estimate_effect

SETTINGS = settings(derandomize=True, deadline=None, max_examples=80)


def effect_of(strata: Strata) -> Effect:
    effect = estimate_effect(strata)
    assert effect is not None
    return effect


def strata_of(cluster: npt.ArrayLike, *sums: npt.ArrayLike, binary: bool = False) -> Strata:
    n_control, y_control, n_treatment, y_treatment = (np.asarray(column, np.float64) for column in sums)
    index = np.asarray(cluster, np.int64)
    return Strata(index, n_control, y_control, n_treatment, y_treatment, binary=binary)


def sums_of(strata: Strata) -> tuple[npt.NDArray[np.float64], ...]:
    return strata.n_control, strata.y_control, strata.n_treatment, strata.y_treatment


def fortnight(seed: int, coaches: int = 12, phases: int = 2, binary: bool = True) -> Strata:
    """Coaches of different size and severity, two phases with shares of 10 and 30 %, some cells empty."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(coaches), phases)
    size = rng.integers(5, 300, cluster.size)
    n_treatment = rng.binomial(size, np.tile([0.1, 0.3], coaches))
    n_control = size - n_treatment
    rate = rng.beta(6, 4, coaches)[cluster]
    y_control = rng.binomial(n_control, rate) * (1.0 if binary else 3.7)
    y_treatment = rng.binomial(n_treatment, np.minimum(rate + 0.05, 1)) * (1.0 if binary else 4.1)
    return strata_of(cluster, n_control, y_control, n_treatment, y_treatment, binary=binary)


def least_squares(strata: Strata, keep: npt.NDArray[np.bool_] | None = None) -> float:
    """Treatment's coefficient of WLS on cell means with one dummy per stratum: the independent peer."""
    rows = strata.overlapping()
    kept = np.flatnonzero(np.ones(rows.cluster.size, bool) if keep is None else keep)
    dummies = np.vstack([np.eye(kept.size)] * 2)
    treated = np.repeat([0.0, 1.0], kept.size)
    n = np.concatenate([rows.n_control[kept], rows.n_treatment[kept]])
    y = np.concatenate([rows.y_control[kept], rows.y_treatment[kept]])
    return float(sm.WLS(y / n, np.column_stack([treated, dummies]), weights=n).fit(method="qr").params[0])


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_estimate_equals_weighted_least_squares_with_stratum_dummies(seed: int, binary: bool) -> None:
    strata = fortnight(seed, binary=binary)
    assert effect_of(strata).estimate == pytest.approx(least_squares(strata), rel=1e-8)


def test_estimate_equals_ordinary_least_squares_on_single_requests() -> None:
    strata = fortnight(4, coaches=5)
    rows = strata.overlapping()
    outcome, treated, stratum = [], [], []
    for arm, n, y in ((0, rows.n_control, rows.y_control), (1, rows.n_treatment, rows.y_treatment)):
        for index, (units, good) in enumerate(zip(n.astype(int), y.astype(int), strict=True)):
            outcome += [1.0] * good + [0.0] * (units - good)
            treated += [float(arm)] * units
            stratum += [index] * units
    design = np.column_stack([treated, np.eye(rows.cluster.size)[stratum]])
    assert effect_of(strata).estimate == pytest.approx(
        sm.OLS(outcome, design).fit(method="qr").params[0], rel=1e-8
    )


def test_estimate_equals_mantel_haenszel_risk_difference_in_exact_fractions() -> None:
    rows = fortnight(5).overlapping()
    # Greenland & Robins 1985, Biometrics 41, 55-68: sum((a N0 - b N1) / N) / sum(N1 N0 / N)
    top = bottom = Fraction(0)
    for n0, b, n1, a in zip(rows.n_control, rows.y_control, rows.n_treatment, rows.y_treatment, strict=True):
        n0, b, n1, a = (Fraction(int(value)) for value in (n0, b, n1, a))
        top, bottom = top + (a * n0 - b * n1) / (n0 + n1), bottom + n1 * n0 / (n0 + n1)
    assert effect_of(rows).estimate == pytest.approx(float(top / bottom), rel=1e-12)


@pytest.mark.parametrize("seed", [1, 6])
def test_standard_error_equals_refitting_without_each_coach(seed: int) -> None:
    strata = fortnight(seed)
    rows, full = strata.overlapping(), least_squares(strata)
    coaches = np.unique(rows.cluster)
    refits = np.array([least_squares(strata, rows.cluster != coach) for coach in coaches])
    se = math.sqrt((coaches.size - 1) / coaches.size * ((refits - full) ** 2).sum())
    effect = effect_of(strata)
    assert effect.se == pytest.approx(se, rel=1e-8)
    assert (effect.clusters, effect.df, effect.strata) == (coaches.size, coaches.size - 1, rows.cluster.size)
    assert effect.t == pytest.approx(full / se, rel=1e-8)
    assert effect.z_star == pytest.approx(stats.norm.ppf(stats.t.cdf(full / se, coaches.size - 1)), rel=1e-8)


def test_a_ramp_alone_fakes_no_effect() -> None:
    # Same rate within each phase; the share moves from 5 to 30 % while the rate falls (statistics.md).
    strata = Strata(
        cluster=np.array([0, 0, 1, 1]),
        n_control=np.array([950.0, 700, 950, 700]),
        y_control=np.array([760.0, 420, 665, 350]),
        n_treatment=np.array([50.0, 300, 50, 300]),
        y_treatment=np.array([40.0, 180, 35, 150]),
        binary=True,
    )
    effect = effect_of(strata)
    assert effect.estimate == pytest.approx(0, abs=1e-12)
    assert effect.rate_treatment - effect.rate_control < -0.05


def test_no_coach_with_both_variants_gives_no_effect() -> None:
    assert estimate_effect(strata_of([0, 1], [9, 0], [3, 0], [0, 9], [0, 3])) is None


def test_one_coach_alone_has_an_estimate_and_no_certainty() -> None:
    one = np.ones(1)
    effect = effect_of(Strata(np.array([0]), 50 * one, 20 * one, 50 * one, 30 * one, binary=True))
    assert effect.estimate == pytest.approx(0.2)
    assert effect.clusters == 1
    assert all(map(math.isnan, (effect.se, effect.t, effect.z_star)))


def no_failures(n_treatment: float, binary: bool = True) -> Strata:
    ten = np.ones(10)
    return Strata(np.arange(10), 90 * ten, 0 * ten, n_treatment * ten, 0 * ten, binary=binary)


def test_zero_failures_in_few_requests_do_not_prove_that_failures_stay_within_the_margin() -> None:
    few = effect_of(no_failures(5).shift_control(absolute=0.01))
    assert few.estimate == pytest.approx(-0.01)
    # By hand: p_A = 1/902, p_B = 1/52 from the counts before the margin.
    by_hand = math.sqrt(1 / 902 * 901 / 902 / 900 + 1 / 52 * 51 / 52 / 50)
    assert few.se == pytest.approx(by_hand, rel=1e-12)
    assert few.z_star > -1.96
    many = effect_of(no_failures(500).shift_control(absolute=0.01))
    assert many.z_star < -1.96


def test_amounts_without_variation_have_an_unknown_standard_error() -> None:
    effect = effect_of(no_failures(5, binary=False).shift_control(absolute=0.01))
    assert math.isnan(effect.se)
    assert math.isnan(effect.z_star)


def test_equal_rates_up_to_rounding_count_as_no_variation() -> None:
    n = np.array([3.0, 7.0, 11.0, 13.0])
    constant = Strata(np.arange(4), n, 0.1 * n, 3 * n, 0.3 * n + 0.7 * n)
    assert math.isnan(effect_of(constant).se)


def test_one_huge_coach_does_not_drown_the_others() -> None:
    # Without the first coach the estimate is that of the second, (5 - 4) / 10, however large the first is.
    strata = strata_of([0, 1], [1e19, 10], [5e18, 4], [1e19, 10], [5e18, 5])
    assert effect_of(strata).se == pytest.approx(math.sqrt(0.5 * 0.1**2), rel=1e-6)


@st.composite
def counted(draw: st.DrawFn) -> Strata:
    rows = draw(st.integers(1, 12))
    cluster = draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows))
    n = draw(st.lists(st.integers(0, 200), min_size=2 * rows, max_size=2 * rows))
    y = [draw(st.integers(0, units)) for units in n]
    return strata_of(cluster, n[:rows], y[:rows], n[rows:], y[rows:], binary=True)


@given(counted())
@SETTINGS
def test_swapping_the_variants_flips_the_sign(strata: Strata) -> None:
    swapped = Strata(
        strata.cluster,
        strata.n_treatment,
        strata.y_treatment,
        strata.n_control,
        strata.y_control,
        binary=True,
    )
    one, other = estimate_effect(strata), estimate_effect(swapped)
    assert (one is None) == (other is None)
    if one and other:
        assert other.estimate == pytest.approx(-one.estimate, abs=1e-12)
        assert other.se == pytest.approx(one.se, rel=1e-9, abs=1e-12, nan_ok=True)


@given(counted(), st.randoms(use_true_random=False))
@SETTINGS
def test_the_order_of_rows_does_not_change_a_bit(strata: Strata, random: object) -> None:
    order = np.arange(strata.cluster.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = estimate_effect(strata), estimate_effect(strata.take(order))
    assert repr(one) == repr(other)


@given(counted(), st.integers(1, 300), st.booleans())
@SETTINGS
def test_a_coach_with_one_variant_changes_nothing(strata: Strata, n: int, treated: bool) -> None:
    add = [n, n // 2, 0, 0] if not treated else [0, 0, n, n // 2]
    columns = sums_of(strata)
    more = [np.append(column, value) for column, value in zip(columns, add, strict=True)]
    wider = strata_of(np.append(strata.cluster, 99), *more, binary=True)
    assert repr(estimate_effect(strata)) == repr(estimate_effect(wider))


@given(counted(), st.sampled_from([0.5, 3.0, 1000.0]))
@SETTINGS
def test_a_numerator_in_other_units_scales_estimate_and_error_alike(strata: Strata, k: float) -> None:
    columns = sums_of(strata)
    scaled = strata_of(strata.cluster, columns[0], k * columns[1], columns[2], k * columns[3])
    one, other = estimate_effect(strata_of(strata.cluster, *columns)), estimate_effect(scaled)
    assert (one is None) == (other is None)
    if one and other:
        assert other.estimate == pytest.approx(k * one.estimate, rel=1e-9, abs=1e-12 * k)
        assert other.se == pytest.approx(k * one.se, rel=1e-7, abs=1e-12 * k, nan_ok=True)


@given(counted(), st.sampled_from([2.0, 10.0]))
@SETTINGS
def test_the_same_rates_in_larger_numbers_give_the_same_jackknife(strata: Strata, k: float) -> None:
    columns = sums_of(strata)
    one = estimate_effect(strata_of(strata.cluster, *columns))
    other = estimate_effect(strata_of(strata.cluster, *(k * column for column in columns)))
    if one and other:
        assert astuple(other)[:2] == pytest.approx(astuple(one)[:2], rel=1e-9, abs=1e-12, nan_ok=True)
