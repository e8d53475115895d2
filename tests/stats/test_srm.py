"""The sequential SRM test: equal to its definition, quiet on a fair split, sure on a broken one."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savvi.multinomial import Multinomial  # type: ignore[import-untyped]

from pacer_pipelines.stats import sequential_srm, split_limits, worst_phase, worst_slice

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)
COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6)


def p_by_definition(days: list[tuple[int, int]], shares: tuple[Fraction, Fraction], k: int) -> list[float]:
    """Lindon & Malek 2022: each unit multiplies the Bayes factor by posterior predictive / planned share."""
    bayes_factor, smallest, result = Fraction(1), Fraction(1), []
    mass = [k * share for share in shares]
    for day in days:
        for variant in (0, 1):
            for _ in range(day[variant]):
                bayes_factor *= mass[variant] / sum(mass) / shares[variant]
                mass[variant] += 1
        smallest = min(smallest, 1 / bayes_factor)
        result.append(float(smallest))
    return result


@given(COUNTS)
@SETTINGS
def test_equals_the_bayes_factor_updated_unit_by_unit(days: list[tuple[int, int]]) -> None:
    shares = (Fraction(7, 10), Fraction(3, 10))
    result = sequential_srm(days, [0.7, 0.3])
    np.testing.assert_allclose(result.p_by_day, p_by_definition(days, shares, 100), rtol=1e-9)
    assert result.p_value == result.p_by_day[-1]


@given(COUNTS, st.floats(0.01, 1000))
@SETTINGS
def test_weights_count_in_any_scale_and_p_never_rises(days: list[tuple[int, int]], scale: float) -> None:
    one, other = sequential_srm(days, [9, 1]), sequential_srm(days, [9 * scale, scale])
    np.testing.assert_allclose(one.p_by_day, other.p_by_day, rtol=1e-9)
    assert (np.diff(one.p_by_day) <= 0).all()
    assert ((one.p_by_day >= 0) & (one.p_by_day <= 1)).all()


def test_a_split_as_planned_stays_quiet_for_a_month() -> None:
    result = sequential_srm([[90, 10]] * 30, [90, 10])
    assert result.p_value == 1.0
    assert result.counts.tolist() == [2700.0, 300.0]
    assert result.expected == pytest.approx([2700, 300])


def test_fifteen_percent_instead_of_ten_is_found() -> None:
    # statistics.md: 15 % for 10 % found in 99.7 %; here the exact shares, 2,000 units.
    assert sequential_srm([[170, 30]] * 10, [90, 10]).p_value < 0.05


def test_a_mismatch_once_proven_is_not_forgotten() -> None:
    result = sequential_srm([[500, 500], [1700, 0], [100_000, 100_000]], [0.5, 0.5])
    assert result.p_by_day[0] == 1.0
    assert result.p_by_day[1] == result.p_by_day[2] < 1e-6


def test_a_unit_in_a_variant_without_traffic_is_impossible() -> None:
    result = sequential_srm([[10, 0], [10, 1], [10, 0]], [1.0, 0.0])
    assert result.p_by_day.tolist() == [1.0, 0.0, 0.0]
    assert result.p_value == 0.0


def test_nobody_yet_proves_nothing() -> None:
    for nothing in ([], np.zeros((0, 2)), [[0, 0]]):
        result = sequential_srm(nothing, [0.9, 0.1])
        assert result.p_value == 1.0
        assert result.expected.tolist() == [0.0, 0.0]


def test_millions_of_units_stay_finite() -> None:
    assert sequential_srm([[9_000_000, 1_000_000]] * 10, [90, 10]).p_value == 1.0
    assert sequential_srm([[9_100_000, 900_000]] * 10, [90, 10]).p_value == 0.0


@pytest.mark.parametrize(
    ("counts", "weights", "message"),
    [
        ([[1, -1]], [1, 1], r"daily_counts: got -1\.0 at \(0, 1\), allowed: 0 or more"),
        ([[1, np.nan]], [1, 1], r"daily_counts: got nan at \(0, 1\)"),
        ([[1, 2, 3]], [1, 1], r"daily_counts: got shape \(1, 3\), allowed: \(days, 2\)"),
        ([1, 2], [1, 1], r"daily_counts: got shape \(2,\)"),
        ([[1, 2]], [1, -1], r"weights: got -1\.0 at 1, allowed: 0 or more"),
        ([[1, 2]], [0, 0], r"weights: got \[0\.0, 0\.0\], allowed: at least one positive"),
    ],
)
def test_impossible_traffic_is_refused(counts: list[object], weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sequential_srm(counts, weights)  # type: ignore[arg-type]


def test_a_concentration_must_be_positive() -> None:
    with pytest.raises(ValueError, match="concentration: got 0"):
        sequential_srm([[1, 1]], [1, 1], concentration=0.0)


DAYS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=8
)


@given(
    DAYS, st.sampled_from([[0.5, 0.25, 0.25], [0.75, 0.125, 0.125]]), st.sampled_from([1.0, 100.0, 1000.0])
)
@SETTINGS
def test_equals_savvi_day_by_day(days: list[tuple[int, int, int]], shares: list[float], k: float) -> None:
    # The package of the paper's authors. tea-tasting's SampleRatio is a fixed-sample test: nothing to compare.
    peer, smallest = Multinomial(alpha=0.05, theta_0=np.array(shares), k=k), []
    for day in days:
        with np.errstate(divide="ignore", over="ignore"):
            peer.update(np.array(day))
            smallest.append(min([1.0, *smallest[-1:], float(peer.calculate_p_value())]))
    np.testing.assert_allclose(
        sequential_srm(days, shares, concentration=k).p_by_day, smallest, rtol=1e-6, atol=1e-300
    )


def test_a_fair_split_read_every_day_is_rarely_called_unfair() -> None:
    rng = np.random.default_rng(2)
    called = sum(
        sequential_srm(rng.multinomial(80, [0.9, 0.1], size=42), [0.9, 0.1]).p_value < 0.05
        for _ in range(1000)
    )
    # at most 5 % of 1000, 99.9 % limit; statistics.md measured 0.9 % with concentration 100
    assert called <= 50 + 21


PHASES = st.lists(COUNTS, min_size=1, max_size=5)


@given(PHASES)
@SETTINGS
def test_the_worst_phase_is_corrected_upwards_and_weights_are_spent_once(
    phases: list[list[tuple[int, int]]],
) -> None:
    results = [sequential_srm(days, [0.5, 0.5]) for days in phases]
    worst = worst_phase(results)
    assert worst.position is not None
    assert results[worst.position].p_value <= worst.p_value <= 1
    # by hand: phase k counts k (k + 1) times
    by_hand = min(min(1.0, r.p_value * (k + 1) * (k + 2)) for k, r in enumerate(results))
    assert worst.p_value == pytest.approx(by_hand, rel=1e-12)
    assert worst.counts.tolist() == results[worst.position].counts.tolist()
    # a new phase changes no earlier one: with a fair one behind, nothing moves
    longer = worst_phase([*results, sequential_srm([[5, 5]], [0.5, 0.5])])
    assert longer.p_value == worst.p_value


@given(st.integers(0, 300), st.integers(1, 300))
@SETTINGS
def test_more_imbalance_is_never_less_suspicious(extra: int, more: int) -> None:
    fair = [500, 500]

    def phase(surplus: int) -> float:
        return worst_phase(
            [sequential_srm([fair], [1, 1]), sequential_srm([[500 + surplus, 500]], [1, 1])]
        ).p_value

    def coach(surplus: int) -> float:
        return worst_slice([[fair], [[500 + surplus, 500]]], [[1, 1]]).p_value

    assert phase(extra + more) <= phase(extra)
    assert coach(extra + more) <= coach(extra)


def test_a_slice_over_two_phases_multiplies_their_evidence() -> None:
    # p = M exp(-(sum of log Bayes factors)); coach 1 is skewed in both phases, in neither enough by itself.
    weights = [[0.9, 0.1], [0.7, 0.3]]
    coaches = [[[90, 10], [70, 30]], [[75, 25], [55, 45]], [[180, 20], [70, 30]]]
    worst = worst_slice(coaches, weights)
    evidence = sum(
        sequential_srm([counts], shares).log_evidence
        for counts, shares in zip(coaches[1], weights, strict=True)
    )
    assert worst.position == 1
    assert worst.p_value == pytest.approx(3 * math.exp(-evidence), rel=1e-9)
    assert worst.counts.tolist() == [130.0, 70.0]
    assert worst.expected.tolist() == pytest.approx([160.0, 40.0])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.booleans())
@SETTINGS
def test_the_worst_slice_is_the_least_corrected_p_of_all(
    slices: list[tuple[int, int]], open_ended: bool
) -> None:
    worst = worst_slice([[counts] for counts in slices], [[0.5, 0.5]], open_ended=open_ended)
    raw = [sequential_srm([counts], [0.5, 0.5]).p_value for counts in slices]
    times = [(k + 1) * (k + 2) if open_ended else len(slices) for k in range(len(slices))]
    by_hand = min(min(1.0, p * factor) for p, factor in zip(raw, times, strict=True))
    assert worst.p_value == pytest.approx(by_hand, rel=1e-12)
    assert worst.position is not None
    assert worst.p_value >= raw[worst.position]


def test_a_day_to_come_does_not_excuse_an_earlier_one() -> None:
    days = [[[50, 50]], [[90, 20]]]
    before = worst_slice(days, [[1, 1]], open_ended=True)
    after = worst_slice([*days, *[[[50, 50]]] * 30], [[1, 1]], open_ended=True)
    assert (before.position, before.p_value) == (after.position, after.p_value)


def test_the_most_suspicious_of_several_impossible_slices_is_named() -> None:
    certain = worst_slice([[[5, 0]], [[90, 1]], [[3, 2]]], [[1.0, 0.0]])
    assert (certain.position, certain.p_value) == (1, 0.0)


def test_without_slices_or_phases_nothing_is_suspicious() -> None:
    for nothing in (worst_phase([]), worst_slice(np.zeros((0, 2, 2)), [[1, 1], [9, 1]])):
        assert (nothing.position, nothing.p_value) == (None, 1.0)
        assert nothing.counts.tolist() == nothing.expected.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("counts", "weights", "message"),
    [
        ([[1, 2]], [[1, 1]], r"counts: got shape \(1, 2\), allowed: \(slices, "),
        ([[[1, 2]]], [1, 1], r"counts: got shape \(1, 1, 2\), allowed: \(slices, "),
        ([[[1, 2]]], [[1, 1], [1, 1]], r"counts: got shape \(1, 1, 2\)"),
        ([[[1, -2]]], [[1, 1]], r"daily_counts: got -2\.0"),
        ([[[1, 2]]], [[1, -1]], r"weights: got -1\.0"),
    ],
)
def test_impossible_slices_are_refused(counts: list[object], weights: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        worst_slice(counts, weights)  # type: ignore[arg-type]


@SETTINGS
@given(st.integers(50, 20_000), st.sampled_from([0.05, 0.1, 0.5, 0.9]), st.sampled_from([0.05, 0.0005]))
def test_the_limits_of_a_split_are_where_the_test_of_that_day_rejects(
    units: int, share: float, alpha: float
) -> None:
    low, high = split_limits(units, share, alpha)
    assert 0 <= low < share < high <= 1
    for treatment in range(0, units + 1, max(units // 40, 1)):
        seen = treatment / units
        if min(abs(seen - low), abs(seen - high)) < 1e-9:
            continue
        rejected = sequential_srm([[units - treatment, treatment]], [1 - share, share]).p_value < alpha
        assert rejected == (not low <= seen <= high)


def test_few_units_could_have_any_split_and_more_units_fewer() -> None:
    assert split_limits(3, 0.5, 0.001) == (0.0, 1.0)
    widths = [high - low for low, high in (split_limits(units, 0.1, 0.001) for units in (100, 1000, 10_000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_variant_without_traffic_may_have_nothing(share: float) -> None:
    assert split_limits(100, share, 0.001) == (share, share)


@pytest.mark.parametrize(
    ("units", "share", "alpha", "message"),
    [
        (0, 0.1, 0.01, "units: got 0"),
        (math.inf, 0.1, 0.01, "units: got inf"),
        (10, 0.1, 1.0, "alpha: got 1.0"),
        (10, 1.5, 0.01, "weights: "),
    ],
)
def test_limits_of_an_impossible_split_are_refused(
    units: float, share: float, alpha: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split_limits(units, share, alpha)
