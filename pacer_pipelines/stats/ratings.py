"""Who gets rated: what selection by the coaches can do to the primary metric, and what still holds."""

import math
from dataclasses import dataclass, replace

import numpy as np

from pacer_pipelines.stats.estimator import Effect, estimate_effect
from pacer_pipelines.stats.summaries import Strata


def relative_difference(effect: Effect) -> float:
    """Give an effect as a share of control's pooled rate.

    Args:
        effect: an effect on sums that no margin shifted.

    Returns:
        estimate / rate_control (0.025 = treatment 2.5 % higher); 0 for no effect on a zero rate, else
        infinite there.

    Example:
        >>> effect = Effect(0.02, 0.01, 12, 11, 2.0, 1.8, 900.0, 100.0, 0.4, 0.42, 12, 90.0)
        >>> round(relative_difference(effect), 3)
        0.05
    """
    if effect.rate_control != 0:
        return effect.estimate / effect.rate_control
    return 0.0 if effect.estimate == 0 else math.copysign(math.inf, effect.estimate)


def per_request_bound(good: Strata, bad: Strata, rating_rate_difference: float) -> Effect | None:
    """Give the effect that survives the worst reading of a difference in rating rates.

    If treatment is rated less, its missing ratings may all have been BAD: compare GOOD per request. If it is
    rated more, its additional ratings may hide nothing but GOOD: compare requests without a BAD. For a
    binary outcome these are the signs of Lee's trimming bounds, exactly. Promotion needs this effect to pass
    the same bar.

    Args:
        good: GOOD ratings per request, per coach and phase, on requests old enough to have been rated.
        bad: BAD ratings per request, the same requests.
        rating_rate_difference: rated per request, treatment minus control; 0 counts as rated less.

    Returns:
        The effect, positive in favour of treatment in both cases; its rates are GOOD per request, or
        requests without a BAD per request. None when no stratum has both variants.

    Raises:
        ValueError: a difference that is nan, or sums that are not binary.

    References:
        Lee 2009, Review of Economic Studies 76(3), 1071-1102, proposition 1a; for a binary outcome trimming
        the upper tail removes GOOD, trimming the lower tail removes BAD.

    Example:
        >>> import numpy as np
        >>> coach, requests = np.array([0, 1]), np.array([100, 100])
        >>> good = Strata(coach, requests, np.array([30, 28]), requests, np.array([31, 30]), binary=True)
        >>> bad = Strata(coach, requests, np.array([10, 12]), requests, np.array([14, 15]), binary=True)
        >>> round(per_request_bound(good, bad, -0.02).estimate, 3)
        0.015
        >>> round(per_request_bound(good, bad, +0.05).estimate, 3)
        -0.035
    """
    if math.isnan(rating_rate_difference):
        raise ValueError("rating_rate_difference: got nan, allowed: a number")
    if not (good.binary and bad.binary):
        raise ValueError("good and bad per request: got sums that are not binary, allowed: binary strata")
    if rating_rate_difference <= 0:
        return estimate_effect(good)
    return estimate_effect(_without(bad))


def _without(counts: Strata) -> Strata:
    """Units that did not add to the numerator, of the same strata."""
    sums = counts.covariate
    if sums is not None:
        sums = replace(
            sums,
            xy_control=sums.x_control - sums.xy_control,
            xy_treatment=sums.x_treatment - sums.xy_treatment,
        )
    return replace(
        counts,
        y_control=counts.n_control - counts.y_control,
        y_treatment=counts.n_treatment - counts.y_treatment,
        covariate=sums,
    )


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """How different the unrated requests of treatment would have to be to overturn the sign of the effect.

    Args:
        effect: the effect over all requests if the unrated ones are like the rated ones.
        shift: how much less often (more often, where negative) the unrated requests of treatment would have to be
            GOOD than its rated ones, with control's unrated like its rated; inf when all are rated.
        possible: whether rates between 0 and 1 allow that shift; if not, no missing rating can overturn the sign.
    """

    effect: float
    shift: float
    possible: bool


def tipping_point(rated: Strata, good: Strata) -> TippingPoint | None:
    """Give the difference between unrated and rated requests at which the sign of the effect would turn.

    Per stratum, requests of a variant are its rated ones and its unrated ones; control's unrated are taken to be
    like its rated, treatment's to be `shift` less GOOD. The effect over all requests is then linear in the shift,
    and 0 at effect / (weighted share of treatment's requests that nobody rated).

    Args:
        rated: rated requests (y) of mature requests (n), per coach and phase, binary; each row a stratum.
        good: GOOD (y) of the rated ones (n) of the same strata in the same order, binary.

    Returns:
        The tipping point; None when no stratum has ratings in both variants.

    Raises:
        ValueError: sums that are not binary, strata that do not belong together, or labels that make several rows
            one stratum.

    References:
        Delta adjustment and tipping-point analysis: National Research Council 2010, The Prevention and Treatment
        of Missing Data in Clinical Trials, chapter 5; Cro et al. 2020, Statistics in Medicine 39(21), 2815-2842.

    Example:
        >>> import numpy as np
        >>> coach, hundred = np.array([0, 1]), np.full(2, 100.0)
        >>> rated = Strata(coach, hundred, np.full(2, 50.0), hundred, np.full(2, 40.0), binary=True)
        >>> good = Strata(coach, np.full(2, 50.0), np.full(2, 35.0), np.full(2, 40.0), np.full(2, 31.0), binary=True)
        >>> tip = tipping_point(rated, good)
        >>> f"{tip.effect:.3f} {tip.shift:.3f} {tip.possible}"
        '0.075 0.125 True'
    """
    if not (rated.binary and good.binary):
        raise ValueError("rated and good: got sums that are not binary, allowed: binary strata")
    if rated.stratum is not None and np.unique(rated.stratum).size < rated.stratum.size:
        raise ValueError("stratum: got a label twice, allowed: one row per stratum")
    same = np.array_equal(rated.cluster, good.cluster) and all(
        np.array_equal(getattr(rated, f"y_{variant}"), getattr(good, f"n_{variant}"))
        for variant in ("control", "treatment")
    )
    if not same:
        raise ValueError("good: got denominators that are not the rated of `rated`, allowed: the same strata")
    rows = np.flatnonzero((good.n_control > 0) & (good.n_treatment > 0))
    if rows.size == 0:
        return None
    asked, answered = rated.take(rows), good.take(rows)
    weight = asked.n_control * (asked.n_treatment / (asked.n_control + asked.n_treatment))
    rate = answered.y_treatment / answered.n_treatment
    effect = float(weight @ (rate - answered.y_control / answered.n_control) / weight.sum())
    unrated = weight * (1.0 - asked.y_treatment / asked.n_treatment)
    if unrated.sum() == 0:
        return TippingPoint(effect, math.copysign(math.inf, effect), possible=False)
    shift = float(effect * weight.sum() / unrated.sum())
    mean = float(unrated @ rate / unrated.sum())
    return TippingPoint(effect, shift, possible=0.0 <= mean - shift <= 1.0)
