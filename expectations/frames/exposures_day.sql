-- One row: the day's exposures, how complete their fields are, and how late the newest one is.
-- usual_hours_before_end is null without an earlier day, so nothing is compared on the first one.
with newest as (
    select
        exposed_date,
        max(exposed_at) as newest_at,
        date_diff('minute', max(exposed_at), $day_ends_at) / 60.0
        - 24.0 * date_diff('day', exposed_date, $day) as hours_before_end
    from exposures
    where exposed_date between $day - 7 and $day
    group by exposed_date
),

today as (
    select
        count(*) as exposures,
        avg((coach_key is not null)::double) as coach_share,
        avg((school is not null)::double) as school_share,
        avg((submission_key is not null)::double) as submission_share,
        avg((latency_ms is not null)::double) as latency_share
    from exposures
    where exposed_date = $day
),

-- A quiet day, say a holiday: a copy of PACER's database from after the day holds no judgement of it.
quiet as (
    select
        (
            exists (select 1 from llm_logs where observed_at >= $day_ends_at)
            or exists (
                select 1 from ledger
                where source = 'llm_logs' and try_strptime(file, 'pacer-%Y%m%dT%H%M%S') >= $day_ends_at
            )
        )
        and not exists (select 1 from llm_logs where created_date = $day) as is_quiet
)

select
    today.*,
    (select is_quiet from quiet) as is_quiet,
    strftime($day, '%Y-%m-%d') as day,
    (
        select strftime(timezone($zone, timezone('UTC', newest_at)), '%H:%M')
        from newest where exposed_date = $day
    ) as newest,
    (select hours_before_end from newest where exposed_date = $day) as hours_before_end,
    (select median(hours_before_end) from newest where exposed_date < $day) as usual_hours_before_end
from today
