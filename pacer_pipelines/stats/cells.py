"""Rows of many analyses in one fixed order, with positions instead of labels, and the totals of their strata."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import BoolArray, FloatArray, IntArray, summed
from pacer_pipelines.stats.summaries import Strata


class Sums(NamedTuple):
    """Sums of n, y, x, x squared and x y; each of shape (2, rows), control first."""

    n: FloatArray
    y: FloatArray
    x: FloatArray
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


def cells_of(strata: Strata, analysis: IntArray, analyses: int) -> Cells:
    """Give the rows that can be compared, sorted: the order in which they came must not change a single bit.

    Args:
        strata: rows of all analyses.
        analysis: the analysis of each row, shape (S,).
        analyses: how many analyses there are.

    Raises:
        ValueError: labelled rows that name a cluster and stratum twice in one analysis.
    """
    order = _order(_sort_keys(strata, analysis))
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


def _order(keys: tuple[FloatArray | IntArray, ...]) -> npt.NDArray[np.intp]:
    """As np.lexsort, in half the time: rows are compared by the other keys only where the last three tie."""
    order = np.lexsort(keys[-3:])
    sorted_keys = [key[order] for key in keys[-3:]]
    same = np.logical_and.reduce([key[1:] == key[:-1] for key in sorted_keys])
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same)) if order.size else order
    rows = order[tied]
    order[tied] = rows[np.lexsort([key[rows] for key in keys])]
    return order


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
