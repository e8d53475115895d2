"""Sample ratio mismatch: did the traffic arrive in the shares that the flag promised?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from pacer_pipelines.stats.arrays import FloatArray, frozen_floats, refuse_where


@dataclass(frozen=True, slots=True, eq=False)
class SrmResult:
    """What the sequential test says after the last day.

    Args:
        p_value: smallest p of all days so far: valid however often it is read; 1.0 before the first day.
        counts: units per variant over all days, shape (V,).
        expected: the same total split by the weights, shape (V,).
        p_by_day: p_value as it stood after each day, shape (D,), never rising.
        log_evidence: log Bayes factor against the planned shares after the last day, inf when impossible.
    """

    p_value: float
    counts: FloatArray
    expected: FloatArray
    p_by_day: FloatArray
    log_evidence: float


def sequential_srm(
    daily_counts: npt.ArrayLike, weights: npt.ArrayLike, concentration: float = 100.0
) -> SrmResult:
    """Give a p-value for "the units arrived in the planned shares" that may be read every day.

    The Bayes factor of a Dirichlet(k p0) alternative against the fixed shares p0, on cumulative counts n:
    ln BF = ln B(k p0 + n) - ln B(k p0) - sum_i n_i ln p0_i; p_t = min over days of min(1, 1 / BF).
    Count randomised units at first exposure, within one phase: rows of one unit are not independent.

    Args:
        daily_counts: new units per day and variant, shape (D, V), >= 0; D may be 0.
        weights: planned shares per variant, shape (V,), >= 0, in any scale; 0 = must receive nothing.
        concentration: k > 0; larger values look for smaller deviations.

    Returns:
        The result. A unit in a variant of weight 0 is impossible under the plan: p is 0 from that day on.

    Raises:
        ValueError: negative or non-finite counts or weights, shapes that do not match, no positive weight.

    References:
        Lindon & Malek 2022, Anytime-valid inference for multinomial count data, NeurIPS (arXiv 2011.03567).

    Example:
        >>> sequential_srm([[50, 48], [47, 52]], [0.5, 0.5]).p_value
        1.0
        >>> sequential_srm([[900, 100], [900, 100]], [85, 15]).p_value < 1e-6
        True
    """
    shares = _shares(weights)
    counts = _counts(daily_counts, shares.size)
    if not (math.isfinite(concentration) and concentration > 0):
        raise ValueError(f"concentration: got {concentration}, allowed: a positive number")
    seen = np.cumsum(counts, axis=0)
    planned = shares > 0
    log_bf = _log_bayes_factor(seen[:, planned], shares[planned], concentration)
    log_bf[seen[:, ~planned].sum(axis=1) > 0] = np.inf
    p_of_day = np.exp(-np.maximum(log_bf, 0.0))
    p_by_day = np.minimum.accumulate(p_of_day)
    total = counts.sum(axis=0)
    return SrmResult(
        p_value=float(p_by_day[-1]) if p_by_day.size else 1.0,
        counts=total,
        expected=total.sum() * shares,
        p_by_day=p_by_day,
        log_evidence=float(log_bf[-1]) if log_bf.size else 0.0,
    )


def split_limits(
    units: float, share: float, alpha: float, concentration: float = 100.0
) -> tuple[float, float]:
    """Give the shares of treatment that this many units could have without the test of their day rejecting.

    The range in which the Bayes factor of :func:`sequential_srm` stays within 1 / alpha, for looking at a split beside
    its test: the test itself remembers earlier days, too.

    Args:
        units: units of both variants so far, > 0.
        share: planned share of treatment, in [0, 1].
        alpha: level of the test, in (0, 1).
        concentration: k > 0.

    Returns:
        Lowest and highest share of treatment, each in [0, 1]; only 0 or 1 where the plan allows nothing else.

    Raises:
        ValueError: a value outside these ranges.

    References:
        As :func:`sequential_srm`.

    Example:
        >>> low, high = split_limits(2000, 0.1, alpha=0.001)
        >>> round(low, 3), round(high, 3)
        (0.073, 0.13)
    """
    if not (units > 0 and math.isfinite(units)):
        raise ValueError(f"units: got {units}, allowed: a positive number")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: got {alpha}, allowed: a level in (0, 1)")
    shares = _shares([1 - share, share])
    if share in (0, 1):
        return share, share

    def excess(treatment: float) -> float:
        seen = np.array([[units * (1 - treatment), units * treatment]])
        return float(_log_bayes_factor(seen, shares, concentration)[0]) + math.log(alpha)

    # least evidence at the planned share, more the farther from it
    return _edge(excess, share, 0.0), _edge(excess, share, 1.0)


def _edge(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Where the excess becomes positive on the way out, by halving; the end itself where it never does."""
    if excess(outside) <= 0:
        return outside
    while abs(outside - inside) > 1e-12:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if excess(middle) <= 0 else (inside, middle)
    return inside


@dataclass(frozen=True, slots=True)
class WorstSlice:
    """The slice (phase, coach, day) whose split is hardest to believe, corrected for how many were looked at.

    Args:
        position: which slice, as given; None when there is none.
        p_value: its p-value after the correction: below alpha for any slice with chance alpha at most, if every
            split is as planned.
        counts: units per variant in it, shape (V,).
        expected: the same total split by its weights, shape (V,).
    """

    position: int | None
    p_value: float
    counts: FloatArray
    expected: FloatArray


def worst_phase(results: Sequence[SrmResult]) -> WorstSlice:
    """Give the phase with the smallest sequential p-value, corrected for all phases there ever will be.

    Phase k is tested at alpha / (k (k + 1)): these shares of alpha add up to 1 over any number of phases, so a
    ramp of many steps has no more false alarms than a single phase, and a new phase changes no earlier one.

    Args:
        results: :func:`sequential_srm` of each phase, oldest first.

    Returns:
        The worst phase; p 1 when there is none.

    References:
        Weighted Bonferroni over an open-ended family: Foster & Stine 2008, JRSS B 70(2), 429-444, on spending
        alpha over a sequence of tests.

    Example:
        >>> fine, skewed = sequential_srm([[50, 50]], [1, 1]), sequential_srm([[500, 400]], [1, 1])
        >>> worst_phase([fine, skewed]).position
        1
    """
    corrected = [result.p_value * (k + 1) * (k + 2) for k, result in enumerate(results)]
    if not corrected:
        nothing = np.zeros(2)
        return WorstSlice(None, 1.0, nothing, nothing)
    worst = min(range(len(corrected)), key=corrected.__getitem__)
    return WorstSlice(worst, min(corrected[worst], 1.0), results[worst].counts, results[worst].expected)


def worst_slice(
    counts: npt.ArrayLike, weights: npt.ArrayLike, *, open_ended: bool = False, concentration: float = 100.0
) -> WorstSlice:
    """Give the slice (a coach, a day) with the least believable split, corrected for the number of slices.

    A slice is looked at with the Bayes factor of :func:`sequential_srm`, which may be read every day, and may run
    over several phases with shares of their own. The family correction is Bonferroni's, as only the worst is named. It
    says where to look when the whole is wrong, and finds what cancels out over the whole.

    Args:
        counts: units per slice, phase and variant, shape (M, P, V), >= 0.
        weights: planned shares per phase and variant, shape (P, V), each row in any scale.
        open_ended: new slices keep coming (days): slice k is corrected by k (k + 1), as in :func:`worst_phase`, and
            not by their number, which grows.
        concentration: k > 0.

    Returns:
        The worst slice; p 1 when there is none.

    Raises:
        ValueError: negative or non-finite counts or weights, shapes that do not match.

    References:
        Lindon & Malek 2022, as :func:`sequential_srm`; independent phases multiply their Bayes factors.

    Example:
        >>> worst = worst_slice([[[50, 52]], [[90, 20]], [[48, 50]]], [[0.5, 0.5]])
        >>> worst.position, worst.p_value < 1e-4
        (1, True)
    """
    given, shares = np.asarray(counts, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if given.ndim != 3 or given.shape[1:] != shares.shape:
        raise ValueError(
            f"counts: got shape {given.shape}, allowed: (slices, *{shares.shape}) as the weights"
        )
    results = [
        [sequential_srm([phase], share, concentration) for phase, share in zip(one, shares, strict=True)]
        for one in given
    ]
    if not results:
        nothing = np.zeros(shares.shape[1])
        return WorstSlice(None, 1.0, nothing, nothing)
    evidence = np.array([sum(phase.log_evidence for phase in one) for one in results])
    place = np.arange(1, len(results) + 1)
    corrections = place * (place + 1.0) if open_ended else np.full(len(results), float(len(results)))
    corrected = np.minimum(corrections * np.exp(-np.maximum(evidence, 0.0)), 1.0)
    # where several are certain or none is suspicious, the plain evidence breaks the tie
    worst = int(np.lexsort((-evidence, corrected))[0])
    p_value = float(corrected[worst])
    seen = np.sum([phase.counts for phase in results[worst]], axis=0)
    expected = np.sum([phase.expected for phase in results[worst]], axis=0)
    return WorstSlice(worst, p_value, seen, expected)


def _shares(weights: npt.ArrayLike) -> FloatArray:
    given = np.atleast_1d(np.asarray(weights, dtype=np.float64))
    checked = frozen_floats("weights", given, (given.size,))
    refuse_where("weights", checked, checked < 0, "0 or more")
    if checked.sum() <= 0:
        raise ValueError(f"weights: got {checked.tolist()}, allowed: at least one positive weight")
    return np.asarray(checked / checked.sum(), dtype=np.float64)


def _counts(daily_counts: npt.ArrayLike, variants: int) -> FloatArray:
    given = np.asarray(daily_counts, dtype=np.float64)
    if given.shape == (0,):
        given = given.reshape(0, variants)
    if given.ndim != 2 or given.shape[1] != variants:
        raise ValueError(
            f"daily_counts: got shape {given.shape}, allowed: (days, {variants}), one column per weight"
        )
    counts = frozen_floats("daily_counts", given, given.shape)
    refuse_where("daily_counts", counts, counts < 0, "0 or more units")
    return counts


def _log_bayes_factor(seen: FloatArray, shares: FloatArray, concentration: float) -> FloatArray:
    prior = concentration * shares
    difference = _log_beta(prior + seen) - _log_beta(prior)
    return np.asarray(difference - seen @ np.log(shares), dtype=np.float64)


def _log_beta(parameters: FloatArray) -> FloatArray:
    return np.asarray(special.gammaln(parameters).sum(axis=-1) - special.gammaln(parameters.sum(axis=-1)))
