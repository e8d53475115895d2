"""The promote bar: high early, lowest when the planned information is in hand, honest at every look."""

import math

from scipy import special

from pacer_pipelines.stats.tails import student_value


def promote_bar(fraction: float, critical: float = 1.96) -> float:
    """Give the height that z_star must reach to promote at this fraction of the planned information.

    A continuous O'Brien-Fleming bound: information t, bar critical / sqrt(t). By the reflection principle a
    Brownian motion crosses it somewhere in (0, 1] with probability 2 (1 - Phi(critical)), so 1.96 is a
    one-sided 5 % for any number of looks. Past t = 1 it does not fall further: looking on at 1.96 is no
    longer covered.

    Args:
        fraction: t = information / planned information (effective size over planned); above 1 counts as 1,
            0 or less as nothing known yet.
        critical: bar at t = 1, positive.

    Returns:
        The bar, at least `critical`; inf when nothing is known.

    Raises:
        ValueError: a fraction that is nan, or a critical value that is not finite and positive.

    References:
        O'Brien & Fleming 1979, Biometrics 35(3), 549-556; Lan & DeMets 1983, Biometrika 70(3), 659-663.

    Example:
        >>> [round(promote_bar(t), 2) for t in (0.25, 0.5, 0.75, 1.0, 2.0)]
        [3.92, 2.77, 2.26, 1.96, 1.96]
    """
    if math.isnan(fraction):
        raise ValueError("fraction: got nan, allowed: a number")
    require("critical", critical, critical > 0, "a positive number")
    if fraction <= 0:
        return math.inf
    return critical / math.sqrt(min(fraction, 1.0))


def promote_p_value(z_star: float, fraction: float) -> float:
    """Give the one-sided p-value of a look that agrees with the promote bar, however often one looks.

    p = 2 (1 - Phi(z_star sqrt(t))): at most 2 (1 - Phi(critical)), the plan's alpha, exactly when
    z_star >= critical / sqrt(t). It is the chance that a worthless treatment ever gets as far as this.

    Args:
        z_star: the effect on the normal scale, or nan.
        fraction: t = information so far / planned information; above 1 counts as 1.

    Returns:
        p in [0, 1]; 1 with nothing known or a z_star of 0 or less; nan for nan.

    Raises:
        ValueError: a fraction that is nan.

    References:
        Reflection principle, as :func:`promote_bar`.

    Example:
        >>> round(promote_p_value(2.77, 0.5), 3), promote_p_value(-1.0, 0.5)
        (0.05, 1.0)
    """
    if math.isnan(fraction):
        raise ValueError("fraction: got nan, allowed: a number")
    if math.isnan(z_star):
        return math.nan
    if fraction <= 0 or z_star <= 0:
        return 1.0
    return float(2.0 * special.ndtr(-z_star * math.sqrt(min(fraction, 1.0))))


def promote_lower_bound(
    estimate: float, se: float, df: int, fraction: float, critical: float = 1.96
) -> float:
    """Give the effect that the data exceed at the promote bar: above 0 exactly when the bar is passed.

    Args:
        estimate: the effect.
        se: its standard error, >= 0 or nan.
        df: its degrees of freedom, G - 1.
        fraction: t = information so far / planned information.
        critical: bar at t = 1.

    Returns:
        estimate - F_t^-1(Phi(bar)) se; -inf while nothing is known; nan for a nan se or df < 1.

    Raises:
        ValueError: a negative se, or what :func:`promote_bar` refuses.

    References:
        The bar inverted: every effect that a look at this information would not refuse.

    Example:
        >>> round(promote_lower_bound(0.04, 0.01, 23, 0.67), 4)
        0.0142
    """
    if se < 0:
        raise ValueError(f"se: got {se}, allowed: 0 or more")
    bar = promote_bar(fraction, critical)
    if math.isnan(se) or df < 1:
        return math.nan
    return -math.inf if math.isinf(bar) else estimate - student_value(bar, df) * se


def planned_treatment_n(
    baseline: float,
    smallest_effect: float,
    treatment_share: float,
    design_effect: float = 1.0,
    critical: float = 1.96,
    power_z: float = 0.84,
) -> float:
    """Give the treatment units at which the smallest effect of interest is found with the planned power.

    n = (critical + power_z)^2 p (1 - p) deff / ((1 - s) delta^2).

    Args:
        baseline: p, control's rate, in (0, 1).
        smallest_effect: delta > 0, absolute (0.03 = 3 points).
        treatment_share: s, treatment's share of the units, in (0, 1).
        design_effect: deff > 0, variance relative to independent rows.
        critical: bar at full information, positive.
        power_z: normal quantile of the power, >= 0 (0.84 = 80 %).

    Returns:
        Units of treatment with a denominator (rated requests for a rate of rated requests); not rounded.

    Raises:
        ValueError: a value outside these ranges.

    References:
        Two-sample size for unequal shares: Lachin 1981, Controlled Clinical Trials 2(2), 93-113.

    Example:
        >>> round(planned_treatment_n(baseline=0.6, smallest_effect=0.03, treatment_share=0.5))
        4181
    """
    require_design(baseline, treatment_share, design_effect)
    require("smallest_effect", smallest_effect, smallest_effect > 0, "a positive number")
    require("critical", critical, critical > 0, "a positive number")
    require("power_z", power_z, power_z >= 0, "0 or more")
    variance = baseline * (1.0 - baseline) * design_effect
    return (critical + power_z) ** 2 * variance / ((1.0 - treatment_share) * smallest_effect**2)


def require_design(baseline: float, treatment_share: float, design_effect: float) -> None:
    """Refuse a design that cannot be: shared by everything that plans a size.

    Args:
        baseline: control's rate.
        treatment_share: treatment's share of the units.
        design_effect: variance relative to independent rows.

    Raises:
        ValueError: baseline or share outside (0, 1), or a design effect that is not positive.
    """
    require("baseline", baseline, 0 < baseline < 1, "a rate in (0, 1)")
    require("treatment_share", treatment_share, 0 < treatment_share < 1, "a share in (0, 1)")
    require("design_effect", design_effect, design_effect > 0, "a positive number")


def require(name: str, value: float, holds: bool, allowed: str) -> None:
    """Refuse a number that is not finite or does not hold to its range, by name.

    Args:
        name: what the message calls it.
        value: the number.
        holds: whether it is in its range.
        allowed: the range, for the message.

    Raises:
        ValueError: it is not.
    """
    if not (holds and math.isfinite(value)):
        raise ValueError(f"{name}: got {value}, allowed: {allowed}")
