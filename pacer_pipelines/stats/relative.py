"""The effect as a share of control's rate, with an interval that agrees with the test against a margin."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacer_pipelines.stats.arrays import FloatArray
from pacer_pipelines.stats.jackknife import cells_of, fit
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
    Its lower end is above -margin exactly when :meth:`Strata.shift_control` by that relative margin passes.

    Args:
        strata: sums per coach and phase.
        multiplier: half-width in standard errors, >= 0: of an always-valid interval, or of a bar.

    Returns:
        The relative effect; None when no stratum has both variants. nan ends with fewer than two coaches.

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
    difference, changes = _refits(comparable)
    rate, rate_changes = _refits(_control_only(comparable))
    if changes.size < 2:
        return RelativeEffect(_ratio(difference, rate), math.nan, math.nan)
    scale = (changes.size - 1) / changes.size * multiplier**2
    spread = scale * np.array([changes @ changes, changes @ rate_changes, rate_changes @ rate_changes])
    return RelativeEffect(_ratio(difference, rate), *_fieller(difference, rate, spread))


def _fieller(difference: float, rate: float, spread: FloatArray) -> tuple[float, float]:
    a, b, c = rate**2 - spread[2], difference * rate - spread[1], difference**2 - spread[0]
    if a <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max(b * b - a * c, 0.0))
    return float((b - root) / a), float((b + root) / a)


def _ratio(difference: float, rate: float) -> float:
    return difference / rate if rate else math.nan


def _refits(strata: Strata) -> tuple[float, FloatArray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = fit(cells_of(strata, np.zeros(strata.cluster.size, dtype=np.int64), 1))
    return float(fitted.estimate[0]), fitted.changes


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
