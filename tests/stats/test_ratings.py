"""Selection by the coaches: the bound has the sign of Lee's, and imputing turns the sign at the tipping point."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pacer_pipelines.stats import Effect, Strata, estimate_effect, per_request_bound, relative_difference

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
