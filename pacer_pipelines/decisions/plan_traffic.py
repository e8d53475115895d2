"""The traffic that a plan is checked against: each part from its best source."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import Traffic
from pacer_pipelines.stats.correlation import rating_correlation

# with no correlation the estimate has a standard error of 1 / sqrt(pairs): 0.01 here, and the design effect of a
# student with 20 ratings is then known to 0.2
FEWEST_PAIRS = 10_000


class StudentRatings(NamedTuple):
    """One row per coach x variant x student: rated requests, and GOOD ones among them."""

    coach: str
    variant: str
    rated: float
    good: float


@dataclass(frozen=True, slots=True)
class ObservedTraffic:
    """Traffic of the last published days, both variants; None is what they do not show.

    ``requests_per_day`` are analysed exposures and ``rated_share`` is among requests old enough to have been
    rated. ``ratings`` are those of all days.
    """

    first_date: date
    last_date: date
    requests_per_day: float
    rated_share: float | None
    students: int | None
    ratings: tuple[StudentRatings, ...] = ()

    def source(self, experiment: str) -> "Source":
        """What a plan's ``[traffic]`` table would say, by its names, and where it was seen."""
        return Source(
            f"{experiment} from {self.first_date} to {self.last_date}",
            {
                "requests_per_day": self.requests_per_day,
                "rated_share": self.rated_share,
                "students": self.students,
                "student_correlation": seen_correlation(self.ratings),
            },
        )


class Source(NamedTuple):
    """A place that may know parts of a traffic, by their names in a plan; None is not known."""

    name: str
    parts: Mapping[str, float | None]


def seen_correlation(ratings: Sequence[StudentRatings]) -> float | None:
    """Correlation of two ratings of one student under one coach, not below 0; None while too few were rated twice."""
    if sum(row.rated * (row.rated - 1) / 2 for row in ratings) < FEWEST_PAIRS:
        return None
    cells = {key: index for index, key in enumerate(sorted({row[:2] for row in ratings}))}
    found = rating_correlation(
        [cells[row[:2]] for row in ratings], [row.rated for row in ratings], [row.good for row in ratings]
    )
    return None if math.isnan(found) else max(found, 0.0)


def known_traffic(plan: Plan, better: Sequence[Source]) -> tuple[dict[str, float], str]:
    """The parts of the traffic that are known, and a line that names their sources.

    Args:
        plan: its ``[traffic]`` table counts where no better source knows a part.
        better: sources that outrank the plan, the best one first.
    """
    default = {"student_correlation": Traffic.model_fields["student_correlation"].default}
    own = plan.traffic.model_dump() if plan.traffic else {}
    ranked = [*better, Source("the plan", own), Source("default", default)]
    parts: dict[str, float] = {}
    lines = []
    for source in ranked:
        new = {name: value for name, value in source.parts.items() if value is not None and name not in parts}
        parts |= new
        if new:
            lines.append(f"{source.name}: {', '.join(name.replace('_', ' ') for name in new)}")
    return parts, "; ".join(lines)


def within_arm(plan: Plan, traffic: Traffic, share: float) -> tuple[Traffic, float]:
    """The traffic of one treatment and control alone, and the treatment's share of that.

    Args:
        plan: an arm of several, or a plan with one treatment, whose traffic this is already.
        traffic: what a day brings, all variants.
        share: the treatment's share of all traffic, in (0, 1).

    Returns:
        Traffic and share. The other treatments are taken to have the same share, or their first one where that leaves
        nothing for control; control keeps at least 1 %.
    """
    if plan.arms is None:
        return traffic, share
    others = share if plan.arms * share < 1 else plan.rollout.steps[0] / 100
    both = share + max(1 - share - (plan.arms - 1) * others, 0.01)
    own = {
        "requests_per_day": traffic.requests_per_day * both,
        "students": max(round(traffic.students * both), 2),
    }
    return traffic.model_copy(update=own), share / both


def missing_parts(parts: Mapping[str, float]) -> list[str]:
    """Names of the parts that no source knows."""
    return [name for name in Traffic.model_fields if name not in parts]
