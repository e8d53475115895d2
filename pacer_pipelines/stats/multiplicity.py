"""Many questions at once: p-values corrected for how many were asked."""

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import FloatArray, frozen_floats, refuse_where


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Give p-values that bound the chance of even one false finding among all of them.

    Args:
        p_values: shape (M,), each in [0, 1].

    Returns:
        Adjusted values in [0, 1], in the order given, none below the value it came from.

    Raises:
        ValueError: a value outside [0, 1] or not finite.

    References:
        Holm 1979, Scandinavian Journal of Statistics 6(2), 65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _in_place(np.minimum(steps, 1.0), order)


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Give p-values that bound the expected share of false findings among those reported.

    Args:
        p_values: shape (M,), each in [0, 1].

    Returns:
        Adjusted values in [0, 1], in the order given, none above Holm's.

    Raises:
        ValueError: a value outside [0, 1] or not finite.

    References:
        Benjamini & Hochberg 1995, JRSS B 57(1), 289-300.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    return _in_place(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _checked(p_values: npt.ArrayLike) -> FloatArray:
    given = np.atleast_1d(np.asarray(p_values, dtype=np.float64))
    p = frozen_floats("p_values", given, (given.size,))
    refuse_where("p_values", p, (p < 0) | (p > 1), "0 to 1")
    return p


def _in_place(sorted_values: FloatArray, order: npt.NDArray[np.intp]) -> FloatArray:
    values = np.empty_like(sorted_values)
    values[order] = sorted_values
    return values
