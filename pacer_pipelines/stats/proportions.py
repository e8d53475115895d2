"""Bounds on one proportion, and on the difference of two, that hold at every moment, however often one looks."""

import math

import scipy
from scipy import special

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
    _refuse(hits, trials, alpha, prior)
    mixed = _mixed(hits, trials, prior) + math.log(alpha)
    return _lower(hits, trials - hits, mixed), 1.0 - _lower(trials - hits, hits, mixed)


def difference_evidence(control: tuple[int, int], treatment: tuple[int, int], difference: float) -> float:
    """Give the evidence that treatment's probability exceeds control's by more than a difference.

    The two Bayes factors of :func:`proportion_bounds` multiply to a martingale with mean 1 at the true pair, so the
    smallest product over all pairs with p_B - p_A at the difference or below reaches 1 / alpha with chance alpha at
    most, if that is where the truth lies. Asking both bounds to be apart would need about twice the evidence.

    Args:
        control: hits and trials of A.
        treatment: hits and trials of B.
        difference: p_B - p_A of the null hypothesis, in (-1, 1).

    Returns:
        Natural logarithm of the evidence, for comparison with log(1 / alpha) at any moment; 0 where the
        observed shares do not speak for it.

    Raises:
        ValueError: counts that are impossible, or a difference outside (-1, 1).

    References:
        As :func:`proportion_bounds`; products of two such martingales: Turner & Gruenwald 2023, Stat. Probab. Lett. 198
        (arXiv 2203.09785), safe sequential tests of two proportions.

    Example:
        >>> f"{difference_evidence(control=(2, 310), treatment=(12, 20), difference=0.01):.1f}"
        '24.9'
    """
    for hits, trials in (control, treatment):
        _refuse(hits, trials, 0.5, JEFFREYS)
    if not -1 < difference < 1:
        raise ValueError(f"difference: got {difference}, allowed: above -1 and below 1")
    (k_a, n_a), (k_b, n_b) = control, treatment
    mixed = _mixed(k_a, n_a, JEFFREYS) + _mixed(k_b, n_b, JEFFREYS)
    if not n_a or not n_b or k_b / n_b - k_a / n_a <= difference:
        # the observed shares are a pair that the null allows
        return 0.0

    def evidence(p: float) -> float:
        return mixed - _likelihood(p, k_a, n_a) - _likelihood(p + difference, k_b, n_b)

    edges = (max(0.0, -difference), min(1.0, 1.0 - difference))
    # named in full: it is 20 MB, which scipy loads when it is asked
    found = scipy.optimize.minimize_scalar(evidence, bounds=edges, method="bounded", options={"xatol": 1e-10})
    return float(found.fun)


def difference_lower_bound(control: tuple[int, int], treatment: tuple[int, int], alpha: float) -> float:
    """Give the largest difference that is refuted: p_B - p_A lies above it at all moments with chance 1 - alpha.

    Args:
        control: hits and trials of A.
        treatment: hits and trials of B.
        alpha: chance that the bound is ever wrong, in (0, 1).

    Returns:
        The bound, below the observed difference; positive: B has hits more often. -1 where nothing is refuted.

    Raises:
        ValueError: counts that are impossible, or an alpha outside (0, 1).

    References:
        As :func:`difference_evidence`, turned into bounds.

    Example:
        >>> f"{difference_lower_bound(control=(2, 310), treatment=(12, 20), alpha=0.05):.2f}"
        '0.19'
    """
    for hits, trials in (control, treatment):
        _refuse(hits, trials, alpha, JEFFREYS)
    (k_a, n_a), (k_b, n_b) = control, treatment
    bar, most = -math.log(alpha), 1.0 - 1e-9
    if not n_a or not n_b or difference_evidence(control, treatment, -most) <= bar:
        return -1.0
    seen = k_b / n_b - k_a / n_a
    return float(
        scipy.optimize.brentq(
            lambda at: difference_evidence(control, treatment, at) - bar, -most, min(seen, most)
        )
    )


def _refuse(hits: int, trials: int, alpha: float, prior: tuple[float, float]) -> None:
    if not 0 <= hits <= trials:
        raise ValueError(f"hits: got {hits}, allowed: 0 to {trials} (trials)")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: got {alpha}, allowed: above 0 and below 1")
    if not all(math.isfinite(mass) and mass > 0 for mass in prior):
        raise ValueError(f"prior: got {prior}, allowed: two positive numbers")


def _mixed(hits: int, trials: int, prior: tuple[float, float]) -> float:
    """Logarithm of the mixture's likelihood, B(a + k, b + n - k) / B(a, b)."""
    a, b = prior
    return float(special.betaln(a + hits, b + trials - hits) - special.betaln(a, b))


def _likelihood(p: float, hits: int, trials: int) -> float:
    """Logarithm of p^k (1 - p)^(n - k)."""
    return float(special.xlogy(hits, p) + special.xlog1py(trials - hits, -p))


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
    return math.exp(float(scipy.optimize.brentq(evidence, refuted - 1.0, best, xtol=1e-13)))
