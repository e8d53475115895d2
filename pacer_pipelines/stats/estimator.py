"""One estimator for every metric: stratified difference in rates, leave-one-coach-out standard error."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from pacer_pipelines.stats.summaries import FloatArray, IntArray, Strata

# Differences of equal rates leave rounding of this order; anything below is "no variation".
_ROUNDING = 1e-12
# Below this tail probability the t distribution is continued in logarithms; doubles end at 1e-308.
_SMALLEST_TAIL = 1e-250


@dataclass(frozen=True, slots=True)
class Effect:
    """Treatment minus control in one metric, and how sure it is.

    Args:
        estimate: weighted mean over strata of (treatment rate - control rate), in units of the rate.
        se: its standard error; nan when it cannot be known: one coach, or amounts that do not vary.
        clusters: G, coaches with both variants in at least one stratum.
        df: degrees of freedom, G - 1.
        t: estimate / se.
        z_star: t on the normal scale, Phi^-1(F_t(t)); compare this with the bars.
        n_control: denominator of control over the strata that enter.
        n_treatment: denominator of treatment over the strata that enter.
        rate_control: pooled rate of control over these strata, for display (of the shifted sums, if shifted).
        rate_treatment: pooled rate of treatment; the difference of the two pooled rates is not the estimate.
        strata: number of strata that enter.
    """

    estimate: float
    se: float
    clusters: int
    df: int
    t: float
    z_star: float
    n_control: float
    n_treatment: float
    rate_control: float
    rate_treatment: float
    strata: int


def estimate_effect(strata: Strata) -> Effect | None:
    """Give the effect of treatment on one metric, compared within coach and phase.

    The estimate is sum(w d) / sum(w) over strata with both variants, with d the difference in rates and
    w = n_A n_B / (n_A + n_B): least squares with stratum fixed effects, equal to the Mantel-Haenszel risk
    difference. The standard error leaves out one coach at a time, all phases at once, and takes
    sqrt((G - 1) / G * sum_g (estimate_(-g) - estimate)^2).

    No failure in few requests is not certainty: if a binary metric shows no variation between coaches, the
    jackknife would give 0 and any difference would look proven; if one variant has seen one outcome only, it
    gives too little. Then the standard error is at least
    sqrt(p_A (1 - p_A) / n_A + p_B (1 - p_B) / n_B) with p = (y + 1) / (n + 2), from the sums as counted,
    before any margin. Amounts (reviews, cards) have no such floor: nan, which passes no bar.

    Args:
        strata: sums per coach and phase; rows without both variants are left out here.

    Returns:
        The effect, positive when treatment's rate is higher; None when no stratum has both variants.

    References:
        Estimate: Greenland & Robins 1985, Biometrics 41(1), 55-68.
        Standard error: the cluster jackknife CV3 of MacKinnon, Nielsen & Webb 2023, Journal of Applied
        Econometrics 38(5), 671-694 (arXiv 2301.04527).
        Floor: p as in Laplace's rule of succession.

    Example:
        >>> import numpy as np
        >>> effect = estimate_effect(Strata(
        ...     cluster=np.array([0, 1, 2]),
        ...     n_control=np.array([100.0, 100.0, 100.0]), y_control=np.array([50.0, 60.0, 70.0]),
        ...     n_treatment=np.array([100.0, 100.0, 100.0]), y_treatment=np.array([55.0, 67.0, 73.0]),
        ...     binary=True,
        ... ))
        >>> f"{effect.estimate:.3f} {effect.se:.4f} {effect.clusters} {effect.z_star:.2f}"
        '0.050 0.0115 3 1.97'
    """
    rows = _sorted_rows(strata.overlapping())
    if rows.cluster.size == 0:
        return None
    _, coach = np.unique(rows.cluster, return_inverse=True)
    clusters = int(coach.max()) + 1
    rates = (rows.y_control / rows.n_control, rows.y_treatment / rows.n_treatment)
    weight = rows.n_control * (rows.n_treatment / (rows.n_control + rows.n_treatment))
    estimate, se = _jackknife(weight, rates[1] - rates[0], coach, clusters)
    if se <= _ROUNDING * float(np.abs(rates).max()):
        se = _floor_se(rows)
    elif _one_sided(rows):
        se = max(se, _floor_se(rows))
    t = estimate / se
    return Effect(
        estimate=estimate,
        se=se,
        clusters=clusters,
        df=clusters - 1,
        t=t,
        z_star=normal_score(t, clusters - 1),
        n_control=float(rows.n_control.sum()),
        n_treatment=float(rows.n_treatment.sum()),
        rate_control=float(rows.y_control.sum() / rows.n_control.sum()),
        rate_treatment=float(rows.y_treatment.sum() / rows.n_treatment.sum()),
        strata=int(rows.cluster.size),
    )


def normal_score(t: float, df: int) -> float:
    """Give the standard normal value as far in the tail as t is on Student's distribution.

    Finite and increasing for every finite t: where the tail probability is too small for a double, its
    logarithm is taken from the series of the incomplete beta function.

    Args:
        t: a value on Student's t distribution.
        df: its degrees of freedom.

    Returns:
        Phi^-1(F_t(t)), with the sign of t; nan for nan or df < 1.

    References:
        F_t by the incomplete beta function and its series: NIST Handbook of Mathematical
        Functions, 8.17.2 and 8.17.7.

    Example:
        >>> round(normal_score(12.706204736, 1), 4)
        1.96
    """
    if math.isnan(t) or df < 1:
        return math.nan
    tail = float(special.stdtr(df, -abs(t)))
    log_tail = math.log(tail) if tail > _SMALLEST_TAIL else _log_far_tail(abs(t), df)
    return math.copysign(-float(special.ndtri_exp(log_tail)), t)


def _log_far_tail(t: float, df: int) -> float:
    # P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t^2), as x^a / (a B(a, 1/2)) F(a, 1/2; a + 1; x).
    half, root, length = df / 2.0, math.sqrt(df), math.hypot(math.sqrt(df), t)
    series = float(special.hyp2f1(half, 0.5, half + 1.0, (root / length) ** 2))
    log_power = df * (math.log(root) - math.log(length))
    return log_power - math.log(df) - float(special.betaln(half, 0.5)) + math.log(series)


def _sorted_rows(rows: Strata) -> Strata:
    # A fixed order of summation: the order in which a query returns its rows must not change a single bit.
    keys = (rows.y_treatment, rows.n_treatment, rows.y_control, rows.n_control, rows.cluster)
    return rows.take(np.lexsort(keys))


def _jackknife(
    weight: FloatArray, difference: FloatArray, coach: IntArray, clusters: int
) -> tuple[float, float]:
    estimate = float((weight @ difference) / weight.sum())
    if clusters < 2:
        return estimate, math.nan
    by_coach = np.zeros((2, clusters))
    by_coach[0] = np.bincount(coach, weight, clusters)
    by_coach[1] = np.bincount(coach, weight * (difference - estimate), clusters)
    changes = _sum_of_others(by_coach[1]) / _sum_of_others(by_coach[0])
    return estimate, math.sqrt((clusters - 1) / clusters * float(changes @ changes))


def _sum_of_others(values: FloatArray) -> FloatArray:
    # Added up, not total minus own: beside one coach with nearly all the weight, subtracting leaves rounding.
    before = np.concatenate(([0.0], np.cumsum(values)[:-1]))
    after = np.concatenate((np.cumsum(values[::-1])[::-1][1:], [0.0]))
    return before + after


def _one_sided(rows: Strata) -> bool:
    """Whether a binary metric has only one outcome in some variant, so that its spread is not seen yet."""
    if rows.counted_control is None:
        return False
    pairs = ((rows.n_control, rows.counted_control), (rows.n_treatment, rows.y_treatment))
    return any(float(y.sum()) in (0.0, float(n.sum())) for n, y in pairs)


def _floor_se(rows: Strata) -> float:
    if rows.counted_control is None:
        return math.nan
    variance = 0.0
    for n, y in ((rows.n_control, rows.counted_control), (rows.n_treatment, rows.y_treatment)):
        total = float(n.sum())
        p = (float(y.sum()) + 1.0) / (total + 2.0)
        variance += p * (1.0 - p) / total
    return math.sqrt(variance)
