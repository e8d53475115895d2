"""The published marts of one experiment as the plain rows that a decision takes."""

from datetime import date

from pacer_pipelines.adapters.published import MARTS, Published
from pacer_pipelines.decisions.marts import (
    DecisionSum,
    ExposureDay,
    MartRows,
    MetricSum,
    RatedDay,
    SegmentSum,
    ServedIdentity,
    StudentSum,
    UnitDay,
)
from pacer_pipelines.decisions.segments import Segment, segments
from pacer_pipelines.errors import NothingPublished

_OWN = "where experiment_id = $experiment and metric_date <= $through"
_SUMS = "sum(n) as n, sum(y) as y, sum(x) as x, sum(xx) as xx, sum(xy) as xy"

METRICS = f"""
select phase, coach_key, metric, variant, {_SUMS} from metric_sums_daily {_OWN}
group by phase, coach_key, metric, variant order by all"""

STUDENTS = f"""
select phase, coach_key, unit_key, metric, variant, {_SUMS} from student_sums_daily {_OWN}
group by phase, coach_key, unit_key, metric, variant order by all"""

SEGMENTS = f"""
select attribute, value, phase, coach_key, metric, variant, sum(n) as n, sum(y) as y
from segment_sums_daily {_OWN}
group by attribute, value, phase, coach_key, metric, variant order by all"""

DECISIONS = f"""
select phase, coach_key, variant, decision, sum(requests), sum(rated), sum(good)
from ratings_by_decision_daily {_OWN}
group by phase, coach_key, variant, decision order by all"""

UNITS = f"""
select phase, metric_date, variant, sum(units), sum(two_variant_units), sum(multi_coach_units), coach_key
from units_daily {_OWN}
group by phase, metric_date, variant, coach_key order by all"""

# a tester's call is no exposure: it makes no phase of a version that nobody else is served, and no "still served"
EXPOSURES = f"""
select
    phase, metric_date, variant, sum(exposures - forced), sum(flag_errors), sum(assignment_known), sum(misassigned)
from exposures_daily {_OWN}
group by phase, metric_date, variant having sum(exposures) > sum(forced) order by all"""

# the value that most say stands for the others: a prompt that is hashed with its student in it has thousands
IDENTITIES = f"""
with told as (
    select phase, variant, field, field_value, sum(exposures) as exposures from served_identities_daily {_OWN}
    group by phase, variant, field, field_value)
select
    phase, variant, field, first(field_value order by exposures desc, field_value), sum(exposures), max(exposures),
    count(*)
from told group by phase, variant, field order by all"""

RATED = f"""
select
    metric_date,
    coalesce(sum(n) filter (variant = 'treatment'), 0) as n_treatment,
    coalesce(sum(n) filter (variant = 'control'), 0) as n_control
from metric_sums_daily {_OWN} and metric = 'good_rate'
group by metric_date order by all"""


def mart_rows(published: Published, experiment_id: str, through: date, *, students: bool = False) -> MartRows:
    """Everything that the marts say of one experiment as of the end of a day.

    Args:
        published: a snapshot of the marts.
        experiment_id: as the exposure log names it.
        through: last day that counts; later rows are not read.
        students: whether to read the sums of each student, of which there are many.

    Raises:
        NothingPublished: an older version published the snapshot, and a table is missing.
    """

    def rows(sql: str) -> list[tuple[object, ...]]:
        return _rows(published, sql, experiment_id, through)

    return MartRows(
        metrics=tuple(MetricSum(*row) for row in rows(METRICS)),  # type: ignore[arg-type]
        decisions=tuple(DecisionSum(*row) for row in rows(DECISIONS)),  # type: ignore[arg-type]
        units=tuple(UnitDay(*row) for row in rows(UNITS)),  # type: ignore[arg-type]
        exposures=tuple(ExposureDay(*row) for row in rows(EXPOSURES)),  # type: ignore[arg-type]
        rated=tuple(RatedDay(*row) for row in rows(RATED)),  # type: ignore[arg-type]
        identities=tuple(ServedIdentity(*row) for row in rows(IDENTITIES)),  # type: ignore[arg-type]
        students=tuple(StudentSum(*row) for row in rows(STUDENTS)) if students else (),  # type: ignore[arg-type]
    )


def segment_rows(published: Published, experiment_id: str, through: date) -> tuple[SegmentSum, ...]:
    """Sums by school, grade and concept as of the end of a day; to explore, never to decide.

    Args:
        published: a snapshot of the marts.
        experiment_id: as the exposure log names it.
        through: last day that counts; later rows are not read.

    Raises:
        NothingPublished: an older version published the snapshot, and a table is missing.
    """
    rows = _rows(published, SEGMENTS, experiment_id, through)
    return tuple(SegmentSum(*row) for row in rows)  # type: ignore[arg-type]


def explored(published: Published, experiment_id: str, metric: str, through: date) -> tuple[Segment, ...]:
    """A metric by segment as of the end of a day; nothing where an older version published."""
    try:
        return segments(segment_rows(published, experiment_id, through), metric)
    except NothingPublished:
        return ()


def _rows(published: Published, sql: str, experiment_id: str, through: date) -> list[tuple[object, ...]]:
    missing = [table for table in MARTS if table not in published.manifest]
    if missing:
        raise NothingPublished(f"an older version published, without {', '.join(missing)}: run a day first")
    found = published.query(sql, {"experiment": experiment_id, "through": through})
    return [tuple(row.values()) for row in found]
