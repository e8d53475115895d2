"""Sums per coach and phase: all that an estimate needs to know about the past."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_SUMS = ("n_control", "y_control", "n_treatment", "y_treatment")


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Numerator and denominator of one metric per stratum (coach x phase) and variant.

    All arrays have shape (S,), are copied and cannot be written to. A coach has one stratum per
    phase.

    Args:
        cluster: index of the coach of each stratum; any integers, equal for the same coach.
        n_control: denominator in control (rated requests, requests, matured cards, ...), finite and >= 0.
        y_control: numerator in control (GOOD, cards, failures, ...), finite, 0 where n_control is 0.
        n_treatment: denominator in treatment.
        y_treatment: numerator in treatment.
        binary: each unit of n adds 0 or 1 to y; then 0 <= y <= n is demanded.
        counted_control: y_control as counted, before a margin shifted it; filled in for binary metrics.

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

    def __post_init__(self) -> None:
        """Copy, freeze and check every array."""
        object.__setattr__(self, "cluster", _cluster_index(self.cluster))
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

    def overlapping(self) -> "Strata":
        """Give only the strata with a denominator in both variants: the others cannot compare anything."""
        return self.take(np.flatnonzero((self.n_control > 0) & (self.n_treatment > 0)))

    def shift_control(self, relative: float = 0.0, absolute: float = 0.0) -> "Strata":
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
        shifted = self.y_control * (1.0 - relative) + absolute * self.n_control
        return Strata(
            cluster=self.cluster,
            n_control=self.n_control,
            y_control=shifted,
            n_treatment=self.n_treatment,
            y_treatment=self.y_treatment,
            counted_control=self.counted_control,
        )

    def take(self, rows: npt.NDArray[np.intp]) -> "Strata":
        """Give the strata at these positions, in this order.

        Args:
            rows: integer positions, each in [0, S).

        Returns:
            Strata with one row for each position.
        """
        return Strata(
            cluster=self.cluster[rows],
            n_control=self.n_control[rows],
            y_control=self.y_control[rows],
            n_treatment=self.n_treatment[rows],
            y_treatment=self.y_treatment[rows],
            binary=self.binary,
            counted_control=None if self.counted_control is None else self.counted_control[rows],
        )


def frozen_floats(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Give a read-only float64 copy, or refuse it by name.

    Args:
        name: what the message calls the array.
        values: numbers of any real type.
        shape: the only shape allowed.

    Returns:
        The copy.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    copied = np.array(values, dtype=np.float64)
    if copied.shape != shape:
        raise ValueError(f"{name}: got shape {copied.shape}, allowed: {shape}")
    refuse_where(name, copied, ~np.isfinite(copied), "finite numbers")
    copied.setflags(write=False)
    return copied


def refuse_where(name: str, values: FloatArray, bad: npt.NDArray[np.bool_], allowed: str) -> None:
    """Refuse an array if any of its values is marked bad, and name the first.

    Args:
        name: what the message calls the array.
        values: the array.
        bad: True where a value is not allowed, same shape.
        allowed: what would have been accepted, for the message.

    Raises:
        ValueError: at least one value is marked.
    """
    if bad.any():
        position = tuple(int(i) for i in np.argwhere(bad)[0])
        where = position[0] if len(position) == 1 else position
        raise ValueError(f"{name}: got {values[position].item()} at {where}, allowed: {allowed}")


def _cluster_index(values: npt.ArrayLike) -> IntArray:
    given = np.asarray(values)
    if given.ndim != 1:
        raise ValueError(f"cluster: got shape {given.shape}, allowed: (S,), one coach index per stratum")
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"cluster: got {given.dtype} values, allowed: integers")
    copied = np.array(given, dtype=np.int64)
    copied.setflags(write=False)
    return copied


def _check_sums(variant: str, n: FloatArray, y: FloatArray, binary: bool) -> None:
    refuse_where(f"n_{variant}", n, n < 0, "n >= 0")
    refuse_where(f"y_{variant}", y, (n == 0) & (y != 0), "y = 0 where n = 0")
    if binary:
        refuse_where(f"y_{variant}", y, (y < 0) | (y > n), "0 <= y <= n for a binary metric")
