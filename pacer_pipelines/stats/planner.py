"""What a plan can find, how long it takes, and what its split costs: said before the start."""

import math

from pacer_pipelines.stats.bars import require_design


def smallest_detectable_effect(
    baseline: float,
    n_treatment: float,
    treatment_share: float,
    design_effect: float = 1.0,
    critical: float = 1.96,
    power_z: float = 0.84,
) -> float:
    """Give the smallest true effect that this many treatment units find with the planned power.

    The inverse of `planned_treatment_n`: (critical + power_z) sqrt(p (1 - p) deff / ((1 - s) n)).

    Args:
        baseline: p, control's rate, in (0, 1).
        n_treatment: n >= 0, treatment units with a denominator.
        treatment_share: s, treatment's share of the units, in (0, 1).
        design_effect: deff > 0, variance relative to independent rows.
        critical: bar at full information.
        power_z: normal quantile of the power (0.84 = 80 %).

    Returns:
        Absolute effect (0.03 = 3 points); inf with no unit.

    Raises:
        ValueError: a value outside these ranges.

    References:
        As `planned_treatment_n`.

    Example:
        >>> round(smallest_detectable_effect(baseline=0.6, n_treatment=4181, treatment_share=0.5), 4)
        0.03
    """
    require_design(baseline, treatment_share, design_effect)
    if not n_treatment >= 0:
        raise ValueError(f"n_treatment: got {n_treatment}, allowed: 0 or more")
    if n_treatment == 0:
        return math.inf
    variance = baseline * (1.0 - baseline) * design_effect / ((1.0 - treatment_share) * n_treatment)
    return (critical + power_z) * math.sqrt(variance)


def days_left(n_now: float, n_max: float, n_per_day: float) -> int | None:
    """Give the whole days until the planned size is reached at the present pace.

    Args:
        n_now: treatment units so far.
        n_max: treatment units planned.
        n_per_day: treatment units that a day adds.

    Returns:
        Days, rounded up; 0 when already there; None when it never will be (no pace, or a value that is not
        finite).

    Example:
        >>> days_left(1200, 4181, 300)
        10
        >>> days_left(1200, 4181, 0) is None
        True
    """
    if not all(map(math.isfinite, (n_now, n_max, n_per_day))):
        return None
    if n_now >= n_max:
        return 0
    if n_per_day <= 0:
        return None
    days = (n_max - n_now) / n_per_day
    return math.ceil(days) if math.isfinite(days) else None


def relative_duration(treatment_share: float) -> float:
    """Give how many times longer this split runs than an even one, for the same precision and traffic.

    The variance of a difference is proportional to 1 / (s (1 - s)): 1/4 divided by that product.

    Args:
        treatment_share: s, in (0, 1).

    Returns:
        Factor, 1.0 for an even split.

    Raises:
        ValueError: a share outside (0, 1).

    References:
        As `planned_treatment_n`: its size divided by the share s is the traffic needed.

    Example:
        >>> [round(relative_duration(share), 2) for share in (0.5, 0.3, 0.1)]
        [1.0, 1.19, 2.78]
    """
    if not 0 < treatment_share < 1:
        raise ValueError(f"treatment_share: got {treatment_share}, allowed: a share in (0, 1)")
    return 0.25 / (treatment_share * (1.0 - treatment_share))
