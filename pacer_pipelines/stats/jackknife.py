"""Stratified least squares for many analyses at once, and its refits without each cluster; no loop over coaches.

Each stratum enters with five moments (weight, weighted differences, within-stratum squares), which add up over
strata. So a fit without a cluster is a fit on the strata that it does not touch, plus what it leaves of those
that it does.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pacer_pipelines.stats.arrays import BoolArray, FloatArray, summed
from pacer_pipelines.stats.cells import Cells, Sums

# Nearly all that a covariate varies within strata is a difference between the variants: no slope can be told.
_SINGULAR = 1e-10
# One cluster whose strata have more of the weight than this: the others are added up, not subtracted from the total.
_DOMINANT = 0.99
# Subtracting sums from sums leaves rounding of this order.
_EMPTY = 1e-12


class Moments(NamedTuple):
    """What strata (or clusters, or analyses) add to the normal equations; each of shape (rows,).

    ``tt`` weight, ``ty`` weighted difference in rates, ``tx`` in the covariate, ``xx`` and ``xy`` within-stratum
    squares of the covariate and its products with the numerator.
    """

    tt: FloatArray
    ty: FloatArray
    tx: FloatArray
    xx: FloatArray
    xy: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Estimate, jackknife standard error (nan below two clusters), sum of weights and slope per analysis.

    ``changes`` has one value per cluster: the estimate without it, minus the estimate.
    """

    estimate: FloatArray
    se: FloatArray
    weight: FloatArray
    slope: FloatArray
    changes: FloatArray


def fit(cells: Cells) -> Fit:
    """Give the stratified fit of each analysis and its cluster jackknife.

    Args:
        cells: rows and totals; with a covariate when `adjusted`.

    Returns:
        Arrays of shape (analyses,); nan where nothing can be compared.
    """
    at, k = cells.stratum_analysis, cells.analyses
    by_stratum = _moments(cells.totals, cells.adjusted)
    total = Moments(*(summed(at, part, k) for part in by_stratum))
    squares = summed(at, cells.totals.xx.sum(axis=0), k)
    slope = np.where(_tells(total, squares), _solve_slope(total), 0.0) if cells.adjusted else np.zeros(k)
    estimate = (total.ty - slope * total.tx) / total.tt
    changes = _changes(cells, by_stratum, estimate, slope, squares)
    g = cells.clusters.astype(np.float64)
    spread = np.sqrt((g - 1) / g * summed(cells.cluster_analysis, changes**2, k))
    return Fit(estimate, np.where(g >= 2, spread, np.nan), total.tt, slope, changes)


def _changes(
    cells: Cells, by_stratum: Moments, estimate: FloatArray, slope: FloatArray, squares: FloatArray
) -> FloatArray:
    """Estimate without each cluster minus the estimate, shape (clusters,); nan where nothing is left to compare."""
    at = cells.cluster_analysis
    left, moved = _without_each(cells, by_stratum)
    tt = np.where(left.tt > 0, left.tt, np.nan)
    score_t = moved.ty - estimate[at] * moved.tt - slope[at] * moved.tx
    # without this cluster the covariate may tell nothing any more: the refit then has no slope
    plain: FloatArray = (score_t + slope[at] * left.tx) / tt
    if not cells.adjusted:
        return plain
    score_x = moved.xy - estimate[at] * moved.tx - slope[at] * moved.xx
    adjusted = (left.xx * score_t - left.tx * score_x) / (tt * left.xx - left.tx**2)
    return np.where(_tells(left, squares[at]), adjusted, plain)


def _without_each(cells: Cells, by_stratum: Moments) -> tuple[Moments, Moments]:
    """Moments without each cluster, and moments whose scores are the scores without it.

    Scores of residuals add up to 0 over all strata of an analysis, so without a cluster they are minus what the
    cluster contributes. Beside a cluster with nearly all the weight both subtractions would leave rounding: there
    the other strata are added up. A cluster that touches every stratum leaves exactly 0 untouched: both sums go
    through the strata in the same order.
    """
    at, analysis = cells.cluster_analysis, cells.stratum_analysis
    touched, kept = _touched(cells, by_stratum)
    dominant = touched.tt > _DOMINANT * summed(analysis, by_stratum.tt, cells.analyses)[at]
    alone = dominant & (np.bincount(at[dominant], minlength=cells.analyses)[at] == 1)
    aside = np.zeros(analysis.size, dtype=np.bool_)
    aside[cells.row_stratum[alone[cells.row_cluster]]] = True

    def without(full: FloatArray, own: FloatArray, rest: FloatArray) -> tuple[FloatArray, FloatArray]:
        others = summed(analysis, np.where(aside, 0.0, full), cells.analyses)[at]
        untouched = np.where(alone, others, summed(analysis, full, cells.analyses)[at] - own)
        left = untouched + rest
        return left, np.where(alone, left, rest - own)

    parts = list(zip(by_stratum, touched, kept, strict=True))
    pairs = [without(*part) for part in (parts if cells.adjusted else parts[:2])]
    pairs += [(np.zeros(at.size),) * 2] * (len(parts) - len(pairs))
    return Moments(*(pair[0] for pair in pairs)), Moments(*(pair[1] for pair in pairs))


def _touched(cells: Cells, by_stratum: Moments) -> tuple[Moments, Moments]:
    """Moments of the strata that each cluster touches: as they are, and as they would be without its rows."""
    size = cells.cluster_analysis.size
    own = Moments(*(summed(cells.row_cluster, part[cells.row_stratum], size) for part in by_stratum))
    if cells.row_stratum.size == cells.stratum_analysis.size:
        # one row per stratum: nothing is left of the stratum without it
        return own, Moments(*[np.zeros(size)] * len(own))
    left = Sums(
        *(
            _rest(total[:, cells.row_stratum], row)
            for total, row in zip(cells.totals, cells.rows, strict=True)
        )
    )
    return own, Moments(*(summed(cells.row_cluster, part, size) for part in _moments(left, cells.adjusted)))


def _rest(total: FloatArray, own: FloatArray) -> FloatArray:
    rest = total - own
    return np.where(np.abs(rest) <= _EMPTY * np.abs(total), 0.0, rest)


def _tells(moments: Moments, squares: FloatArray) -> BoolArray:
    """Whether a covariate varies within strata by more than rounding of its squares, and within the variants too."""
    varies: BoolArray = moments.xx > _EMPTY * squares
    return varies & (moments.tt * moments.xx - moments.tx**2 > _SINGULAR * moments.tt * moments.xx)


def _moments(sums: Sums, adjusted: bool) -> Moments:
    both = (sums.n > 0).all(axis=0)
    n = np.where(both, sums.n, 1.0)
    weight = np.where(both, n[0] * (n[1] / (n[0] + n[1])), 0.0)
    y = sums.y / n
    difference = y[1] - y[0]
    nothing = np.zeros_like(weight)
    if not adjusted:
        return Moments(weight, weight * difference, nothing, nothing, nothing)
    x = sums.x / n
    along = x[1] - x[0]
    within_x = np.where(both, (sums.xx - x * sums.x).sum(axis=0) + weight * along**2, 0.0)
    within_xy = np.where(both, (sums.xy - x * sums.y).sum(axis=0) + weight * along * difference, 0.0)
    return Moments(weight, weight * difference, weight * along, within_x, within_xy)


def _solve_slope(moments: Moments) -> FloatArray:
    determinant = moments.tt * moments.xx - moments.tx**2
    return np.asarray((moments.tt * moments.xy - moments.tx * moments.ty) / determinant)
