"""Student's tails on the normal scale: one ruler for few coaches and for many."""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from pacer_pipelines.stats.arrays import FloatArray

# Below this tail probability the t distribution is continued in logarithms; doubles end at 1e-308.
_SMALLEST_TAIL = 1e-250


def normal_score(t: float, df: int) -> float:
    """Give the standard normal value as far in the tail as t is on Student's distribution.

    Finite and increasing for every finite t: where the tail probability is too small for a double, its
    logarithm is taken from the series of the incomplete beta function.

    Args:
        t: a value on Student's t distribution.
        df: its degrees of freedom.

    Returns:
        Phi^-1(F_t(t)), with the sign of t; nan for nan or df < 1.

    References:
        F_t by the incomplete beta function and its series: NIST Handbook of Mathematical
        Functions, 8.17.2 and 8.17.7.

    Example:
        >>> round(normal_score(12.706204736, 1), 4)
        1.96
    """
    return float(normal_scores(np.array([t]), np.array([df]))[0])


def normal_scores(t: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Give :func:`normal_score` for many values at once.

    Args:
        t: values on Student's t distribution, shape (K,).
        df: their degrees of freedom, shape (K,).

    Returns:
        Normal values, shape (K,).

    Example:
        >>> normal_scores([0.0, 12.706204736], [4, 1]).round(4).tolist()
        [0.0, 1.96]
    """
    values, freedom = np.asarray(t, dtype=np.float64), np.asarray(df, dtype=np.float64)
    scores = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values) & (freedom >= 1))
    size, freedom = np.abs(values[known]), freedom[known]
    tail = special.stdtr(freedom, -size)
    near = tail > _SMALLEST_TAIL
    log_tail = np.log(np.where(near, tail, 1.0))
    if not near.all():
        log_tail[~near] = _log_far_tail(size[~near], freedom[~near])
    scores[known] = np.copysign(-special.ndtri_exp(log_tail), values[known])
    return scores


def student_value(z: float, df: float) -> float:
    """Give the value on Student's distribution as far in the tail as z is on the normal: the way back.

    Args:
        z: a standard normal value.
        df: degrees of freedom.

    Returns:
        F_t^-1(Phi(z)), with the sign of z; nan for nan or df < 1. Infinite from |z| of 36 or so on, where doubles
        have no tail probability left.

    Example:
        >>> round(student_value(1.959964, 1), 3)
        12.706
    """
    if np.isnan(z) or df < 1:
        return float("nan")
    tail = float(special.ndtr(-abs(z)))
    return math.copysign(-float(special.stdtrit(df, tail)), z)


def _log_far_tail(t: FloatArray, df: FloatArray) -> FloatArray:
    # P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t^2), as x^a / (a B(a, 1/2)) F(a, 1/2; a + 1; x).
    half, root = df / 2.0, np.sqrt(df)
    length = np.hypot(root, t)
    series = special.hyp2f1(half, 0.5, half + 1.0, (root / length) ** 2)
    log_power = df * (np.log(root) - np.log(length))
    return np.asarray(log_power - np.log(df) - special.betaln(half, 0.5) + np.log(series))
