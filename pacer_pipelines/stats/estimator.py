"""One estimator for every metric: stratified difference in rates, leave-one-coach-out standard error."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from pacer_pipelines.stats.arrays import BoolArray, FloatArray, IntArray, frozen_labels, refuse_where, summed
from pacer_pipelines.stats.cells import Cells, cells_of
from pacer_pipelines.stats.jackknife import Fit, fit
from pacer_pipelines.stats.summaries import Strata
from pacer_pipelines.stats.tails import normal_score, normal_scores

# Differences of equal rates leave rounding of this order, relative to the rates; anything below is no variation.
NO_VARIATION = 1e-12


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
        effective_n: sum over strata of n_A n_B / (n_A + n_B): the information that the comparison has.
        slope: what one unit of the covariate is worth; 0 without one, or where it tells nothing.
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
    effective_n: float
    slope: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Many effects at once: the fields of :class:`Effect` as arrays of shape (K,), and which are known.

    Args:
        known: False where no stratum has both variants; every other field says nothing there.
    """

    known: BoolArray
    estimate: FloatArray
    se: FloatArray
    clusters: IntArray
    df: IntArray
    t: FloatArray
    z_star: FloatArray
    n_control: FloatArray
    n_treatment: FloatArray
    rate_control: FloatArray
    rate_treatment: FloatArray
    strata: IntArray
    effective_n: FloatArray
    slope: FloatArray

    def at(self, position: int) -> Effect | None:
        """Give one of them; None where no stratum has both variants."""
        if not self.known[position]:
            return None
        return Effect(*(getattr(self, item.name)[position].item() for item in fields(Effect)))


def estimate_effect(strata: Strata) -> Effect | None:
    """Give the effect of treatment on one metric, compared within coach and phase.

    The estimate is sum(w d) / sum(w) over strata with both variants, with d the difference in rates and
    w = n_A n_B / (n_A + n_B): least squares with stratum fixed effects, equal to the Mantel-Haenszel risk
    difference. With a covariate it is the same regression with one more column. The standard error leaves
    out one cluster (coach) at a time, all phases at once, refits, and takes
    sqrt((G - 1) / G * sum_g (estimate_(-g) - estimate)^2).

    No failure in few requests is not certainty: if a binary metric shows no variation between coaches, the
    jackknife would give 0 and any difference would look proven; if one variant has seen one outcome only, it
    gives too little. Then the standard error is at least
    sqrt(p_A (1 - p_A) / n_A + p_B (1 - p_B) / n_B) with p = (y + 1) / (n + 2), from the sums as counted,
    before any margin. Amounts (reviews, cards) have no such floor: nan, which passes no bar.

    Args:
        strata: sums per coach and phase; strata without both variants are left out here.

    Returns:
        The effect, positive when treatment's rate is higher; None when no stratum has both variants.

    Raises:
        ValueError: labelled rows that name a cluster and stratum twice.

    References:
        Estimate: Greenland & Robins 1985, Biometrics 41(1), 55-68.
        Standard error: the cluster jackknife CV3 of MacKinnon, Nielsen & Webb 2023, Journal of Applied
        Econometrics 38(5), 671-694 (arXiv 2301.04527).
        Covariate: Deng, Xu, Kohavi & Walker 2013, WSDM, 123-132 (CUPED); Lin 2013, Annals of Applied
        Statistics 7(1), 295-318, on adjusting by regression in experiments.
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
    return estimate_effects(strata, np.zeros(strata.cluster.size, dtype=np.int64), 1).at(0)


def estimate_effects(strata: Strata, analysis: npt.ArrayLike, analyses: int) -> Effects:
    """Give many effects in one call: each exactly, to the bit, what :func:`estimate_effect` gives alone.

    Args:
        strata: rows of all analyses, of one kind (all binary or none).
        analysis: which analysis a row belongs to, shape (S,), each in [0, K).
        analyses: K >= 0, how many there are.

    Returns:
        Arrays of shape (K,).

    Raises:
        ValueError: an analysis outside [0, K), or labelled rows that name a cluster and stratum twice in one.

    References:
        As :func:`estimate_effect`.

    Example:
        >>> import numpy as np
        >>> ten, good = np.full(4, 10.0), np.array([5.0, 6.0, 5.0, 6.0])
        >>> strata = Strata(np.array([0, 1, 0, 1]), ten, good, ten, good + [1, 2, 0, 0], binary=True)
        >>> estimate_effects(strata, [0, 0, 1, 1], 2).estimate.round(2).tolist()
        [0.15, 0.0]
    """
    index = frozen_labels("analysis", analysis, strata.cluster.shape)
    refuse_where("analysis", index, (index < 0) | (index >= analyses), f"0 <= analysis < {analyses}")
    cells = cells_of(strata, index, analyses)
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = fit(cells)
        return _effects(cells, fitted, strata.counted_control is not None)


def cautious_effect(effect: Effect, other: Effect) -> Effect:
    """Give the effect with the larger of two standard errors and the fewer degrees of freedom.

    Where students work with several coaches, leaving out a coach at a time does not leave out whole students, and
    the reverse: both are asked, and the more doubtful answer counts.

    Args:
        effect: clusters are the coaches; what it says of numbers and coaches stays.
        other: the same comparison with other clusters (students).

    Returns:
        The effect; its standard error is nan if either is.

    References:
        The larger of one-way errors as a conservative stand-in for two-way clustering: MacKinnon, Nielsen & Webb
        2023, section 3.5; Cameron, Gelbach & Miller 2011, Journal of Business & Economic Statistics 29(2), 238-249.

    Example:
        >>> coach = Effect(0.02, 0.01, 12, 11, 2.0, 1.8, 900.0, 100.0, 0.4, 0.42, 12, 90.0)
        >>> student = Effect(0.02, 0.02, 400, 399, 1.0, 1.0, 900.0, 100.0, 0.4, 0.42, 12, 90.0)
        >>> cautious = cautious_effect(coach, student)
        >>> cautious.se, cautious.clusters, cautious.t, round(cautious.z_star, 3)
        (0.02, 12, 1.0, 0.957)
    """
    se = max(effect.se, other.se) if not math.isnan(effect.se + other.se) else math.nan
    df = min(effect.df, other.df)
    t = effect.estimate / se if se else math.nan
    return replace(effect, se=se, df=df, t=t, z_star=normal_score(t, df))


def _effects(cells: Cells, fitted: Fit, counted: bool) -> Effects:
    analysis, k = cells.stratum_analysis, cells.analyses
    n_a, n_b = (summed(analysis, arm, k) for arm in cells.totals.n)
    rates = [summed(analysis, arm, k) / n for arm, n in zip(cells.totals.y, (n_a, n_b), strict=True)]
    known = n_a > 0
    se = fitted.se
    constant = se <= NO_VARIATION * cells.largest_rate()
    if counted:
        least, one_sided = smallest_errors(cells, n_a, n_b)
        se = np.where(constant, least, np.where(one_sided, np.maximum(se, least), se))
    else:
        se = np.where(constant, math.nan, se)
    t = fitted.estimate / se
    return Effects(
        known=known,
        estimate=fitted.estimate,
        se=se,
        clusters=cells.clusters,
        df=cells.clusters - 1,
        t=t,
        z_star=normal_scores(t, cells.clusters - 1),
        n_control=n_a,
        n_treatment=n_b,
        rate_control=rates[0],
        rate_treatment=rates[1],
        strata=np.bincount(analysis, minlength=k),
        effective_n=fitted.weight,
        slope=fitted.slope,
    )


def smallest_errors(cells: Cells, n_a: FloatArray, n_b: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Give the smallest standard error that counts allow, and where a variant has seen one outcome only.

    Args:
        cells: rows and totals.
        n_a: denominator of control, per analysis.
        n_b: denominator of treatment.

    Returns:
        Two arrays of shape (analyses,).
    """
    variance, one_sided = np.zeros(cells.analyses), np.zeros(cells.analyses, dtype=np.bool_)
    for n, y in ((n_a, cells.counted[0]), (n_b, cells.counted[1])):
        p = (y + 1.0) / (n + 2.0)
        variance += p * (1.0 - p) / n
        one_sided |= (y == 0.0) | (y == n)
    return np.sqrt(variance), one_sided
