"""Selection by the coaches: the bound has the sign of Lee's, and imputing turns the sign at the tipping point."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize
from unit_worlds import an_experiment

from pacer_pipelines.stats import (
    Effect,
    Strata,
    estimate_effect,
    per_request_bound,
    relative_difference,
    tipping_point,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=150)


def an_effect(estimate: float, rate_control: float) -> Effect:
    return Effect(estimate, 0.01, 12, 11, 0.0, 0.0, 900.0, 100.0, rate_control, 0.0, 12, 90.0)


@pytest.mark.parametrize(
    ("estimate", "rate", "relative"), [(-0.02, 0.4, -0.05), (0.0, 0.0, 0.0), (0.1, 0.0, math.inf)]
)
def test_relative_difference_is_a_share_of_control(estimate: float, rate: float, relative: float) -> None:
    assert relative_difference(an_effect(estimate, rate)) == pytest.approx(relative)


def lee_lower_bound(control: tuple[int, int, int], treatment: tuple[int, int, int]) -> Fraction:
    """Lee 2009, proposition 1a, by trimming (requests, good, bad) of the variant that is rated more."""
    (m_a, g_a, b_a), (m_b, g_b, b_b) = control, treatment
    rated_a, rated_b = Fraction(g_a + b_a, m_a), Fraction(g_b + b_b, m_b)
    if rated_b <= rated_a:
        # Control loses its surplus from the bottom: BAD first. What is left is its best case.
        kept = rated_b * m_a
        return Fraction(g_b, g_b + b_b) - min(Fraction(g_a) / kept, Fraction(1))
    # Treatment loses its surplus from the top: GOOD first. What is left is its worst case.
    kept = rated_a * m_b
    return max(kept - b_b, Fraction(0)) / kept - Fraction(g_a, g_a + b_a)


# (requests, good, bad) from (unrated, rated, good modulo): every draw is possible, none is thrown away.
VARIANT = st.tuples(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60)).map(
    lambda v: (v[0] + v[1], v[2] % (v[1] + 1), v[1] - v[2] % (v[1] + 1))
)


@given(VARIANT, VARIANT)
@SETTINGS
def test_the_bound_is_positive_exactly_when_lees_lower_bound_is(
    control: tuple[int, int, int], treatment: tuple[int, int, int]
) -> None:
    (m_a, g_a, b_a), (m_b, g_b, b_b) = control, treatment
    difference = Fraction(g_b + b_b, m_b) - Fraction(g_a + b_a, m_a)
    coach, one = np.zeros(1, np.int64), np.ones(1)
    good = Strata(coach, m_a * one, g_a * one, m_b * one, g_b * one, binary=True)
    bad = Strata(coach, m_a * one, b_a * one, m_b * one, b_b * one, binary=True)
    effect = per_request_bound(good, bad, float(difference))
    assert effect is not None
    lower = lee_lower_bound(control, treatment)
    assume(abs(effect.estimate) > 1e-12)
    assert (effect.estimate > 0) == (lower > 0)


def request_strata(y: list[int], y_treatment: list[int]) -> Strata:
    n = np.array([200, 150, 250])
    return Strata(np.arange(3), n, np.array(y), n, np.array(y_treatment), binary=True)


def test_fewer_bad_ratings_count_for_treatment_when_it_is_rated_more() -> None:
    good = request_strata([60, 40, 70], [80, 60, 95])
    fewer_bad, more_bad = (
        request_strata([40, 30, 50], [30, 25, 41]),
        request_strata([40, 30, 50], [52, 38, 66]),
    )
    passes, fails = per_request_bound(good, fewer_bad, 0.05), per_request_bound(good, more_bad, 0.05)
    bad_itself = estimate_effect(more_bad)
    assert passes is not None
    assert fails is not None
    assert bad_itself is not None
    assert passes.estimate > 0 > fails.estimate
    assert fails.estimate == pytest.approx(-bad_itself.estimate, rel=1e-12)
    assert fails.se == pytest.approx(bad_itself.se, rel=1e-9)


def test_good_per_request_counts_when_treatment_is_rated_less() -> None:
    good, bad = request_strata([60, 40, 70], [55, 41, 60]), request_strata([40, 30, 50], [10, 5, 9])
    assert per_request_bound(good, bad, -0.01) == estimate_effect(good)


def test_a_bound_needs_a_known_sign_and_counts() -> None:
    counts = request_strata([1, 1, 1], [1, 1, 1])
    with pytest.raises(ValueError, match="rating_rate_difference: got nan"):
        per_request_bound(counts, counts, math.nan)
    with pytest.raises(ValueError, match="not binary"):
        per_request_bound(counts.shift_control(absolute=0.1), counts, 0.1)


@pytest.mark.parametrize("by_student", [False, True], ids=["coaches", "students"])
@pytest.mark.parametrize("covariate", [False, True])
def test_requests_without_a_bad_are_compared_with_the_same_strata_and_covariate(
    covariate: bool, by_student: bool
) -> None:
    # Counting "no BAD" in single requests must be the same as turning the sums of BAD around.
    units = an_experiment(31, covariate=covariate, by_student=by_student)
    bad, fine = units.sums(), replace(units, y=1 - units.y).sums()
    by_hand, bound = estimate_effect(fine), per_request_bound(bad, bad, 0.1)
    assert by_hand is not None
    assert bound is not None
    assert (bound.estimate, bound.se) == pytest.approx((by_hand.estimate, by_hand.se), rel=1e-9)
    assert (bound.clusters, bound.strata) == (by_hand.clusters, by_hand.strata)


def mature(seed: int, rows: int = 6) -> tuple[Strata, Strata]:
    """Rated of requests, and GOOD of rated; some strata without ratings in one variant."""
    rng = np.random.default_rng(seed)
    coach = np.arange(rows) // 2
    asked = rng.integers(1, 60, (2, rows))
    rated = rng.binomial(asked, [[0.6], [0.4]])
    good = rng.binomial(rated, [[0.6], [0.75]])
    return (
        Strata(coach, asked[0], rated[0], asked[1], rated[1], binary=True),
        Strata(coach, rated[0], good[0], rated[1], good[1], binary=True),
    )


def imputed_effect(rated: Strata, good: Strata, shift: float) -> float:
    """The effect over all requests with every unrated one filled in: control's like its rated, treatment's worse."""
    rows = np.flatnonzero((good.n_control > 0) & (good.n_treatment > 0))
    asked, answered = rated.take(rows), good.take(rows)
    like_rated = answered.y_control / answered.n_control
    worse = answered.y_treatment / answered.n_treatment - shift
    full = Strata(
        asked.cluster,
        asked.n_control,
        answered.y_control + (asked.n_control - asked.y_control) * like_rated,
        asked.n_treatment,
        answered.y_treatment + (asked.n_treatment - asked.y_treatment) * worse,
    )
    effect = estimate_effect(full)
    assert effect is not None
    return effect.estimate


@given(st.integers(0, 10_000))
@SETTINGS
def test_at_the_tipping_point_the_imputed_effect_is_zero(seed: int) -> None:
    rated, good = mature(seed)
    tip = tipping_point(rated, good)
    assume(tip is not None and math.isfinite(tip.shift))
    assert tip is not None
    assert tip.effect == pytest.approx(imputed_effect(rated, good, 0.0), rel=1e-8, abs=1e-12)
    assert imputed_effect(rated, good, tip.shift) == pytest.approx(0.0, abs=1e-12)
    found = optimize.brentq(lambda shift: imputed_effect(rated, good, shift), -1e3, 1e3, xtol=1e-12)
    assert tip.shift == pytest.approx(found, rel=1e-8, abs=1e-10)


@given(st.integers(0, 10_000))
@SETTINGS
def test_a_sign_can_be_overturned_exactly_when_the_worst_ratings_would(seed: int) -> None:
    rated, good = mature(seed)
    tip = tipping_point(rated, good)
    assume(tip is not None and math.isfinite(tip.shift))
    assert tip is not None
    # every unrated request of treatment BAD, or every one GOOD
    rows = np.flatnonzero((good.n_control > 0) & (good.n_treatment > 0))
    ends = []
    for all_good in (0.0, 1.0):
        asked, answered = rated.take(rows), good.take(rows)
        like_rated = answered.y_control / answered.n_control
        unrated = asked.n_treatment - asked.y_treatment
        effect = estimate_effect(
            Strata(
                asked.cluster,
                asked.n_control,
                like_rated * asked.n_control,
                asked.n_treatment,
                answered.y_treatment + all_good * unrated,
            )
        )
        assert effect is not None
        ends.append(effect.estimate)
    assume(min(abs(end) for end in ends) > 1e-9)
    assert tip.possible == (min(ends) < 0 < max(ends))


def test_when_all_are_rated_nothing_can_tip() -> None:
    asked = np.array([10.0, 20.0])
    rated = Strata(np.array([0, 1]), asked, asked, asked, asked, binary=True)
    for better, shift in (([8.0, 15.0], math.inf), ([3.0, 5.0], -math.inf)):
        good = Strata(np.array([0, 1]), asked, asked / 2, asked, np.array(better), binary=True)
        tip = tipping_point(rated, good)
        assert tip is not None
        assert (tip.shift, tip.possible) == (shift, False)


def test_without_ratings_in_both_variants_there_is_no_tipping_point() -> None:
    asked, none = np.array([10.0]), np.zeros(1)
    rated = Strata(np.array([0]), asked, asked, asked, none, binary=True)
    assert tipping_point(rated, Strata(np.array([0]), asked, asked, none, none, binary=True)) is None


def test_a_tipping_point_of_sums_that_do_not_belong_together_is_refused() -> None:
    rated, good = mature(1)
    with pytest.raises(ValueError, match="rated and good: got sums that are not binary"):
        tipping_point(rated, good.shift_control(absolute=0.1))
    with pytest.raises(ValueError, match="good: got denominators that are not the rated"):
        tipping_point(rated, rated)
    with pytest.raises(ValueError, match="good: got denominators that are not the rated"):
        tipping_point(rated.take(np.arange(5)), good.take(np.arange(1, 6)))
    twice = np.array([0, 0, 1, 2, 3, 4])
    with pytest.raises(ValueError, match="stratum: got a label twice, allowed: one row per stratum"):
        tipping_point(replace(rated, stratum=twice), replace(good, stratum=twice))
