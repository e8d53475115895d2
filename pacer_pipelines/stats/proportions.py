"""Bounds on one proportion that hold at every moment: for a watch that looks each minute."""

import math

from scipy import optimize, special

JEFFREYS = (0.5, 0.5)


def proportion_bounds(
    hits: int, trials: int, alpha: float, prior: tuple[float, float] = JEFFREYS
) -> tuple[float, float]:
    """Give bounds on the probability of a hit that are right at all moments at once with chance 1 - alpha.

    All p that the evidence has not yet refuted: B(a + k, b + n - k) / B(a, b) / (p^k (1 - p)^(n - k)) < 1 / alpha.
    The left side is a Bayes factor of a Beta(a, b) mixture against p, a martingale with mean 1 under p; by Ville's
    inequality it ever reaches 1 / alpha with chance alpha at most. So the sequence may be looked at after every trial
    and stopped at will.

    Args:
        hits: k, in 0..trials.
        trials: n, 0 or more; trials of one probability, one after the other.
        alpha: chance that the bounds ever miss p, in (0, 1).
        prior: a and b of the mixture, positive; any choice is valid, it says where the bounds are narrow.

    Returns:
        Lower and upper bound in [0, 1], around hits / trials; 0 and 1 without a trial.

    Raises:
        ValueError: counts that are impossible, an alpha outside (0, 1), or a prior that is not positive.

    References:
        Robbins 1970, Ann. Math. Statist. 41(5), 1397-1409; Howard, Ramdas, McAuliffe & Sekhon 2021, Ann. Statist.
        49(2), 1055-1080 (arXiv 1810.08240), there the two-sided beta-binomial mixture.

    Example:
        >>> low, high = proportion_bounds(hits=2, trials=310, alpha=0.05)
        >>> f"{low:.4f} {high:.4f}"
        '0.0001 0.0369'
        >>> proportion_bounds(0, 0, 0.05)
        (0.0, 1.0)
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"hits: got {hits}, allowed: 0 to {trials} (trials)")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: got {alpha}, allowed: above 0 and below 1")
    if not all(math.isfinite(mass) and mass > 0 for mass in prior):
        raise ValueError(f"prior: got {prior}, allowed: two positive numbers")
    a, b = prior
    misses = trials - hits
    mixed = float(special.betaln(a + hits, b + misses) - special.betaln(a, b)) + math.log(alpha)
    return _lower(hits, misses, mixed), 1.0 - _lower(misses, hits, mixed)


def _lower(hits: int, misses: int, mixed: float) -> float:
    """The smallest p that is not refuted, found on the scale of log p; ``mixed`` is log(alpha B(...) / B(...))."""
    if hits == 0:
        return 0.0
    # refuted for sure: here p^hits alone is small enough, whatever the misses say
    refuted = mixed / hits
    if misses == 0:
        return math.exp(refuted)

    def evidence(log_p: float) -> float:
        return mixed - hits * log_p - misses * math.log1p(-math.exp(log_p))

    best = math.log(hits / (hits + misses))
    return math.exp(float(optimize.brentq(evidence, refuted - 1.0, best, xtol=1e-13)))
