"""What teams do instead, on the same worlds: three rules that look at the rated decisions as if rows were independent.

Each adds up all rated decisions of a variant, over coaches and phases, and knows no other metric. It promotes when B is
better and rolls back when B is worse, one-sided 5 % each way, whichever comes first.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pacer_pipelines.decisions.plan_check import first_percent, sample_day
from pacer_pipelines.plan import Plan

from .truth import Array
from .worlds import Worlds

ONE_SIDED = 1.6449
# gbstats' default: the sample size at which the sequential interval is tightest
TUNED_FOR = 5000.0
TWO_SIDED_ALPHA = 0.10


class Endings(NamedTuple):
    """First day of a promotion and of a rollback, 0 where the other came first or none at all; shape (worlds,)."""

    promoted: Array
    rolled_back: Array


def rivals(worlds: Worlds, plan: Plan) -> Mapping[str, Endings]:
    """How each rule would have ended each world."""
    metric = worlds.metrics["good_rate"]
    n, y = metric.n.sum((-1, -2)), metric.y.sum((-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = y / n
        difference = rate[:, 1] - rate[:, 0]
        variance = (rate * (1 - rate) / n).sum(1)
        z = np.nan_to_num(difference / np.sqrt(variance))
        # the minimums of the plan that any team would also have
        enough = (n[:, 1] >= plan.minimums.alarm_rated) & (np.arange(1, worlds.cell.days + 1) >= 2)[:, None]
        total = n.sum(1)
        wide = always_valid_half_width(variance * total, total)
        sure = np.nan_to_num(difference / wide)
    look = _after(plan.duration.min_days, worlds.cell.days)
    return {
        "naive daily z": _first(enough & look & (z > ONE_SIDED), enough & (z < -ONE_SIDED)),
        "always-valid, independent rows": _first(enough & look & (sure > 1), enough & (sure < -1)),
        "fixed horizon, independent rows": _first(
            *(_only(planned_end(plan), worlds.cell.days) & side for side in (z > ONE_SIDED, z < -ONE_SIDED))
        ),
    }


def always_valid_half_width(variance_of_one: Array, n: Array) -> Array:
    """GrowthBook's sequential interval.

    Args:
        variance_of_one: variance of the difference times n.
        n: rows of both variants.

    References:
        gbstats 0.8, `sequential_interval_halfwidth`, after Waudby-Smith et al. 2024 (arXiv 2103.06476); our own
        interval is compared with it in tests/reference/test_gbstats.py.
    """
    alpha = TWO_SIDED_ALPHA
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TUNED_FOR)
    return np.sqrt(variance_of_one) * np.sqrt(
        2 * (n * rho**2 + 1) / (n * rho) ** 2 * np.log(np.sqrt(n * rho**2 + 1) / alpha)
    )


def planned_end(plan: Plan) -> int:
    """Day on which the planned sample is full by the planner, at most the last day."""
    assert plan.traffic is not None
    full = sample_day(plan, plan.traffic, first_percent(plan) / 100)
    return min(full or plan.duration.max_days, plan.duration.max_days)


def _after(first: int, days: int) -> Array:
    return (np.arange(1, days + 1) >= first)[:, None]


def _only(day: int, days: int) -> Array:
    return (np.arange(1, days + 1) == day)[:, None]


def _first(promotes: Array, rolls_back: Array) -> Endings:
    """First day on which either happens."""
    days = promotes.shape[0]
    won, lost = (np.where(side.any(0), side.argmax(0) + 1, days + 1) for side in (promotes, rolls_back))
    return Endings(np.where(won < lost, won, 0), np.where(lost < won, lost, 0))
