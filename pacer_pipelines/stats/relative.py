"""The effect as a share of control's rate, with an interval that agrees with the test against a margin."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacer_pipelines.stats.arrays import FloatArray
from pacer_pipelines.stats.cells import Cells, cells_of
from pacer_pipelines.stats.estimator import NO_VARIATION, smallest_errors
from pacer_pipelines.stats.jackknife import Fit, fit
from pacer_pipelines.stats.summaries import Strata


@dataclass(frozen=True, slots=True)
class RelativeEffect:
    """Effect divided by control's rate: 0.05 = treatment 5 % higher.

    Args:
        estimate: effect / control rate, the rate weighted over strata as the effect is; nan for a rate of 0.
        low: lower end of the interval; -inf where control's rate cannot be told from 0.
        high: upper end, inf likewise.
    """

    estimate: float
    low: float
    high: float


def relative_effect(strata: Strata, multiplier: float) -> RelativeEffect | None:
    """Give the effect relative to control, with Fieller's interval at a number of standard errors.

    The interval holds every share m for which "treatment = control (1 + m)" is not refused at this multiplier.
    Where control's rate can be told from 0, its lower end is above -margin exactly when the effect after
    :meth:`Strata.shift_control` by that relative margin is more than this many standard errors above 0; counts of
    one outcome only have the smallest standard error of :func:`estimate_effect` here too.

    Args:
        strata: sums per coach and phase.
        multiplier: half-width in standard errors, >= 0: of an always-valid interval, or of a bar.

    Returns:
        The relative effect; None when no stratum has both variants. The ends are nan with fewer than two
        coaches, or for amounts that do not vary.

    Raises:
        ValueError: a multiplier that is negative or nan.

    References:
        Fieller 1954, JRSS B 16(2), 175-185; variances and covariance from the same leave-one-coach-out refits.

    Example:
        >>> import numpy as np
        >>> strata = Strata(
        ...     np.array([0, 1, 2]), np.full(3, 100.0), np.array([50.0, 60.0, 70.0]),
        ...     np.full(3, 100.0), np.array([55.0, 67.0, 73.0]), binary=True,
        ... )
        >>> found = relative_effect(strata, 1.96)
        >>> [round(value, 3) for value in (found.estimate, found.low, found.high)]
        [0.083, 0.041, 0.139]
    """
    if not multiplier >= 0:
        raise ValueError(f"multiplier: got {multiplier}, allowed: 0 or more")
    comparable = strata.overlapping()
    if comparable.cluster.size == 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = _cells(comparable)
        effect, control = fit(cells), fit(_cells(_control_only(comparable)))
    difference, rate = float(effect.estimate[0]), float(control.estimate[0])
    ratio = difference / rate if rate else math.nan
    least = _least_error(cells, effect, control, strata.counted_control is not None)
    if math.isnan(least):
        return RelativeEffect(ratio, math.nan, math.nan)
    changes = np.array([effect.changes, control.changes])
    spread = (changes[:, None] * changes).sum(axis=2) * (1.0 - 1.0 / changes.shape[1])
    low, high = _fieller(difference, rate, spread, multiplier)
    if math.isfinite(low):
        reach = multiplier * least / abs(rate)
        low, high = min(low, ratio - reach), max(high, ratio + reach)
    return RelativeEffect(ratio, low, high)


def _cells(strata: Strata) -> Cells:
    return cells_of(strata, np.zeros(strata.cluster.size, dtype=np.int64), 1)


def _least_error(cells: Cells, effect: Fit, control: Fit, counted: bool) -> float:
    """Standard error that the effect has at least, as in :func:`estimate_effect`; nan where none is known."""
    if math.isnan(effect.se[0]) or math.isnan(control.se[0]):
        return math.nan
    constant = max(effect.se[0], control.se[0]) <= NO_VARIATION * cells.largest_rate()[0]
    if not counted:
        return math.nan if constant else 0.0
    least, one_sided = smallest_errors(cells, *cells.totals.n.sum(axis=1, keepdims=True))
    return float(least[0]) if constant or one_sided[0] else 0.0


def _fieller(difference: float, rate: float, spread: FloatArray, multiplier: float) -> tuple[float, float]:
    if math.isinf(multiplier):
        return -math.inf, math.inf
    products = np.outer([difference, rate], [difference, rate]) - multiplier**2 * spread
    a, b, c = products[1, 1], products[0, 1], products[0, 0]
    if a <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(b * b - a * c, 0.0))
    return float((b - root) / a), float((b + root) / a)


def _control_only(strata: Strata) -> Strata:
    """Sums whose effect is control's rate: treatment's numerator is 0 and control's is negative."""
    nothing = np.zeros_like(strata.y_treatment)
    sums = strata.covariate
    if sums is not None:
        sums = replace(sums, xy_control=-sums.xy_control, xy_treatment=nothing)
    return replace(
        strata,
        y_control=-strata.y_control,
        y_treatment=nothing,
        binary=False,
        counted_control=None,
        covariate=sums,
    )
