"""Units that met both variants, or several coaches: how many, and how sure that is."""

import math
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class CrossedShare:
    """Share of units that crossed, with its exact 95 % interval; nan, 0 and 1 without any unit."""

    share: float
    low: float
    high: float


def crossed_share(crossed: float, units: float) -> CrossedShare:
    """Give the share of units that met what they should not have met twice.

    Args:
        crossed: units with a second variant (or coach) within a phase, a whole number.
        units: all units, a whole number.

    Returns:
        The share and its interval.

    Raises:
        ValueError: unless 0 <= crossed <= units, both whole and finite.

    References:
        Clopper & Pearson 1934, Biometrika 26(4), 404-413, by quantiles of the beta distribution.

    Example:
        >>> found = crossed_share(3, 400)
        >>> f"{found.share:.4f} {found.low:.4f} {found.high:.4f}"
        '0.0075 0.0015 0.0218'
    """
    if not (math.isfinite(units) and 0 <= crossed <= units and crossed % 1 == 0 and units % 1 == 0):
        raise ValueError(
            f"crossed of units: got {crossed} of {units}, allowed: whole numbers, 0 <= crossed <= units"
        )
    if units == 0:
        return CrossedShare(math.nan, 0.0, 1.0)
    rest = units - crossed
    low = float(special.betaincinv(crossed, rest + 1, 0.025)) if crossed else 0.0
    high = float(special.betaincinv(crossed + 1, rest, 0.975)) if rest else 1.0
    return CrossedShare(crossed / units, low, high)
