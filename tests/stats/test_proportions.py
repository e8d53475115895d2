"""Bounds on one proportion: equal to their definition, and right at every moment at once."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savvi.multinomial import Multinomial  # type: ignore[import-untyped]
from scipy import special

from pacer_pipelines.stats import difference_evidence, difference_lower_bound, proportion_bounds

SETTINGS = settings(derandomize=True, deadline=None, max_examples=200)
COUNTS = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
ALPHAS = st.floats(1e-9, 0.5)


def log_evidence(p: float, hits: int, trials: int, prior: tuple[float, float] = (0.5, 0.5)) -> float:
    """Howard et al. 2021: log of the mixture over the likelihood."""
    a, b = prior
    mixed = special.betaln(a + hits, b + trials - hits) - special.betaln(a, b)
    return float(mixed - special.xlogy(hits, p) - special.xlog1py(trials - hits, -p))


@given(COUNTS, ALPHAS)
@SETTINGS
def test_bounds_are_where_the_evidence_reaches_one_over_alpha(counts: tuple[int, int], alpha: float) -> None:
    hits, trials = counts
    low, high = proportion_bounds(hits, trials, alpha)
    assert 0 <= low <= (hits / trials if trials else 0.5) <= high <= 1
    for bound, known in ((low, hits == 0), (high, hits == trials)):
        if known:
            assert bound in (0.0, 1.0)
        elif min(bound, 1 - bound) > 1e-12:
            assert log_evidence(bound, hits, trials) == pytest.approx(-math.log(alpha), abs=1e-3)


@given(COUNTS, ALPHAS)
@SETTINGS
def test_hits_and_misses_mirror_each_other(counts: tuple[int, int], alpha: float) -> None:
    hits, trials = counts
    low, high = proportion_bounds(hits, trials, alpha)
    other_low, other_high = proportion_bounds(trials - hits, trials, alpha)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low), abs=1e-12)


@given(COUNTS, ALPHAS, ALPHAS)
@SETTINGS
def test_more_certainty_means_wider_bounds(counts: tuple[int, int], one: float, other: float) -> None:
    strict, loose = (proportion_bounds(*counts, alpha) for alpha in sorted((one, other)))
    assert strict[0] <= loose[0] + 1e-12
    assert strict[1] >= loose[1] - 1e-12


@given(
    st.integers(1, 150).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.05, 0.95),
    st.floats(0.5, 50),
)
@SETTINGS
def test_equals_the_odds_of_savvi(counts: tuple[int, int], centre: float, k: float) -> None:
    hits, trials = counts
    shares = np.array([centre, 1 - centre])
    shares[1] = 1 - shares[0]
    peer = Multinomial(alpha=0.05, theta_0=shares, k=k)
    peer.update(np.array([hits, trials - hits]))
    ours = log_evidence(centre, hits, trials, (k * shares[0], k * shares[1]))
    assert math.log(peer.odds) == pytest.approx(ours, abs=1e-7)
    low, high = proportion_bounds(hits, trials, 0.05, (k * shares[0], k * shares[1]))
    if abs(peer.odds - 20) > 1e-6:
        # savvi refutes its own share at 1 / 20 exactly when the share lies outside our bounds
        assert (peer.odds < 20) == (low < centre < high)


@pytest.mark.parametrize(("p", "seed"), [(0.003, 1), (0.05, 2), (0.5, 3)])
def test_looking_after_every_trial_errs_no_more_than_promised(p: float, seed: int) -> None:
    """2,000 sequences of 2,000 trials, looked at after each one; alpha 0.05, standard error 0.5 points."""
    rng = np.random.default_rng(seed)
    n = np.arange(1, 2001)
    mixture = special.betaln(0.5, 0.5)
    missed = 0
    for _ in range(2000):
        k = np.cumsum(rng.random(2000) < p)
        evidence = special.betaln(0.5 + k, 0.5 + n - k) - mixture - k * math.log(p) - (n - k) * math.log1p(-p)
        first = int(np.argmax(evidence))
        low, high = proportion_bounds(int(k[first]), int(n[first]), 0.05)
        outside = not low < p < high
        # the bounds miss p exactly where the evidence is over the bar
        assert outside == (evidence[first] >= math.log(20)) or abs(evidence[first] - math.log(20)) < 1e-6
        missed += outside
    assert missed / 2000 <= 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 2, 0.05), "hits: got 3, allowed: 0 to 2"),
        ((-1, 2, 0.05), "hits: got -1"),
        ((1, 2, 0.0), r"alpha: got 0\.0, allowed: above 0 and below 1"),
        ((1, 2, 1.0), "alpha: got 1"),
        ((1, 2, 0.05, (0.0, 1.0)), "prior: got"),
        ((1, 2, 0.05, (math.inf, 1.0)), "prior: got"),
    ],
)
def test_impossible_arguments_are_refused(
    arguments: tuple[int, int, float, tuple[float, float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        proportion_bounds(*arguments)


# --- the difference of two ---------------------------------------------------------------------------------------

PAIRS = st.tuples(*[st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))] * 2)


@given(PAIRS, st.floats(-0.9, 0.9))
@SETTINGS
def test_evidence_is_the_least_product_over_all_pairs_of_the_null(
    pair: tuple[tuple[int, int], tuple[int, int]], difference: float
) -> None:
    """Every pair on a grid of 400 x 400 with p_B - p_A <= difference; the product of the two Bayes factors."""
    a, b = pair
    p = (np.arange(400) + 0.5) / 400
    of_a, of_b = (np.array([log_evidence(at, *counts) for at in p]) for counts in (a, b))
    allowed = p[None, :] - p[:, None] <= difference
    least = float(np.min(np.where(allowed, of_a[:, None] + of_b[None, :], np.inf)))
    found = difference_evidence(a, b, difference)
    if b[0] / b[1] - a[0] / a[1] <= difference:
        assert found == 0
    else:
        assert found <= least + 1e-6


@given(PAIRS, ALPHAS)
@SETTINGS
def test_the_bound_is_the_difference_whose_evidence_is_at_the_bar(
    pair: tuple[tuple[int, int], tuple[int, int]], alpha: float
) -> None:
    a, b = pair
    bound = difference_lower_bound(a, b, alpha)
    assert -1 <= bound <= b[0] / b[1] - a[0] / a[1]
    if bound > -1 + 1e-6:
        assert difference_evidence(a, b, bound) == pytest.approx(-math.log(alpha), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(("p", "margin", "seed"), [(0.003, 0.01, 4), (0.2, 0.2, 5)])
def test_two_variants_apart_by_the_margin_are_told_apart_no_more_often_than_promised(
    p: float, margin: float, seed: int
) -> None:
    """2,000 pairs of sequences of 600 trials, looked at after each pair; alpha 0.05, on the boundary of the null."""
    rng, n = np.random.default_rng(seed), np.arange(1, 601)
    wrong = 0
    for _ in range(2000):
        a, b = np.cumsum(rng.random(600) < p), np.cumsum(rng.random(600) < p + margin)
        # the evidence is below the product at the truth, so only moments above the bar there can be wrong
        truth = sum(
            special.betaln(0.5 + k, 0.5 + n - k) - special.betaln(0.5, 0.5) - special.xlogy(k, q)
            - special.xlog1py(n - k, -q)
            for k, q in ((a, p), (b, p + margin))
        )  # fmt: skip
        wrong += any(
            difference_evidence((int(a[i]), int(n[i])), (int(b[i]), int(n[i])), margin) >= math.log(20)
            for i in np.flatnonzero(truth >= math.log(20))
        )
    assert wrong / 2000 <= 0.05


def test_without_a_trial_nothing_is_known_of_a_difference() -> None:
    assert difference_evidence((0, 0), (5, 5), 0.1) == 0
    assert difference_lower_bound((0, 0), (5, 5), 0.05) == -1
    assert difference_lower_bound((0, 5), (0, 0), 0.05) == -1
    assert difference_lower_bound((1, 1), (0, 1), 0.05) == -1


def test_an_impossible_difference_is_refused() -> None:
    with pytest.raises(ValueError, match=r"difference: got 1\.0, allowed: above -1 and below 1"):
        difference_evidence((0, 5), (5, 5), 1.0)
    with pytest.raises(ValueError, match="alpha: got 0"):
        difference_lower_bound((0, 5), (5, 5), 0.0)
    with pytest.raises(ValueError, match="hits: got 6"):
        difference_evidence((0, 5), (6, 5), 0.1)
