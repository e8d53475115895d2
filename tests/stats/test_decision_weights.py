"""Ratings weighted to the decisions: undoes selection by decision, and says so when it cannot."""

import numpy as np
import pytest

from pacer_pipelines.stats import DecisionSums, Strata, decision_weighted, estimate_effect

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
