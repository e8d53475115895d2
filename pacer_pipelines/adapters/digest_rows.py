"""What a week's digest counts: who rated, in the published marts, and what landed, in marts and ledger."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.landing import Landing
from pacer_pipelines.adapters.published import Published
from pacer_pipelines.adapters.reconciliation import DATED
from pacer_pipelines.decisions.coverage import CoachSchool, Coverage, RatedStudent, coverage
from pacer_pipelines.decisions.digest import RowsOfWeek, Week
from pacer_pipelines.errors import NothingPublished

# guessed from PACER's own table nobody knows the student of each request, so nobody knows how few they are
RATED = """
select coach_key, unit_key, sum(n) as n, sum(y) as y from student_sums_daily
where list_contains($experiments, experiment_id) and metric = 'rating_rate' and metric_date <= $through
    and phase <> 'snapshot' and (variant = 'treatment' or list_contains($with_control, experiment_id))
group by all order by all"""

SCHOOLS = """
select coach_key, value, sum(n) as n from segment_sums_daily
where list_contains($experiments, experiment_id) and metric_date <= $through
    and attribute = 'school' and metric = 'students'
group by all order by all"""

ROWS = """
select subject, sum(row_count) as landed, coalesce(sum(row_count) filter (step = 'repeated'), 0) as repeated
from row_fates_daily where step in ('staged', 'repeated') and metric_date between $first and $last
group by subject order by subject"""


def rated_by_coach_group(
    home: Path, experiments: Sequence[str], with_control: Sequence[str], through: date
) -> Coverage:
    """The rated share of mature requests by coach group; empty while nothing is published.

    Args:
        home: the world's home.
        experiments: experiment_ids of the plans.
        with_control: of them those whose control counts; arms share one, which must count once.
        through: last day that counts.
    """
    try:
        published = _published(home, "student_sums_daily", "segment_sums_daily")
    except NothingPublished:
        return Coverage()
    common = {"experiments": list(experiments), "through": through}
    rated = published.query(RATED, {**common, "with_control": list(with_control)})
    schools = published.query(SCHOOLS, common)
    return coverage(
        (RatedStudent(*row.values()) for row in rated), (CoachSchool(*row.values()) for row in schools)
    )


def rows_of_week(home: Path, week: Week) -> tuple[RowsOfWeek, ...]:
    """By source: rows that landed for the days of a week, and lines refused in files whose newest row is of that week.

    A refused line has no day of its own. A file of which nothing landed has none either; its own check tells of it.
    """
    try:
        rows = _published(home, "row_fates_daily").query(ROWS, {"first": week.first, "last": week.last})
    except NothingPublished:
        rows = []
    found = {row["subject"]: (int(row["landed"]), int(row["repeated"])) for row in rows}
    return tuple(
        RowsOfWeek(source, *found.get(source, (0, 0)), _refused(home, source, week)) for source in DATED
    )


def _published(home: Path, *tables: str) -> Published:
    """The snapshot, if it has some tables: an older version published fewer."""
    published = Published(home)
    missing = [table for table in tables if table not in published.manifest]
    if missing:
        raise NothingPublished(f"an older version published, without {', '.join(missing)}: run a day first")
    return published


def _refused(home: Path, source: str, week: Week) -> int:
    receipts = Landing(home).receipts(source)
    return sum(
        receipt.rejected
        for receipt in receipts
        if str(week.first) <= max(receipt.per_day, default="") <= str(week.last)
    )
