"""What a split, its unit and its traffic can find, day by day: the variance of the effect before any data.

Rows: n rated requests of S students, share s of them in treatment; two ratings of one student correlate by rho.
Split by request, each request draws its own variant, so that shuffling labels over fixed outcomes gives
p (1 - p) / (n s (1 - s)): a student's common part meets both variants and costs nothing extra. (It does not
gain anything either: it would cancel only in a comparison within students; strata are coaches and phases.)
Split by student, the common part falls into one variant with all m = n / S ratings, and Kish's design effect
1 + (m - 1) rho multiplies the variance. Its limit as n grows, p (1 - p) rho / (S s (1 - s)), is a floor.
"""

import math
from dataclasses import dataclass
from typing import Literal

from pacer_pipelines.stats.bars import require_design
from pacer_pipelines.stats.planner import days_left, planned_effective_n, smallest_detectable_effect

Unit = Literal["request", "student"]


@dataclass(frozen=True, slots=True)
class Design:
    """A split with the traffic that it gets; an impossible one cannot be built.

    Attributes:
        baseline: p, control's rate, in (0, 1).
        treatment_share: s, treatment's share of the units, in (0, 1).
        unit: what is randomised, request or student.
        rated_per_day: rated requests that a day of traffic brings in the end, both variants, positive.
        students: S, at least 2; all alike in traffic (unequal ones cost more).
        correlation: rho of two ratings of one student under one coach, in [0, 1).
        lag_days: days until a request's ratings are in. The last so many days count as not rated at all, which
            is on the safe side: some of their ratings are there.

    Raises:
        ValueError: a value outside these ranges.
    """

    baseline: float
    treatment_share: float
    unit: Unit
    rated_per_day: float
    students: float
    correlation: float
    lag_days: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_design(self.baseline, self.treatment_share, 1.0)
        _require("unit", self.unit, self.unit in ("request", "student"), "request or student")
        _require("rated_per_day", self.rated_per_day, 0 < self.rated_per_day < math.inf, "a positive number")
        _require("students", self.students, 2 <= self.students < math.inf, "2 or more")
        _require("correlation", self.correlation, 0 <= self.correlation < 1, "a number in [0, 1)")
        _require("lag_days", self.lag_days, self.lag_days >= 0, "0 or more")


def rated_after(design: Design, days: int) -> float:
    """Give the rated requests that count after some days.

    Args:
        design: the split and its traffic.
        days: days since the start, >= 0.

    Returns:
        Rated requests of both variants; 0 until the first day's ratings are in.

    Raises:
        ValueError: days below 0.

    Example:
        >>> rated_after(Design(0.78, 0.1, "request", 800, 480, 0.05, lag_days=7), days=14)
        5600
    """
    _require("days", days, days >= 0, "0 or more")
    return design.rated_per_day * max(days - design.lag_days, 0)


def implied_design_effect(design: Design, n_rated: float) -> float:
    """Give the variance under this design over that of independent rows.

    Args:
        design: the split and its traffic.
        n_rated: n >= 0, rated requests of both variants.

    Returns:
        1 for a split by request; 1 + (m - 1) rho with m = n / S for one by student, and 1 while m < 1 (nobody
        has been rated twice).

    Raises:
        ValueError: n_rated below 0 or not finite.

    References:
        Kish 1965, Survey Sampling, section 5.4 (clusters of equal size).

    Example:
        >>> round(implied_design_effect(Design(0.78, 0.1, "student", 800, 480, 0.05), n_rated=9600), 2)
        1.95
    """
    _require("n_rated", n_rated, 0 <= n_rated < math.inf, "0 or more")
    if design.unit == "request":
        return 1.0
    return 1.0 + max(n_rated / design.students - 1.0, 0.0) * design.correlation


def effect_variance(design: Design, n_rated: float) -> float:
    """Give the variance of the estimated effect, treatment minus control, when there is none.

    p (1 - p) deff / (n s (1 - s)). By student that is
    p (1 - p) [(1 - rho) / (n s (1 - s)) + rho / (S s (1 - s))] once everybody has been rated.

    Args:
        design: the split and its traffic.
        n_rated: n > 0, rated requests of both variants.

    Returns:
        Variance of a difference of rates.

    Raises:
        ValueError: n_rated not positive or not finite.

    References:
        Kish 1965, as `implied_design_effect`; Lachin 1981, Controlled Clinical Trials 2(2), 93-113.

    Example:
        >>> f"{effect_variance(Design(0.5, 0.5, 'request', 800, 480, 0.05), n_rated=10_000):.6f}"
        '0.000100'
    """
    _require("n_rated", n_rated, n_rated > 0, "a positive number")
    share = design.treatment_share
    independent = design.baseline * (1.0 - design.baseline) / (n_rated * share * (1.0 - share))
    return independent * implied_design_effect(design, n_rated)


def detectable_after(design: Design, days: int, critical: float = 1.96, power_z: float = 0.84) -> float:
    """Give the smallest true effect that is found with the planned power after some days.

    Args:
        design: the split and its traffic.
        days: days since the start, >= 0.
        critical: bar at full information, positive.
        power_z: normal quantile of the power (0.84 = 80 %).

    Returns:
        Absolute effect (0.03 = 3 points), (critical + power_z) sqrt(variance); inf before the first rating.

    Raises:
        ValueError: days below 0.

    References:
        As `effect_variance`.

    Example:
        >>> by_student = Design(0.78, 0.1, "student", 800, 480, 0.05, lag_days=7)
        >>> round(detectable_after(by_student, days=42), 4)
        0.0454
    """
    n_rated = rated_after(design, days)
    share = design.treatment_share
    deff = implied_design_effect(design, n_rated)
    return smallest_detectable_effect(design.baseline, n_rated * share, share, deff, critical, power_z)


def detectable_ever(design: Design, critical: float = 1.96, power_z: float = 0.84) -> float:
    """Give the effect below which no duration finds anything with the planned power.

    (critical + power_z) sqrt(p (1 - p) rho / (S s (1 - s))): with few treated students, more ratings of the
    same students do not help.

    Args:
        design: the split and its traffic.
        critical: bar at full information, positive.
        power_z: normal quantile of the power (0.84 = 80 %).

    Returns:
        Absolute effect; 0 for a split by request, or when ratings of a student do not correlate.

    References:
        As `effect_variance`, n without end.

    Example:
        >>> round(detectable_ever(Design(0.78, 0.1, "student", 800, 480, 0.05)), 4)
        0.0395
    """
    if design.unit == "request" or design.correlation == 0:
        return 0.0
    share = design.treatment_share
    in_treatment = design.students * share
    return smallest_detectable_effect(
        design.baseline, in_treatment, share, design.correlation, critical, power_z
    )


def days_to_detect(
    design: Design, smallest_effect: float, critical: float = 1.96, power_z: float = 0.84
) -> int | None:
    """Give the days after which the smallest effect of interest is found with the planned power.

    The inverse of `detectable_after`: with N independent ratings needed, by student
    n = (1 - rho) / (1 / N - rho / S) as soon as everybody has been rated, n = N before and by request.

    Args:
        design: the split and its traffic.
        smallest_effect: delta > 0, absolute (0.03 = 3 points).
        critical: bar at full information, positive.
        power_z: normal quantile of the power (0.84 = 80 %).

    Returns:
        Whole days from the start, the lag of the ratings included; None when no duration is enough.

    Raises:
        ValueError: what `planned_effective_n` refuses.

    References:
        As `effect_variance`.

    Example:
        >>> days_to_detect(Design(0.78, 0.1, "request", 800, 480, 0.05, lag_days=7), 0.03)
        28
        >>> days_to_detect(Design(0.78, 0.1, "student", 800, 480, 0.05, lag_days=7), 0.03) is None
        True
    """
    share = design.treatment_share
    effective = planned_effective_n(design.baseline, smallest_effect, 1.0, critical, power_z)
    needed = effective / (share * (1.0 - share))
    if design.unit == "student" and needed > design.students:
        room = 1.0 / needed - design.correlation / design.students
        needed = (1.0 - design.correlation) / room if room > 0 else math.inf
    days = days_left(0.0, needed, design.rated_per_day)
    return None if days is None else design.lag_days + days


def _require(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name}: got {value}, allowed: {allowed}")
