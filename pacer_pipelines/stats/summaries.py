"""Sums per coach and phase: all that an estimate needs to know about the past."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    frozen_floats,
    frozen_labels,
    refuse_where,
    summed,
)

_SUMS = ("n_control", "y_control", "n_treatment", "y_treatment")
# Cauchy-Schwarz holds up to the rounding of sums of squares.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class CovariateSums:
    """What one covariate x adds to the sums: x, x squared, and x times the numerator, per row and variant.

    All arrays have shape (S,), are copied and cannot be written to. x belongs to the unit of the denominator
    (to the student of a rated request, say) and is fixed before the start.

    Args:
        x_control: sum of x over control's units.
        xx_control: sum of x squared, >= 0.
        xy_control: sum of x times the unit's numerator.
        x_treatment: the same in treatment.
        xx_treatment: the same in treatment.
        xy_treatment: the same in treatment.
    """

    x_control: FloatArray
    xx_control: FloatArray
    xy_control: FloatArray
    x_treatment: FloatArray
    xx_treatment: FloatArray
    xy_treatment: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Numerator and denominator of one metric per row and variant; a row is a stratum (coach x phase).

    All arrays have shape (S,), are copied and cannot be written to. Without `stratum` each row is a stratum of
    its own, and a coach has one per phase. With `stratum` a row is what one cluster adds to a stratum: that is
    how students who work with several coaches become clusters within strata of coach x phase.

    Args:
        cluster: who is left out at a time: the coach (or student) of each row; equal for the same one.
        n_control: denominator in control (rated requests, requests, matured cards, ...), finite and >= 0.
        y_control: numerator in control (GOOD, cards, failures, ...), finite, 0 where n_control is 0.
        n_treatment: denominator in treatment.
        y_treatment: numerator in treatment.
        binary: each unit of n adds 0 or 1 to y; then 0 <= y <= n is demanded.
        counted_control: y_control as counted, before a margin shifted it; filled in for binary metrics.
        stratum: label of the stratum that a row belongs to.
        covariate: sums of one covariate, for an adjusted comparison.

    Raises:
        ValueError: an impossible value; the message says what, got, allowed.

    Example:
        >>> import numpy as np
        >>> strata = Strata(
        ...     cluster=np.array([0, 1]),
        ...     n_control=np.array([90.0, 45.0]), y_control=np.array([60.0, 30.0]),
        ...     n_treatment=np.array([10.0, 0.0]), y_treatment=np.array([8.0, 0.0]),
        ...     binary=True,
        ... )
        >>> strata.overlapping().cluster.tolist()
        [0]
    """

    cluster: IntArray
    n_control: FloatArray
    y_control: FloatArray
    n_treatment: FloatArray
    y_treatment: FloatArray
    binary: bool = False
    counted_control: FloatArray | None = field(default=None, repr=False)
    stratum: IntArray | None = None
    covariate: CovariateSums | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Copy, freeze and check every array."""
        object.__setattr__(self, "cluster", frozen_labels("cluster", self.cluster))
        if self.stratum is not None:
            object.__setattr__(self, "stratum", frozen_labels("stratum", self.stratum, self.cluster.shape))
        for name in _SUMS:
            object.__setattr__(self, name, frozen_floats(name, getattr(self, name), self.cluster.shape))
        for variant in ("control", "treatment"):
            _check_sums(variant, getattr(self, f"n_{variant}"), getattr(self, f"y_{variant}"), self.binary)
        if self.binary:
            object.__setattr__(self, "counted_control", self.y_control)
        elif self.counted_control is not None:
            counted = frozen_floats("counted_control", self.counted_control, self.cluster.shape)
            object.__setattr__(self, "counted_control", counted)
            outside = (counted < 0) | (counted > self.n_control)
            refuse_where("counted_control", counted, outside, "0 <= counted_control <= n_control")
        if self.covariate is not None:
            object.__setattr__(self, "covariate", _checked(self.covariate, self.n_control, self.n_treatment))

    def overlapping(self) -> Self:
        """Give only the rows of strata with a denominator in both variants: the others compare nothing."""
        n_control, n_treatment, counts = (
            self.n_control,
            self.n_treatment,
            self.n_control + self.n_treatment > 0,
        )
        if self.stratum is not None:
            _, at = np.unique(self.stratum, return_inverse=True)
            n_control, n_treatment = summed(at, n_control, at.size)[at], summed(at, n_treatment, at.size)[at]
        return self.take(np.flatnonzero(counts & (n_control > 0) & (n_treatment > 0)))

    def shift_control(self, relative: float = 0.0, absolute: float = 0.0) -> Self:
        """Give strata whose control rate is r * (1 - relative) + absolute: how a margin enters a test.

        Args:
            relative: share of control's rate that may be lost (0.10 = 10 %); negative where less is better.
            absolute: added to control's rate, in units of the rate (0.01 = 1 point); negative where more is
                better.

        Returns:
            Strata that are no longer binary (a shifted sum is not a count) and remember what was counted.

        Raises:
            ValueError: a margin that is not finite.

        References:
            Margin as a shifted null hypothesis: Farrington & Manning 1990, Statistics in Medicine 9(12),
            1447-1454.

        Example:
            >>> import numpy as np
            >>> one = np.ones(1)
            >>> strata = Strata(np.array([0]), 100 * one, 60 * one, 50 * one, 30 * one)
            >>> strata.shift_control(relative=0.10).y_control.tolist()
            [54.0]
        """
        for name, margin in (("relative", relative), ("absolute", absolute)):
            if not math.isfinite(margin):
                raise ValueError(f"{name} margin: got {margin}, allowed: a finite number")
        keep, sums = 1.0 - relative, self.covariate
        if sums is not None:
            sums = replace(sums, xy_control=sums.xy_control * keep + absolute * sums.x_control)
        return replace(
            self,
            y_control=self.y_control * keep + absolute * self.n_control,
            binary=False,
            covariate=sums,
        )

    def take(self, rows: npt.NDArray[np.intp]) -> Self:
        """Give the rows at these positions, in this order.

        Args:
            rows: integer positions, each in [0, S).

        Returns:
            Strata with one row for each position.
        """
        return replace(
            self,
            cluster=self.cluster[rows],
            n_control=self.n_control[rows],
            y_control=self.y_control[rows],
            n_treatment=self.n_treatment[rows],
            y_treatment=self.y_treatment[rows],
            counted_control=None if self.counted_control is None else self.counted_control[rows],
            stratum=None if self.stratum is None else self.stratum[rows],
            covariate=None if self.covariate is None else _take(self.covariate, rows),
        )

    def merge(self, other: Self) -> Self:
        """Give the sums of both, as if their units had been summarised together.

        Rows of the same cluster and stratum are added. That is exact for sums that are whole numbers below
        2^53, as counts are.

        Args:
            other: sums of the same metric over other units.

        Returns:
            One row per cluster and stratum, in this order.

        Raises:
            ValueError: rows without a stratum label, or sums of another kind (binary, shifted, covariate).

        Example:
            >>> import numpy as np
            >>> label, one = np.array([7]), np.ones(1)
            >>> day = Strata(label, 9 * one, 6 * one, 1 * one, 1 * one, binary=True, stratum=label)
            >>> both = day.merge(day)
            >>> (both.cluster.tolist(), both.n_control.tolist(), both.y_treatment.tolist())
            ([7], [18.0], [2.0])
        """
        if self.stratum is None or other.stratum is None:
            raise ValueError(
                "stratum: got no labels, allowed: a label per row, to know what belongs together"
            )
        if _kind(self) != _kind(other):
            raise ValueError(f"sums to merge: got {_kind(self)} and {_kind(other)}, allowed: the same kind")
        labels = np.concatenate([[self.cluster, self.stratum], [other.cluster, other.stratum]], axis=1)
        (cluster, stratum), at = np.unique(labels, axis=1, return_inverse=True)

        def added(name: str, one: object, two: object) -> FloatArray:
            both: FloatArray = np.concatenate([getattr(one, name), getattr(two, name)])
            return summed(np.ravel(at), both, cluster.size)

        covariate = None
        if self.covariate is not None:
            names = [item.name for item in fields(CovariateSums)]
            covariate = CovariateSums(*(added(name, self.covariate, other.covariate) for name in names))
        return replace(
            self,
            cluster=cluster,
            stratum=stratum,
            n_control=added("n_control", self, other),
            y_control=added("y_control", self, other),
            n_treatment=added("n_treatment", self, other),
            y_treatment=added("y_treatment", self, other),
            counted_control=None if self.counted_control is None else added("counted_control", self, other),
            covariate=covariate,
        )


def _kind(strata: Strata) -> tuple[str, str]:
    kind = "binary" if strata.binary else "amounts" if strata.counted_control is None else "shifted"
    return kind, "with a covariate" if strata.covariate is not None else "without a covariate"


def _take(sums: CovariateSums, rows: npt.NDArray[np.intp]) -> CovariateSums:
    return CovariateSums(*(getattr(sums, item.name)[rows] for item in fields(CovariateSums)))


def _check_sums(variant: str, n: FloatArray, y: FloatArray, binary: bool) -> None:
    refuse_where(f"n_{variant}", n, n < 0, "n >= 0")
    refuse_where(f"y_{variant}", y, (n == 0) & (y != 0), "y = 0 where n = 0")
    if binary:
        refuse_where(f"y_{variant}", y, (y < 0) | (y > n), "0 <= y <= n for a binary metric")


def _checked(sums: CovariateSums, n_control: FloatArray, n_treatment: FloatArray) -> CovariateSums:
    names = [item.name for item in fields(CovariateSums)]
    frozen = CovariateSums(*(frozen_floats(name, getattr(sums, name), n_control.shape) for name in names))
    for variant, n in (("control", n_control), ("treatment", n_treatment)):
        x, xx, xy = (getattr(frozen, f"{stem}_{variant}") for stem in ("x", "xx", "xy"))
        empty: BoolArray = n == 0
        for stem, values in (("x", x), ("xx", xx), ("xy", xy)):
            refuse_where(f"{stem}_{variant}", values, empty & (values != 0), f"{stem} = 0 where n = 0")
        refuse_where(f"xx_{variant}", xx, x * x > n * xx * (1 + _ROUNDING), "x^2 <= n * xx (Cauchy-Schwarz)")
    return frozen
