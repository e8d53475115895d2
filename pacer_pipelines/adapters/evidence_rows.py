"""The published marts of one experiment as the plain rows that a decision takes."""

from datetime import date

from pacer_pipelines.adapters.published import Published
from pacer_pipelines.decisions.marts import DecisionSum, ExposureDay, MartRows, MetricSum, RatedDay, UnitDay

_OWN = "where experiment_id = $experiment and metric_date <= $through"

METRICS = f"""
select phase, coach_key, metric, variant, sum(n), sum(y) from metric_sums_daily {_OWN}
group by phase, coach_key, metric, variant order by all"""

DECISIONS = f"""
select phase, coach_key, variant, decision, sum(requests), sum(rated), sum(good)
from ratings_by_decision_daily {_OWN}
group by phase, coach_key, variant, decision order by all"""

UNITS = f"""
select phase, metric_date, variant, sum(units), sum(two_variant_units), sum(multi_coach_units)
from units_daily {_OWN}
group by phase, metric_date, variant order by all"""

EXPOSURES = f"""
select phase, metric_date, variant, sum(exposures), sum(flag_errors)
from exposures_daily {_OWN}
group by phase, metric_date, variant order by all"""

RATED = f"""
select metric_date, sum(n) from metric_sums_daily {_OWN} and metric = 'good_rate' and variant = 'treatment'
group by metric_date order by all"""


def mart_rows(published: Published, experiment_id: str, through: date) -> MartRows:
    """Everything that the marts say of one experiment as of the end of a day.

    Args:
        published: a snapshot of the marts.
        experiment_id: as the exposure log names it.
        through: last day that counts; later rows are not read.
    """

    def rows(sql: str) -> list[tuple[object, ...]]:
        found = published.query(sql, {"experiment": experiment_id, "through": through})
        return [tuple(row.values()) for row in found]

    return MartRows(
        metrics=tuple(MetricSum(*row) for row in rows(METRICS)),  # type: ignore[arg-type]
        decisions=tuple(DecisionSum(*row) for row in rows(DECISIONS)),  # type: ignore[arg-type]
        units=tuple(UnitDay(*row) for row in rows(UNITS)),  # type: ignore[arg-type]
        exposures=tuple(ExposureDay(*row) for row in rows(EXPOSURES)),  # type: ignore[arg-type]
        rated=tuple(RatedDay(*row) for row in rows(RATED)),  # type: ignore[arg-type]
    )
