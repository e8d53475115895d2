"""From single units to sums: what the warehouse does in SQL, for a notebook or a test."""

import math

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import (
    FloatArray,
    IntArray,
    frozen_floats,
    frozen_labels,
    refuse_where,
    summed,
)
from pacer_pipelines.stats.summaries import CovariateSums, Strata


def summarise(
    cluster: npt.ArrayLike,
    stratum: npt.ArrayLike,
    treated: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    n: npt.ArrayLike | None = None,
    x: npt.ArrayLike | None = None,
    winsorise_at: float | None = None,
    binary: bool = False,
) -> Strata:
    """Give the sums of units: one labelled row per cluster and stratum, ready to merge and to estimate.

    Args:
        cluster: whom to leave out at a time (coach or student) per unit, integers of shape (U,).
        stratum: label of the unit's stratum (coach x phase), integers of shape (U,).
        treated: 0 in control, 1 in treatment, shape (U,).
        y: numerator of each unit, shape (U,); 0 or 1 for a binary metric.
        n: denominator of each unit, >= 0; 1 if not given. Other values make a ratio metric.
        x: a covariate of each unit, fixed before the start.
        winsorise_at: values of y above this count as this; for skewed amounts (latency, cost, tokens).
        binary: y is 0 or 1 per unit of n.

    Returns:
        Labelled strata.

    Raises:
        ValueError: shapes that differ, values that are not finite, a treated that is neither 0 nor 1, a
            covariate for units whose n is not 1, a binary y that is not, or what :class:`Strata` refuses.

    References:
        Winsorised means: Tukey 1962, Annals of Mathematical Statistics 33(1), 1-67.

    Example:
        >>> sums = summarise([0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1], [40.0, 9000.0, 50.0, 60.0], winsorise_at=1000)
        >>> sums.y_treatment.tolist()
        [1000.0, 60.0]
    """
    owner = frozen_labels("cluster", cluster)
    label, arm = (
        frozen_labels(name, given, owner.shape)
        for name, given in (("stratum", stratum), ("treated", treated))
    )
    refuse_where("treated", arm, (arm != 0) & (arm != 1), "0 or 1")
    size = frozen_floats("n", np.ones(owner.shape) if n is None else n, owner.shape)
    value = frozen_floats("y", y, owner.shape)
    if binary:
        possible = (value >= 0) & (value <= size) & (value == np.rint(value))
        refuse_where("y", value, ~possible, "0 or 1 per unit of n for a binary metric")
    if winsorise_at is not None:
        if not math.isfinite(winsorise_at):
            raise ValueError(f"winsorise_at: got {winsorise_at}, allowed: a finite number")
        value = np.minimum(value, winsorise_at)
    rows, at = np.unique(np.array([owner, label]), axis=1, return_inverse=True)
    place: IntArray = np.ravel(at)

    def both(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return (
            summed(place, np.where(arm == 0, values, 0.0), rows.shape[1]),
            summed(place, np.where(arm == 1, values, 0.0), rows.shape[1]),
        )

    covariate = None
    if x is not None:
        refuse_where("n", size, size != 1, "1 per unit when there is a covariate")
        along = frozen_floats("x", x, owner.shape)
        sums = [both(part) for part in (along, along * along, along * value)]
        covariate = CovariateSums(*(pair[0] for pair in sums), *(pair[1] for pair in sums))
    (n_control, n_treatment), (y_control, y_treatment) = both(size), both(value)
    return Strata(
        rows[0],
        n_control,
        y_control,
        n_treatment,
        y_treatment,
        binary=binary,
        stratum=rows[1],
        covariate=covariate,
    )
