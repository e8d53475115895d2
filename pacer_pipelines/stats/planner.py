"""What a plan can find, how long it takes, and what its split costs: said before the start."""

import math

from scipy import special

from pacer_pipelines.stats.bars import planned_treatment_n, require_design
from pacer_pipelines.stats.tails import student_value

# from here on a noncentral t is its noncentrality over a chi: the two differ by less than 1 in 5,000
_FAR = 100.0


def critical_value(alpha: float) -> float:
    """Give the bar at full information that belongs to an error rate.

    -Phi^-1(alpha / 2), rounded to two decimals as the design was simulated.

    Args:
        alpha: one-sided chance to promote a worthless treatment, for the whole experiment, in (0, 1).

    Returns:
        The bar, positive for every alpha that a plan can name (0.2 at most).

    Raises:
        ValueError: alpha outside (0, 1).

    References:
        O'Brien & Fleming 1979, as `promote_bar`: the reflection principle halves alpha.

    Example:
        >>> critical_value(0.05)
        1.96
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: got {alpha}, allowed: a level in (0, 1)")
    return round(-float(special.ndtri(alpha / 2.0)), 2)


def planned_effective_n(
    baseline: float,
    smallest_effect: float,
    design_effect: float = 1.0,
    critical: float = 1.96,
    power_z: float = 0.84,
) -> float:
    """Give the effective sample size at which the smallest effect of interest is found with the planned power.

    W = (critical + power_z)^2 p (1 - p) deff / delta^2, to be compared with the sum of
    n_A n_B / (n_A + n_B) over the strata. For a constant share s it is planned_treatment_n * (1 - s), and
    unlike that number it does not depend on s: a ramp needs no pooled share.

    Args:
        baseline: p, control's rate, in (0, 1).
        smallest_effect: delta > 0, absolute (0.03 = 3 points).
        design_effect: deff > 0, variance relative to independent rows.
        critical: bar at full information, positive.
        power_z: normal quantile of the power, >= 0 (0.84 = 80 %).

    Returns:
        Effective units (harmonic: two variants of n each are n / 2); not rounded.

    Raises:
        ValueError: a value outside these ranges.

    References:
        Lachin 1981, as `planned_treatment_n`; the weights n_A n_B / (n_A + n_B) are those of the estimator.

    Example:
        >>> round(planned_effective_n(baseline=0.6, smallest_effect=0.03))
        2091
    """
    even = planned_treatment_n(baseline, smallest_effect, 0.5, design_effect, critical, power_z)
    return even * 0.5


def effective_per_day(rated_per_day: float, treatment_share: float) -> float:
    """Give the effective units that a day of ratings adds: n s (1 - s).

    Args:
        rated_per_day: n >= 0, rated requests of both variants together.
        treatment_share: s, treatment's share of them, in [0, 1].

    Returns:
        Effective units per day, at most a quarter of the ratings; 0 when one variant gets nothing.

    Raises:
        ValueError: a value outside these ranges.

    References:
        As `planned_effective_n`: n_A n_B / (n_A + n_B) with n_B = s n.

    Example:
        >>> effective_per_day(rated_per_day=800, treatment_share=0.1)
        72.0
    """
    if not (rated_per_day >= 0 and math.isfinite(rated_per_day)):
        raise ValueError(f"rated_per_day: got {rated_per_day}, allowed: 0 or more")
    if not 0 <= treatment_share <= 1:
        raise ValueError(f"treatment_share: got {treatment_share}, allowed: a share in [0, 1]")
    return rated_per_day * treatment_share * (1.0 - treatment_share)


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


def detectable_with_error(se: float, bar: float, df: float, power: float = 0.8) -> float:
    """Give the smallest true effect that passes a bar with a power, from the standard error that was seen.

    The bar is on the normal scale, as z* is; with few clusters it is much farther out on Student's. The effect over its
    standard error is then noncentral t: delta = se * nc with F_t(t_bar; df, nc) = 1 - power.

    Args:
        se: standard error of the effect, > 0.
        bar: the bar of that look, > 0.
        df: degrees of freedom of the standard error, >= 1.
        power: chance to pass, in (0, 1).

    Returns:
        Absolute effect; inf where the bar is beyond every finite value.

    Raises:
        ValueError: a value outside these ranges.

    References:
        Noncentral t: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.6.4 and 7.2.2.2 (power of a t test).

    Example:
        >>> round(detectable_with_error(se=0.01, bar=1.96, df=1e6), 4)
        0.028
        >>> round(detectable_with_error(se=0.01, bar=1.96, df=7), 4)
        0.0327
    """
    for name, value, allowed in (("se", se, se > 0), ("bar", bar, bar > 0), ("df", df, df >= 1)):
        if not (allowed and math.isfinite(value)):
            raise ValueError(f"{name}: got {value}, allowed: positive, and df at least 1")
    if not 0 < power < 1:
        raise ValueError(f"power: got {power}, allowed: above 0 and below 1")
    far = student_value(bar, df)
    if far <= _FAR:
        return se * float(special.nctdtrinc(df, 1.0 - power, far))
    # so far out the error of the standard error is all that counts, and scipy's search for nc does not end
    return se * far * math.sqrt(float(special.chdtri(df, 1.0 - power)) / df)


def days_left(n_now: float, n_max: float, n_per_day: float) -> int | None:
    """Give the whole days until the planned size is reached at the present pace.

    The three sizes share one unit, whichever it is: effective units (`planned_effective_n`) or treatment units.

    Args:
        n_now: size so far.
        n_max: size planned.
        n_per_day: size that a day adds.

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
