"""How much two ratings of one student resemble each other: what a split by student has to pay for."""

import math

import numpy as np
import numpy.typing as npt


def rating_correlation(cell: npt.ArrayLike, n: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Give the correlation of two ratings of one student under one coach and variant.

    The analysis-of-variance estimator for binary data, around the rate of each cell:
    (MSB - MSW) / (MSB + (m - 1) MSW), MSB between and MSW within students, m the size of an average student.

    Args:
        cell: coach x variant of each student, as integers, shape (students,).
        n: ratings of each student there, above 0, same shape.
        y: GOOD ones among them, 0 to n, same shape.

    Returns:
        Correlation below 1; a little under 0 by chance when there is none; nan when it cannot be told (no two
        students in a cell, nobody rated twice, or all ratings alike).

    Raises:
        ValueError: arrays of different shapes, an n that is not positive, a y outside 0 to n.

    References:
        Ridout, Demetrio & Firth 1999, Biometrics 55(1), 137-148, analysis-of-variance estimator; Fleiss, Levin &
        Paik 2003, Statistical Methods for Rates and Proportions, section 15.2.

    Example:
        >>> round(rating_correlation(cell=[0, 0, 0], n=[4, 4, 4], y=[4, 3, 0]), 3)
        0.75
        >>> round(rating_correlation(cell=[0, 0], n=[2, 2], y=[1, 1]), 3)
        -1.0
    """
    cells, n_of, y_of = _checked(cell, n, y)
    names, index = np.unique(cells, return_inverse=True)
    between_df, within_df = index.size - names.size, float(n_of.sum()) - index.size
    if between_df <= 0 or within_df <= 0:
        return math.nan
    totals = np.bincount(index, weights=n_of)
    centre = (np.bincount(index, weights=y_of) / totals)[index]
    rates = y_of / n_of
    between = float(np.sum(n_of * (rates - centre) ** 2)) / between_df
    within = float(np.sum(n_of * rates * (1.0 - rates))) / within_df
    size = float(n_of.sum() - np.sum(n_of**2 / totals[index])) / between_df
    whole = between + (size - 1.0) * within
    return (between - within) / whole if whole > 0 else math.nan


def _checked(
    cell: npt.ArrayLike, n: npt.ArrayLike, y: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    cells, n_of = np.asarray(cell, dtype=np.int64), np.asarray(n, dtype=np.float64)
    y_of = np.asarray(y, dtype=np.float64)
    if not cells.shape == n_of.shape == y_of.shape or cells.ndim != 1:
        raise ValueError("cell, n, y: got different shapes, allowed: one entry per student in each")
    if not np.all((n_of > 0) & (y_of >= 0) & (y_of <= n_of)):
        raise ValueError("n, y: got a student outside 0 <= y <= n, n > 0, allowed: counts of ratings")
    return cells, n_of, y_of
