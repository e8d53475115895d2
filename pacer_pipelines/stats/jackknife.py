"""Stratified least squares for many analyses at once, and its refits without each cluster; no loop over coaches.

Each stratum enters with five moments (weight, weighted differences, within-stratum squares), which add up over
strata. So a fit without a cluster is a fit on the strata that it does not touch, plus what it leaves of those
that it does.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import BoolArray, FloatArray, IntArray, summed
from pacer_pipelines.stats.summaries import Strata

# Nearly all that a covariate varies within strata is a difference between the variants: no slope can be told.
_SINGULAR = 1e-10
# One cluster whose strata have more of the weight than this: the others are added up, not subtracted from the total.
_DOMINANT = 0.99
# Subtracting sums from sums leaves rounding of this order.
_EMPTY = 1e-12


class Sums(NamedTuple):
    """Sums of n, y, x, x squared and x y; each of shape (2, rows), control first."""

    n: FloatArray
    y: FloatArray
    x: FloatArray
    xx: FloatArray
    xy: FloatArray


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
class Cells:
    """Rows in one fixed order, with positions instead of labels, and the totals of their strata."""

    analyses: int
    rows: Sums
    totals: Sums
    row_stratum: IntArray
    row_cluster: IntArray
    stratum_analysis: IntArray
    cluster_analysis: IntArray
    counted: tuple[FloatArray, FloatArray]
    adjusted: bool

    @property
    def clusters(self) -> IntArray:
        """G of each analysis."""
        return np.bincount(self.cluster_analysis, minlength=self.analyses)

    def largest_rate(self) -> FloatArray:
        """Largest absolute rate of any stratum and variant, per analysis: what rounding is measured by."""
        largest = np.zeros(self.analyses)
        rates: FloatArray = np.maximum(*np.abs(self.totals.y / self.totals.n))
        np.maximum.at(largest, self.stratum_analysis, rates)
        return largest


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


def cells_of(strata: Strata, analysis: IntArray, analyses: int) -> Cells:
    """Give the rows that can be compared, sorted: the order in which they came must not change a single bit.

    Args:
        strata: rows of all analyses.
        analysis: the analysis of each row, shape (S,).
        analyses: how many analyses there are.

    Raises:
        ValueError: labelled rows that name a cluster and stratum twice in one analysis.
    """
    order = np.lexsort(_sort_keys(strata, analysis))
    analysis, sums = analysis[order], _sums(strata, order)
    stratum = _stratum_positions(strata, order, analysis)
    n = np.array([summed(stratum, arm, order.size) for arm in sums.n])
    comparable: BoolArray = (n[0] > 0) & (n[1] > 0)
    kept = np.flatnonzero(comparable[stratum] & (sums.n > 0).any(axis=0))
    if kept.size < order.size:
        order, analysis, sums = order[kept], analysis[kept], Sums(*(part[:, kept] for part in sums))
        _, stratum = np.unique(stratum[kept], return_inverse=True)
    cluster = _runs(analysis, strata.cluster[order])
    counted = (strata.counted_control[order] if strata.counted_control is not None else sums.y[0], sums.y[1])
    return Cells(
        analyses=analyses,
        rows=sums,
        totals=_added(sums, stratum),
        row_stratum=stratum,
        row_cluster=cluster,
        stratum_analysis=_first_of(analysis, stratum),
        cluster_analysis=_first_of(analysis, cluster),
        counted=(summed(analysis, counted[0], analyses), summed(analysis, counted[1], analyses)),
        adjusted=strata.covariate is not None,
    )


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
    the other strata are added up.
    """
    at, analysis = cells.cluster_analysis, cells.stratum_analysis
    touched, kept = _touched(cells, by_stratum)
    dominant = touched.tt > _DOMINANT * summed(analysis, by_stratum.tt, cells.analyses)[at]
    alone = dominant & (np.bincount(at[dominant], minlength=cells.analyses)[at] == 1)
    aside = np.zeros(analysis.size, dtype=np.bool_)
    aside[cells.row_stratum[alone[cells.row_cluster]]] = True
    strata_of_cluster = np.bincount(cells.row_cluster, minlength=at.size)
    everywhere = strata_of_cluster == np.bincount(analysis, minlength=cells.analyses)[at]

    def without(full: FloatArray, own: FloatArray, rest: FloatArray) -> tuple[FloatArray, FloatArray]:
        others = summed(analysis, np.where(aside, 0.0, full), cells.analyses)[at]
        untouched = np.where(alone, others, summed(analysis, full, cells.analyses)[at] - own)
        left = np.where(everywhere, 0.0, untouched) + rest
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


def _sort_keys(strata: Strata, analysis: IntArray) -> tuple[FloatArray | IntArray, ...]:
    """Last key first: by analysis, cluster, then label, or without labels by the sums themselves."""
    if strata.stratum is not None:
        return strata.stratum, strata.cluster, analysis
    keys: tuple[FloatArray, ...] = (
        strata.y_treatment, strata.n_treatment, strata.y_control, strata.n_control,
    )  # fmt: skip
    one = strata.covariate
    if one is not None:
        keys += (
            one.xy_treatment,
            one.xx_treatment,
            one.x_treatment,
            one.xy_control,
            one.xx_control,
            one.x_control,
        )
    return *keys, strata.cluster, analysis


def _sums(strata: Strata, order: npt.NDArray[np.intp]) -> Sums:
    def pair(control: FloatArray, treatment: FloatArray) -> FloatArray:
        return np.array([control[order], treatment[order]])

    counts = pair(strata.n_control, strata.n_treatment), pair(strata.y_control, strata.y_treatment)
    one = strata.covariate
    if one is None:
        return Sums(*counts, *[np.zeros_like(counts[0])] * 3)
    return Sums(
        *counts,
        pair(one.x_control, one.x_treatment),
        pair(one.xx_control, one.xx_treatment),
        pair(one.xy_control, one.xy_treatment),
    )


def _stratum_positions(strata: Strata, order: npt.NDArray[np.intp], analysis: IntArray) -> IntArray:
    """Position of each sorted row's stratum, in the order of analysis and label (or of the rows)."""
    if strata.stratum is None:
        return np.arange(order.size)
    label, cluster = strata.stratum[order], strata.cluster[order]
    same = (np.diff(label) == 0) & (np.diff(cluster) == 0) & (np.diff(analysis) == 0)
    if same.any():
        row = int(np.flatnonzero(same)[0])
        raise ValueError(
            f"cluster and stratum: got {cluster[row]} and {label[row]} twice, allowed: once; merge adds them up"
        )
    by_label = np.lexsort((label, analysis))
    positions = np.empty(order.size, dtype=np.int64)
    positions[by_label] = _runs(analysis[by_label], label[by_label])
    return positions


def _runs(*sorted_keys: IntArray) -> IntArray:
    """Number the runs of equal keys, from 0."""
    starts = np.zeros(sorted_keys[0].size, dtype=np.int64)
    for key in sorted_keys:
        starts[1:] |= key[1:] != key[:-1]
    return np.cumsum(starts)


def _first_of(analysis: IntArray, position: IntArray) -> IntArray:
    """Analysis of each position, from the rows that have it."""
    owner = np.zeros(int(position.max()) + 1 if position.size else 0, dtype=np.int64)
    owner[position] = analysis
    return owner


def _added(sums: Sums, stratum: IntArray) -> Sums:
    size = int(stratum.max()) + 1 if stratum.size else 0
    return Sums(*(np.array([summed(stratum, arm, size) for arm in part]) for part in sums))
