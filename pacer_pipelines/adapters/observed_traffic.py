"""What the published marts saw of an experiment's traffic in its last days, for the planner."""

from pacer_pipelines.adapters.published import Published
from pacer_pipelines.decisions.plan_traffic import ObservedTraffic, StudentRatings

WINDOW_DAYS = 14

DAYS = """
select min(metric_date) as first_date, max(metric_date) as last_date, sum(analysed) as requests
from exposures_daily
where experiment_id = $experiment and metric_date > (
    select max(metric_date) - $days from exposures_daily where experiment_id = $experiment
)"""

RATED = """
select sum(y) / nullif(sum(n), 0) as rated_share from metric_sums_daily
where experiment_id = $experiment and metric = 'rating_rate' and metric_date between $first and $last"""

# in snapshot mode a student may be unknown, and its submissions would count as students
_STUDENTS = """
from student_sums_daily
where experiment_id = $experiment and metric_date <= $last and phase <> 'snapshot'"""

STUDENTS = f"select count(distinct unit_key) as students {_STUDENTS} and metric = 'card_rate'"

RATINGS = f"""
select coach_key, variant, sum(n) as rated, sum(y) as good {_STUDENTS} and metric = 'good_rate'
group by coach_key, variant, unit_key having sum(n) > 0 order by coach_key, variant, unit_key"""


def observed_traffic(published: Published, experiment_id: str) -> ObservedTraffic | None:
    """Traffic of the last 14 published days; None when the marts hold no analysed request of the experiment.

    Args:
        published: a snapshot of the marts.
        experiment_id: as the exposure log names it.
    """
    (seen,) = published.query(DAYS, {"experiment": experiment_id, "days": WINDOW_DAYS})
    if not seen["requests"]:
        return None
    first, last = seen["first_date"], seen["last_date"]
    until = {"experiment": experiment_id, "last": last}
    (rated,) = published.query(RATED, {**until, "first": first})
    # snapshots of older versions lack the sums by student, until the next run publishes them
    by_student = "student_sums_daily" in published.manifest
    units = published.query(STUDENTS, until)[0]["students"] if by_student else None
    ratings = published.query(RATINGS, until) if by_student else []
    return ObservedTraffic(
        first_date=first,
        last_date=last,
        requests_per_day=float(seen["requests"]) / ((last - first).days + 1),
        rated_share=rated["rated_share"],
        students=units or None,
        ratings=tuple(StudentRatings(*row.values()) for row in ratings),
    )
