"""The published marts day by day, for people to look at."""

from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.published import MARTS, Published
from pacer_pipelines.decisions.daily import CallDay, Daily, DecisionCount, RateDay, UnitCount
from pacer_pipelines.errors import NothingPublished

_OWN = "where experiment_id = $experiment and metric_date <= $through"
RATES = f"""
select metric_date, variant, metric, sum(n), sum(y) from metric_sums_daily {_OWN}
group by metric_date, variant, metric order by all"""
CALLS = f"""
select metric_date, phase, variant, sum(exposures - forced), sum(failures) from exposures_daily {_OWN}
group by metric_date, phase, variant having sum(exposures) > sum(forced) order by all"""
UNITS = f"select phase, variant, sum(units) from units_daily {_OWN} group by phase, variant order by all"
DECISIONS = f"""
select variant, decision, sum(requests) from ratings_by_decision_daily {_OWN}
group by variant, decision order by all"""


def daily(home: Path, experiment_id: str, through: date) -> Daily:
    """What each day counted, up to and including one day; nothing while nothing is published.

    Args:
        home: the world's home.
        experiment_id: as the exposure log names it.
        through: the last day.
    """
    try:
        published = Published(home)
    except NothingPublished:
        return Daily()
    if any(table not in published.manifest for table in MARTS):
        return Daily()
    given = {"experiment": experiment_id, "through": through}

    def rows(sql: str) -> list[tuple[object, ...]]:
        return [tuple(row.values()) for row in published.query(sql, given)]

    return Daily(
        rates=tuple(RateDay(*row) for row in rows(RATES)),  # type: ignore[arg-type]
        calls=tuple(CallDay(*row) for row in rows(CALLS)),  # type: ignore[arg-type]
        units=tuple(UnitCount(*row) for row in rows(UNITS)),  # type: ignore[arg-type]
        decisions=tuple(DecisionCount(*row) for row in rows(DECISIONS)),  # type: ignore[arg-type]
    )
