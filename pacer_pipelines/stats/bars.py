"""Two bars: the promote bar, that rises early, and the alarm bar, that holds on every day."""

import math

from scipy import special

_ALARM_N_OPT = 300.0
# One alarm metric at 5 % one-sided: a = 2 * 0.05 / 1.
_ALARM_ALPHA = 0.10
# a^2 below this is no longer a normal double.
_SMALLEST_ALPHA = 1e-150


def promote_bar(fraction: float, critical: float = 1.96) -> float:
    """Give the height that z_star must reach to promote at this fraction of the planned information.

    A continuous O'Brien-Fleming bound: information t, bar critical / sqrt(t). By the reflection principle a
    Brownian motion crosses it somewhere in (0, 1] with probability 2 (1 - Phi(critical)), so 1.96 is a
    one-sided 5 % for any number of looks. Past t = 1 it does not fall further: looking on at 1.96 is no
    longer covered.

    Args:
        fraction: t = n_treatment / planned n_treatment; above 1 counts as 1, 0 or less as nothing known yet.
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
    _require("critical", critical, critical > 0, "a positive number")
    if fraction <= 0:
        return math.inf
    return critical / math.sqrt(min(fraction, 1.0))


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
    _require("smallest_effect", smallest_effect, smallest_effect > 0, "a positive number")
    _require("critical", critical, critical > 0, "a positive number")
    _require("power_z", power_z, power_z >= 0, "0 or more")
    variance = baseline * (1.0 - baseline) * design_effect
    return (critical + power_z) ** 2 * variance / ((1.0 - treatment_share) * smallest_effect**2)


def alarm_multiplier(n: float, n_opt: float = _ALARM_N_OPT, alpha: float = _ALARM_ALPHA) -> float:
    """Give the number of standard errors in the half-width of an interval that is valid on every day at once.

    sqrt((1 + r) / r * (2 ln(1 / a) + ln(1 + r))), with r = r* n / n_opt and r* = -W_-1(-a^2 / e) - 1.

    Args:
        n: treatment units seen so far (rated requests for the primary metric).
        n_opt: the n at which the interval is tightest, positive.
        alpha: a, the two-sided level: 2 * one-sided alpha / number of alarm metrics.

    Returns:
        The multiplier; inf before the first unit.

    Raises:
        ValueError: n below 0, n_opt not positive, alpha outside (0, 1).

    References:
        Waudby-Smith et al. 2024, Annals of Statistics 52(6), 2613-2640 (arXiv 2103.06476), asymptotic
        confidence sequence and its tuning; Howard et al. 2021, Annals of Statistics 49(2), 1055-1080 (arXiv
        1810.08240).

    Example:
        >>> [round(alarm_multiplier(n, 300, 0.10), 2) for n in (50, 300, 2000)]
        [3.19, 2.76, 2.93]
    """
    _require("n", n, n >= 0, "0 or more")
    _require("n_opt", n_opt, n_opt > 0, "a positive number")
    _require("alpha", alpha, _SMALLEST_ALPHA <= alpha < 1, "a level in (0, 1)")
    r_star = -float(special.lambertw(-alpha * alpha / math.e, k=-1).real) - 1.0
    r = r_star * n / n_opt
    if r <= 0:
        return math.inf
    return math.sqrt((1.0 + r) / r * (2.0 * math.log(1.0 / alpha) + math.log1p(r)))


def alarm_half_width(se: float, n: float, n_opt: float = _ALARM_N_OPT, alpha: float = _ALARM_ALPHA) -> float:
    """Give the half-width of the always-valid interval around an estimate.

    Args:
        se: standard error of the estimate, >= 0, or nan when it is not known.
        n: treatment units seen so far.
        n_opt: the n at which the interval is tightest.
        alpha: the two-sided level.

    Returns:
        Half-width in units of the estimate; inf before the first unit; nan for a nan se, so that no
        comparison holds.

    Raises:
        ValueError: a negative se, or what `alarm_multiplier` refuses.

    References:
        As `alarm_multiplier`.

    Example:
        >>> round(alarm_half_width(se=0.02, n=300, n_opt=300, alpha=0.10), 4)
        0.0553
    """
    if se < 0:
        raise ValueError(f"se: got {se}, allowed: 0 or more")
    multiplier = alarm_multiplier(n, n_opt, alpha)
    if math.isnan(se):
        return math.nan
    return math.inf if math.isinf(multiplier) else se * multiplier


def require_design(baseline: float, treatment_share: float, design_effect: float) -> None:
    """Refuse a design that cannot be: shared by everything that plans a size.

    Args:
        baseline: control's rate.
        treatment_share: treatment's share of the units.
        design_effect: variance relative to independent rows.

    Raises:
        ValueError: baseline or share outside (0, 1), or a design effect that is not positive.
    """
    _require("baseline", baseline, 0 < baseline < 1, "a rate in (0, 1)")
    _require("treatment_share", treatment_share, 0 < treatment_share < 1, "a share in (0, 1)")
    _require("design_effect", design_effect, design_effect > 0, "a positive number")


def _require(name: str, value: float, holds: bool, allowed: str) -> None:
    if not (holds and math.isfinite(value)):
        raise ValueError(f"{name}: got {value}, allowed: {allowed}")
