"""The alarm bar: an interval around an effect that holds on every day at once, and its p-value."""

import math

from scipy import special

from pacer_pipelines.stats.bars import require
from pacer_pipelines.stats.tails import student_value

_ALARM_N_OPT = 300.0
# One alarm metric at 5 % one-sided: a = 2 * 0.05 / 1.
_ALARM_ALPHA = 0.10
# a^2 below this is no longer a normal double.
_SMALLEST_ALPHA = 1e-150


def alarm_multiplier(n: float, n_opt: float = _ALARM_N_OPT, alpha: float = _ALARM_ALPHA) -> float:
    """Give the number of standard errors in the half-width of an interval that is valid on every day at once.

    sqrt((1 + r) / r * (2 ln(1 / a) + ln(1 + r))), with r = r* n / n_opt and r* = -W_-1(-a^2 / e) - 1.

    Args:
        n: information so far: treatment units, or the effective size of a comparison whose split changed.
        n_opt: the n, in the same unit, at which the interval is tightest, positive.
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
    require("n", n, n >= 0, "0 or more")
    require("n_opt", n_opt, n_opt > 0, "a positive number")
    require("alpha", alpha, _SMALLEST_ALPHA <= alpha < 1, "a level in (0, 1)")
    r = _tuned_ratio(n, n_opt, alpha)
    if r <= 0:
        return math.inf
    return math.sqrt((1.0 + r) / r * (2.0 * math.log(1.0 / alpha) + math.log1p(r)))


def alarm_half_width(se: float, n: float, n_opt: float = _ALARM_N_OPT, alpha: float = _ALARM_ALPHA) -> float:
    """Give the half-width of the always-valid interval around an estimate.

    Args:
        se: standard error of the estimate, >= 0, or nan when it is not known.
        n: information so far, in the unit of n_opt.
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


def few_clusters_factor(df: float, alpha: float) -> float:
    """Give how many times wider an interval has to be because its standard error rests on few coaches.

    t_(1 - a/2; df) / Phi^-1(1 - a/2): what Student's distribution asks for at the interval's own level. The
    always-valid interval is asymptotic and knows no degrees of freedom; in simulated worlds with 10 coaches it
    was left in 7.3 % of experiments instead of 5 % (docs/calibration.md).

    Args:
        df: degrees of freedom of the standard error, G - 1.
        alpha: a, the two-sided level of the interval.

    Returns:
        The factor by which to multiply the standard error, above 1; nan for df < 1.

    Raises:
        ValueError: alpha outside (0, 1).

    References:
        Student 1908, Biometrika 6(1), 1-25; t on G - 1 degrees of freedom after a cluster jackknife: MacKinnon,
        Nielsen & Webb 2023, Journal of Applied Econometrics 38(5), 671-694.

    Example:
        >>> [round(few_clusters_factor(df, 0.025), 3) for df in (7, 9, 39, 1000)]
        [1.268, 1.198, 1.04, 1.002]
    """
    require("alpha", alpha, _SMALLEST_ALPHA <= alpha < 1, "a level in (0, 1)")
    z = -float(special.ndtri(alpha / 2.0))
    return student_value(z, df) / z


def alarm_p_value(estimate: float, se: float, n: float, n_opt: float, alpha: float) -> float:
    """Give the always-valid two-sided p-value: at most alpha exactly when the alarm interval leaves out 0.

    a = sqrt(1 + r) exp(-z^2 r / (2 (1 + r))) with z = estimate / se and r as tuned for alpha.

    Args:
        estimate: the effect.
        se: its standard error, > 0, or nan.
        n: information so far, in the unit of n_opt.
        n_opt: the n at which the interval is tightest.
        alpha: the two-sided level that the interval was tuned for.

    Returns:
        p in [0, 1]; 1 before the first unit; nan for a nan se.

    Raises:
        ValueError: a se of 0 or less, or what :func:`alarm_multiplier` refuses.

    References:
        The interval of Waudby-Smith et al. 2024 solved for its level; Johari et al. 2022, Operations Research
        70(3), 1806-1821, on always-valid p-values.

    Example:
        >>> half = alarm_half_width(0.01, 500, 300, 0.05)
        >>> round(alarm_p_value(half, 0.01, 500, 300, 0.05), 6)
        0.05
    """
    multiplier = alarm_multiplier(n, n_opt, alpha)
    if math.isnan(se):
        return math.nan
    require("se", se, se > 0, "a positive number")
    if math.isinf(multiplier):
        return 1.0
    r = _tuned_ratio(n, n_opt, alpha)
    exponent = 0.5 * math.log1p(r) - (estimate / se) ** 2 * r / (2.0 * (1.0 + r))
    return math.exp(min(exponent, 0.0))


def _tuned_ratio(n: float, n_opt: float, alpha: float) -> float:
    r_star = -float(special.lambertw(-alpha * alpha / math.e, k=-1).real) - 1.0
    return r_star * n / n_opt
