"""Sample ratio mismatch: did the traffic arrive in the shares that the flag promised?"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from pacer_pipelines.stats.summaries import FloatArray, frozen_floats, refuse_where


@dataclass(frozen=True, slots=True, eq=False)
class SrmResult:
    """What the sequential test says after the last day.

    Args:
        p_value: smallest p of all days so far: valid however often it is read; 1.0 before the first day.
        counts: units per variant over all days, shape (V,).
        expected: the same total split by the weights, shape (V,).
        p_by_day: p_value as it stood after each day, shape (D,), never rising.
    """

    p_value: float
    counts: FloatArray
    expected: FloatArray
    p_by_day: FloatArray


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
    p_of_day = np.exp(-np.maximum(log_bf, 0.0))
    p_of_day[(seen[:, ~planned] > 0).any(axis=1)] = 0.0
    p_by_day = np.minimum.accumulate(p_of_day)
    total = counts.sum(axis=0)
    return SrmResult(
        p_value=float(p_by_day[-1]) if p_by_day.size else 1.0,
        counts=total,
        expected=total.sum() * shares,
        p_by_day=p_by_day,
    )


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
