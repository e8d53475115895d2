"""What each day of an experiment counted, by variant: aggregates to look at, which no rule reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pacer_pipelines.decisions.wording import FEWEST_UNITS

VARIANTS = ("control", "treatment")


class RateDay(NamedTuple):
    """One row per day x variant x metric: ``y`` of ``n`` (rated and GOOD, requests and cards, …)."""

    date: date
    variant: str
    metric: str
    n: float
    y: float

    @property
    def rate(self) -> float | None:
        """``y`` per ``n``; None where so few stand behind it that somebody could be recognised."""
        return self.y / self.n if self.n >= FEWEST_UNITS else None


class CallDay(NamedTuple):
    """One row per day x phase x variant: exposures, and failed calls among them."""

    date: date
    phase: str
    variant: str
    exposures: float
    failures: float


class UnitCount(NamedTuple):
    """One row per phase x variant: randomised units that were new in it."""

    phase: str
    variant: str
    units: float


class DecisionCount(NamedTuple):
    """One row per variant x decision of the model: requests."""

    variant: str
    decision: str
    requests: float


@dataclass(frozen=True, slots=True)
class Daily:
    """The days of one experiment up to one of them; empty while nothing is published."""

    rates: tuple[RateDay, ...] = ()
    calls: tuple[CallDay, ...] = ()
    units: tuple[UnitCount, ...] = ()
    decisions: tuple[DecisionCount, ...] = ()

    def of_metric(self, metric: str) -> tuple[RateDay, ...]:
        """The days of one metric, oldest first."""
        return tuple(row for row in self.rates if row.metric == metric)

    def total(self, metric: str, variant: str) -> RateDay | None:
        """All days of one metric and variant together; None without any."""
        own = [row for row in self.of_metric(metric) if row.variant == variant]
        return cumulative(own)[-1] if own else None


def cumulative(rows: Sequence[RateDay]) -> tuple[RateDay, ...]:
    """The same rows with everything since the first day, per variant and metric; oldest first."""
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    found = []
    for row in sorted(rows):
        n, y = sums.get((row.variant, row.metric), (0.0, 0.0))
        sums[row.variant, row.metric] = (n + row.n, y + row.y)
        found.append(RateDay(row.date, row.variant, row.metric, n + row.n, y + row.y))
    return tuple(found)


def share_of_treatment(rows: Iterable[CallDay]) -> dict[date, float]:
    """The treatment's share of each day's exposures, 0 to 1."""
    seen: dict[date, dict[str, float]] = {}
    for row in rows:
        of_day = seen.setdefault(row.date, {})
        of_day[row.variant] = of_day.get(row.variant, 0.0) + row.exposures
    return {
        day: counts.get("treatment", 0.0) / total
        for day, counts in sorted(seen.items())
        if (total := sum(counts.get(variant, 0.0) for variant in VARIANTS)) > 0
    }
