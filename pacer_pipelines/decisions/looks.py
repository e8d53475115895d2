"""The days on which a promotion is looked at, and how far the last useful one is away."""

from pacer_pipelines.plan_parts import Duration
from pacer_pipelines.stats.planner import days_left


def next_look(duration: Duration, day: int) -> int | None:
    """First day from ``day`` on at which a promotion is looked at; None when none comes any more.

    Args:
        duration: the plan's days; with ``whole_weeks`` it is looked at on days 7, 14, ...
        day: day of the experiment, 1 is the first.
    """
    first = max(day, duration.min_days)
    look = -(-first // 7) * 7 if duration.whole_weeks else first
    return look if look <= duration.max_days else None


def last_look(duration: Duration) -> int | None:
    """Last day at which a promotion is looked at; None when the plan has no such day."""
    look = duration.max_days // 7 * 7 if duration.whole_weeks else duration.max_days
    return look if look >= duration.min_days else None


def days_to_end(duration: Duration, day: int, size: float, size_max: float, size_per_day: float) -> int:
    """Days until the experiment ends without a promotion: at the look that sees the planned sample, or the last day.

    Args:
        duration: the plan's days.
        day: today's day of the experiment; 0 before the start.
        size: what is there, in the unit of the plan's clock.
        size_max: what is planned.
        size_per_day: what a day adds.

    Returns:
        0 to ``max_days - day``; 0 past the end.
    """
    to_sample = days_left(size, size_max, size_per_day)
    look = None if to_sample is None else next_look(duration, day + to_sample)
    return max((duration.max_days if look is None else look) - day, 0)
