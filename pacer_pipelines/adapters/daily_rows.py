"""The published marts day by day, for people to look at."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from pacer_pipelines.adapters.published import MARTS, Published
from pacer_pipelines.decisions.daily import (
    USUAL_DAYS,
    CallDay,
    CardCount,
    Daily,
    DecisionCount,
    DelayCount,
    RateDay,
    SourceHour,
    UnitCount,
)

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
DELAYS = f"""
select variant, within_days, sum(ratings) from rating_delays_daily {_OWN}
group by variant, within_days order by all"""
CARDS = f"select variant, sum(cards), sum(reviewed) from cards_daily {_OWN} group by variant order by all"
# of all experiments: a row of a log is there or not
HOURS = """
select subject, metric_date, started_at, row_count from rows_hourly
where metric_date between $since and $through order by all"""


def daily(published: Published, experiment_id: str, through: date) -> Daily:
    """What each day counted, up to and including one day; nothing where an older version published.

    Args:
        published: a snapshot of the marts.
        experiment_id: as the exposure log names it.
        through: the last day.
    """
    if any(table not in published.manifest for table in MARTS):
        return Daily()
    own = {"experiment": experiment_id, "through": through}
    recent = {"since": through - timedelta(days=USUAL_DAYS), "through": through}
    with published.opened() as ask:

        def rows(sql: str, given: dict[str, object]) -> Iterator[Iterable[object]]:
            return (row.values() for row in ask(sql, given))

        return Daily(
            rates=tuple(RateDay(*row) for row in rows(RATES, own)),  # type: ignore[arg-type]
            calls=tuple(CallDay(*row) for row in rows(CALLS, own)),  # type: ignore[arg-type]
            units=tuple(UnitCount(*row) for row in rows(UNITS, own)),  # type: ignore[arg-type]
            decisions=tuple(DecisionCount(*row) for row in rows(DECISIONS, own)),  # type: ignore[arg-type]
            delays=tuple(DelayCount(*row) for row in rows(DELAYS, own)),  # type: ignore[arg-type]
            cards=tuple(CardCount(*row) for row in rows(CARDS, own)),  # type: ignore[arg-type]
            hours=tuple(SourceHour(*row) for row in rows(HOURS, recent)),  # type: ignore[arg-type]
        )
