"""What each day of an experiment counted, by variant: aggregates to look at, which no rule reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pacer_pipelines.decisions.wording import FEWEST_UNITS

VARIANTS = ("control", "treatment")
# what is usual on a weekday is asked of the last four of them
USUAL_DAYS = 28


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


class DelayCount(NamedTuple):
    """One row per variant x days until the first rating (of 24 hours, rounded up): mature requests."""

    variant: str
    within_days: int
    ratings: float


class CardCount(NamedTuple):
    """One row per variant: cards whose first days are over, and how many of them were reviewed in these."""

    variant: str
    cards: float
    reviewed: float


class SourceHour(NamedTuple):
    """One row per source x hour in which something happened (naive UTC): its rows, counted on the plan's day."""

    source: str
    date: date
    started_at: datetime
    rows: float


class HourSeen(NamedTuple):
    """One row per source x local hour of one day: rows, and how many are usual; None where no day came before."""

    source: str
    hour: int
    rows: float
    usual: float | None

    @property
    def of_usual(self) -> float | None:
        """Rows in percent of the usual; None where so few are usual that it says nothing."""
        return 100 * self.rows / self.usual if self.usual and self.usual >= FEWEST_UNITS else None


class SourceSeen(NamedTuple):
    """One row per source: rows of a day, how many are usual, and the newest hour (naive UTC) in which one happened."""

    source: str
    rows: float
    usual: float | None
    newest: datetime


@dataclass(frozen=True, slots=True)
class Daily:
    """The days of one experiment up to one of them; empty while nothing is published."""

    rates: tuple[RateDay, ...] = ()
    calls: tuple[CallDay, ...] = ()
    units: tuple[UnitCount, ...] = ()
    decisions: tuple[DecisionCount, ...] = ()
    delays: tuple[DelayCount, ...] = ()
    cards: tuple[CardCount, ...] = ()
    hours: tuple[SourceHour, ...] = ()

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


def rated_within(daily: Daily, variant: str, days: int) -> list[tuple[int, float]]:
    """The share of a variant's mature requests that was rated within 1, 2, … days; empty while so few are mature.

    Args:
        daily: the days.
        variant: control or treatment.
        days: the last day to look at.
    """
    mature = daily.total("rating_rate", variant)
    if mature is None or mature.rate is None:
        return []
    own = [row for row in daily.delays if row.variant == variant]
    within = ((day, sum(row.ratings for row in own if row.within_days <= day)) for day in range(1, days + 1))
    return [(day, rated / mature.n) for day, rated in within]


def hours_of(rows: Sequence[SourceHour], day: date, zone: ZoneInfo) -> tuple[HourSeen, ...]:
    """What each source brought in each hour of a day, beside what is usual.

    Usual is the median of the same weekday in the four weeks before, since a weekend is no school day; in the first
    week of a source, of the days since its first row. A day without the hour counts as 0, and hours in which a source
    never brings anything are left out.

    Args:
        rows: the day's and the days' before it.
        day: the day.
        zone: the plan's time zone.
    """
    within = _recent(rows, day)
    since = _first_days(within)
    counts: dict[tuple[str, int], dict[date, float]] = {}
    for row in within:
        local = row.started_at.replace(tzinfo=UTC).astimezone(zone)
        _add(counts.setdefault((row.source, local.hour), {}), row)
    return tuple(
        HourSeen(source, hour, by_day.get(day, 0.0), _usual(by_day, since[source], day))
        for (source, hour), by_day in sorted(counts.items())
    )


def sources_of(rows: Sequence[SourceHour], day: date) -> tuple[SourceSeen, ...]:
    """What each source brought on a day, beside what is usual; as :func:`hours_of`.

    Args:
        rows: the day's and the days' before it.
        day: the day.
    """
    within = _recent(rows, day)
    since = _first_days(within)
    counts: dict[str, dict[date, float]] = {}
    newest: dict[str, datetime] = {}
    for row in within:
        _add(counts.setdefault(row.source, {}), row)
        newest[row.source] = max(row.started_at, newest.get(row.source, row.started_at))
    return tuple(
        SourceSeen(source, by_day.get(day, 0.0), _usual(by_day, since[source], day), newest[source])
        for source, by_day in sorted(counts.items())
    )


def _recent(rows: Sequence[SourceHour], day: date) -> list[SourceHour]:
    return [row for row in rows if day - timedelta(days=USUAL_DAYS) <= row.date <= day]


def _first_days(rows: Sequence[SourceHour]) -> dict[str, date]:
    first: dict[str, date] = {}
    for row in rows:
        first[row.source] = min(row.date, first.get(row.source, row.date))
    return first


def _add(by_day: dict[date, float], row: SourceHour) -> None:
    by_day[row.date] = by_day.get(row.date, 0.0) + row.rows


def _usual(by_day: dict[date, float], since: date, day: date) -> float | None:
    before = [since + timedelta(days=number) for number in range((day - since).days)]
    alike = [each for each in before if each.weekday() == day.weekday()]
    return median(by_day.get(each, 0.0) for each in alike or before) if before else None
