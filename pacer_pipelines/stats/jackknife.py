"""Stratified least squares for many analyses at once, and its refits without each cluster; no loop over coaches.

Each stratum enters with five moments (weight, weighted differences, within-stratum squares), which add up over
strata. So a fit without a cluster is a fit on the total minus what the cluster contributes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import BoolArray, FloatArray, IntArray, summed
from pacer_pipelines.stats.summaries import Strata

# A covariate that explains no more than rounding of its own squares cannot be told from the strata.
_SINGULAR = 1e-10
# One cluster with more of the weight than this: what is left is added up, not subtracted from the total.
_DOMINANT = 0.99
# Subtracting a cluster's own share from a stratum leaves rounding of this order.
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
    kept = np.flatnonzero(comparable[stratum])
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
    useful = total.tt * total.xx - total.tx**2 > _SINGULAR * total.tt * total.xx
    slope = np.where(useful, _solve_slope(total), 0.0) if cells.adjusted else np.zeros(k)
    estimate = (total.ty - slope * total.tx) / total.tt
    changes = _changes(cells, by_stratum, estimate, slope, useful)
    squares = summed(cells.cluster_analysis, changes**2, k)
    g = cells.clusters.astype(np.float64)
    se = np.where(g >= 2, np.sqrt((g - 1) / g * squares), np.nan)
    return Fit(estimate, se, total.tt, slope, changes)


def _changes(
    cells: Cells, by_stratum: Moments, estimate: FloatArray, slope: FloatArray, useful: BoolArray
) -> FloatArray:
    """Estimate without each cluster minus the estimate, shape (clusters,).

    Scores are of residuals: over all strata of an analysis they add up to 0, so without a cluster they are minus
    what the cluster contributes.
    """
    own = _contributions(cells, by_stratum)
    at = cells.cluster_analysis
    tt, tx, xx = (_without_each(part, at, own.tt, cells.analyses) for part in (own.tt, own.tx, own.xx))
    score_t = -(own.ty - estimate[at] * own.tt - slope[at] * own.tx)
    if not cells.adjusted:
        return np.asarray(score_t / tt)
    score_x = -(own.xy - estimate[at] * own.tx - slope[at] * own.xx)
    determinant = tt * xx - tx**2
    adjusted = (xx * score_t - tx * score_x) / determinant
    # without this cluster the covariate tells nothing any more: the refit has no slope
    plain = (score_t + slope[at] * tx) / tt
    solvable = determinant > _SINGULAR * tt * xx
    return np.where(useful[at] & solvable, adjusted, np.where(useful[at], plain, score_t / tt))


def _contributions(cells: Cells, by_stratum: Moments) -> Moments:
    """What each cluster contributes: its strata as they are, minus as they would be without its rows."""
    left = Sums(
        *(
            _rest(total[:, cells.row_stratum], row)
            for total, row in zip(cells.totals, cells.rows, strict=True)
        )
    )
    without = _moments(left, cells.adjusted)
    size = cells.cluster_analysis.size
    return Moments(
        *(
            summed(cells.row_cluster, full[cells.row_stratum] - rest, size)
            for full, rest in zip(by_stratum, without, strict=True)
        )
    )


def _rest(total: FloatArray, own: FloatArray) -> FloatArray:
    rest = total - own
    return np.where(np.abs(rest) <= _EMPTY * np.abs(total), 0.0, rest)


def _without_each(own: FloatArray, at: IntArray, weight: FloatArray, analyses: int) -> FloatArray:
    """Total of an analysis minus each cluster's own part.

    Beside a cluster with nearly all the weight, subtracting leaves rounding: there the others are added up.
    """
    dominant = weight > _DOMINANT * summed(at, weight, analyses)[at]
    others = summed(at, np.where(dominant, 0.0, own), analyses)
    return np.where(dominant, others[at], summed(at, own, analyses)[at] - own)


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
