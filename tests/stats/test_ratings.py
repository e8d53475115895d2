"""Selection by the coaches: the bound has the sign of Lee's, and weighting by decision undoes what it can."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pacer_pipelines.stats import (
    DecisionSums,
    Effect,
    Strata,
    decision_weighted,
    estimate_effect,
    per_request_bound,
    relative_difference,
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


COACH = np.array([0, 1, 2, 3])


def selected(
    requests: list[int], good: list[int], rated_share: float, b: tuple[list[int], list[int]]
) -> DecisionSums:
    """Requests and true GOOD per coach, of which coaches rate one fixed share at random (in expectation)."""
    arms = [np.array(values, float) for values in (requests, good, *b)]
    return DecisionSums(
        COACH,
        arms[0],
        rated_share * arms[0],
        rated_share * arms[1],
        arms[2],
        rated_share * arms[2],
        rated_share * arms[3],
    )


APPROVE = ([100, 100, 120, 80], [80, 75, 96, 60]), ([100, 100, 120, 80], [85, 77, 100, 66])
REJECT = ([50, 50, 60, 40], [20, 15, 24, 12]), ([50, 50, 60, 40], [30, 26, 36, 22])


def test_weighting_recovers_the_effect_that_ratings_of_every_request_would_have_shown() -> None:
    # PACER: 83 % of APPROVE rated against 36 % of REJECT (facts/pacer-sources).
    approve = selected(*APPROVE[0], 0.83, APPROVE[1])
    reject = selected(*REJECT[0], 0.36, REJECT[1])
    everything = estimate_effect(
        Strata(
            COACH,
            approve.requests_control + reject.requests_control,
            np.add(APPROVE[0][1], REJECT[0][1]),
            approve.requests_treatment + reject.requests_treatment,
            np.add(APPROVE[1][1], REJECT[1][1]),
        )
    )
    naive = estimate_effect(
        Strata(
            COACH,
            approve.rated_control + reject.rated_control,
            approve.good_control + reject.good_control,
            approve.rated_treatment + reject.rated_treatment,
            approve.good_treatment + reject.good_treatment,
        )
    )
    weighted = decision_weighted({"APPROVE": approve, "REJECT": reject})
    assert everything is not None
    assert naive is not None
    assert weighted is not None
    assert weighted.estimate == pytest.approx(everything.estimate, rel=1e-9)
    assert weighted.se == pytest.approx(everything.se, rel=1e-9)
    assert naive.estimate < everything.estimate - 0.01


def test_weights_equal_the_formula_cell_by_cell() -> None:
    rng = np.random.default_rng(7)
    sums = {}
    for decision, share in (("APPROVE", 0.8), ("REJECT", 0.3)):
        requests = rng.integers(20, 90, (2, 4))
        rated = rng.binomial(requests, share)
        good = rng.binomial(rated, 0.6)
        sums[decision] = DecisionSums(COACH, requests[0], rated[0], good[0], requests[1], rated[1], good[1])
    n, y = (
        {"control": np.zeros(4), "treatment": np.zeros(4)},
        {"control": np.zeros(4), "treatment": np.zeros(4)},
    )
    for variant in n:
        requests_v = sum(getattr(cell, f"requests_{variant}").sum() for cell in sums.values())
        rated_v = sum(getattr(cell, f"rated_{variant}").sum() for cell in sums.values())
        for cell in sums.values():
            requests_vd, rated_vd = (
                getattr(cell, f"{what}_{variant}").sum() for what in ("requests", "rated")
            )
            omega = (requests_vd / requests_v) / (rated_vd / rated_v)
            n[variant] += omega * getattr(cell, f"rated_{variant}")
            y[variant] += omega * getattr(cell, f"good_{variant}")
    by_hand = estimate_effect(Strata(COACH, n["control"], y["control"], n["treatment"], y["treatment"]))
    weighted = decision_weighted(sums)
    assert by_hand is not None
    assert weighted is not None
    assert weighted.estimate == pytest.approx(by_hand.estimate, rel=1e-12)
    assert weighted.se == pytest.approx(by_hand.se, rel=1e-9)
    assert decision_weighted(dict(reversed(sums.items()))) == weighted


def test_a_stratum_rated_in_one_variant_only_moves_no_weight() -> None:
    def with_fifth(cell: DecisionSums, rated_share: float) -> DecisionSums:
        extra = (300.0, 300.0 * rated_share, 90.0 * rated_share, 300.0, 0.0, 0.0)
        columns = (
            cell.requests_control,
            cell.rated_control,
            cell.good_control,
            cell.requests_treatment,
            cell.rated_treatment,
            cell.good_treatment,
        )
        wider = [np.append(column, value) for column, value in zip(columns, extra, strict=True)]
        return DecisionSums(np.append(COACH, 4), *wider)

    approve, reject = selected(*APPROVE[0], 0.83, APPROVE[1]), selected(*REJECT[0], 0.36, REJECT[1])
    wider = {"APPROVE": with_fifth(approve, 0.1), "REJECT": with_fifth(reject, 0.9)}
    assert decision_weighted(wider) == decision_weighted({"APPROVE": approve, "REJECT": reject})


def test_one_decision_alone_needs_no_weight() -> None:
    approve = selected(*APPROVE[0], 0.5, APPROVE[1])
    plain = estimate_effect(
        Strata(
            COACH,
            approve.rated_control,
            approve.good_control,
            approve.rated_treatment,
            approve.good_treatment,
        )
    )
    weighted = decision_weighted({"APPROVE": approve})
    assert plain is not None
    assert weighted is not None
    assert weighted.estimate == pytest.approx(plain.estimate, rel=1e-12)


def test_a_decision_that_nobody_rated_cannot_be_weighted() -> None:
    unrated = selected(*REJECT[0], 0.0, REJECT[1])
    assert decision_weighted({"APPROVE": selected(*APPROVE[0], 0.8, APPROVE[1]), "REJECT": unrated}) is None
    assert decision_weighted({"REJECT": unrated}) is None
    assert decision_weighted({}) is None


def test_a_decision_that_one_variant_never_makes_needs_no_ratings() -> None:
    approve = selected(*APPROVE[0], 0.8, APPROVE[1])
    never = selected(*REJECT[0], 0.4, ([0, 0, 0, 0], [0, 0, 0, 0]))
    assert decision_weighted({"APPROVE": approve, "REJECT": never}) is not None


def test_sums_out_of_order_are_refused() -> None:
    nine, five, two = np.array([9.0]), np.array([5.0]), np.array([2.0])
    three = (nine, five, two)
    with pytest.raises(ValueError, match=r"rated of requests: y_control: got 9\.0 at 0"):
        DecisionSums(np.array([0]), five, nine, two, *three)
    with pytest.raises(ValueError, match=r"GOOD of rated: y_treatment: got 9\.0 at 0"):
        DecisionSums(np.array([0]), *three, nine, five, nine)
    one = DecisionSums(np.array([0]), *three, *three)
    other = DecisionSums(np.array([1]), *three, *three)
    with pytest.raises(ValueError, match="cluster: got different strata per decision"):
        decision_weighted({"APPROVE": one, "REJECT": other})
