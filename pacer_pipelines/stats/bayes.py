"""A Bayesian reading of an effect: an answer to "how likely is B better", never an input of a verdict."""

import math
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class Reading:
    """The posterior of an effect under a sceptical normal prior.

    Args:
        mean: posterior mean, between 0 and the estimate.
        sd: posterior standard deviation, below the prior's and the standard error.
        probability_better: P(effect > 0).
        low: lower end of the central 95 % of the posterior.
        high: upper end.
        expected_loss: what choosing treatment costs on average where it is worse, E[max(-effect, 0)].
    """

    mean: float
    sd: float
    probability_better: float
    low: float
    high: float
    expected_loss: float


def bayesian_reading(estimate: float, se: float, prior_sd: float) -> Reading | None:
    """Give the posterior of an effect from the estimate and standard error that the verdict uses.

    Normal likelihood, prior N(0, prior_sd^2): most changes are worth little, and as many harm as help. Read
    daily and stopped at will it promises no error rate; that is what the bars are for.

    Args:
        estimate: the effect.
        se: its standard error, or nan.
        prior_sd: how large effects are before any data, positive: the plan's smallest effect of interest says
            that two of three changes are smaller than it.

    Returns:
        The reading, for an effect where higher is better; None for a se that is nan, 0 or infinite.

    Raises:
        ValueError: a negative se, or a prior_sd that is not positive and finite.

    References:
        Conjugate normal model: Gelman et al., Bayesian Data Analysis, 3rd ed., 2.5. Expected loss: Stucchio
        2015, Bayesian A/B Testing at VWO.

    Example:
        >>> reading = bayesian_reading(estimate=0.04, se=0.0118, prior_sd=0.03)
        >>> f"{reading.probability_better:.4f} {reading.mean:.4f} {reading.low:.3f} {reading.high:.3f}"
        '0.9992 0.0346 0.013 0.056'
    """
    if not (math.isfinite(prior_sd) and prior_sd > 0):
        raise ValueError(f"prior_sd: got {prior_sd}, allowed: a positive number")
    if se < 0:
        raise ValueError(f"se: got {se}, allowed: 0 or more")
    if se == 0 or not math.isfinite(se):
        return None
    shrink = prior_sd**2 / (prior_sd**2 + se**2)
    mean, sd = shrink * estimate, math.sqrt(shrink) * se
    z = mean / sd
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    half = float(special.ndtri(0.975)) * sd
    return Reading(
        mean=mean,
        sd=sd,
        probability_better=float(special.ndtr(z)),
        low=mean - half,
        high=mean + half,
        expected_loss=max(sd * density - mean * float(special.ndtr(-z)), 0.0),
    )
