-- One row per local hour that had an exposure on the day or on one of the seven days before it.
-- usual is the median over the trailing days since the log began; a day without the hour counts as 0.
with hourly as (
    select
        exposed_date,
        hour(timezone($zone, timezone('UTC', exposed_at))) as local_hour,
        count(*) as exposures
    from exposures
    where exposed_date between $day - 7 and $day
    group by all
),

earlier_days as (
    select distinct exposed_date + n::integer as exposed_date
    from (select min(exposed_date) as exposed_date from hourly), range(0, 7) as offsets (n)
    where exposed_date + n::integer < $day
),

usual as (
    select
        hours.local_hour,
        median(coalesce(hourly.exposures, 0)) as usual
    from (select distinct local_hour from hourly) as hours
    cross join earlier_days
    left join hourly
        on
            hours.local_hour = hourly.local_hour
            and earlier_days.exposed_date = hourly.exposed_date
    group by hours.local_hour
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
    strftime($day, '%Y-%m-%d ') || printf('%02d:00-%02d:00', usual.local_hour, (usual.local_hour + 1) % 24) as hour,
    coalesce(hourly.exposures, 0) as exposures,
    case when (select is_quiet from quiet) then 0 else usual.usual end as usual
from usual
left join hourly on usual.local_hour = hourly.local_hour and hourly.exposed_date = $day
order by usual.local_hour
