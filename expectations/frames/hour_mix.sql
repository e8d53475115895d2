-- One row per local hour of the day or of a trailing day: its exposures beside what its usual share of a day would
-- be of today. Shares, not counts: a quiet Sunday is spread over its hours like a busy Monday.
-- distance counts scatters: of the trailing days, or of twice what chance does (calls come in sittings).
with hourly as (
    select
        exposed_date,
        hour(timezone($zone, timezone('UTC', exposed_at))) as local_hour,
        count(*) as exposures
    from exposures_usual
    group by all
),

shares as (
    select
        days.exposed_date,
        hours.local_hour,
        days.total,
        coalesce(hourly.exposures, 0) as exposures,
        coalesce(hourly.exposures, 0) / days.total as share
    from (select exposed_date, sum(exposures)::bigint as total from hourly group by exposed_date) as days
    cross join (select distinct local_hour from hourly) as hours
    left join hourly on days.exposed_date = hourly.exposed_date and hours.local_hour = hourly.local_hour
),

usual as (
    select
        local_hour,
        count(*) as days,
        median(share) as usual,
        mad(share) as usual_mad
    from shares
    where exposed_date in (select trailing_date from trailing_days)
    group by local_hour
    having count(*) >= 3
)

select
    strftime($day, '%Y-%m-%d ') || printf('%02d:00-%02d:00', shares.local_hour, (shares.local_hour + 1) % 24) as hour,
    shares.exposures,
    usual.days,
    usual.usual * shares.total as usual,
    greatest(
        (shares.exposures + 1) / (usual.usual * shares.total + 1), (usual.usual * shares.total + 1) / (shares.exposures + 1)
    ) as times,
    abs(shares.exposures - usual.usual * shares.total)
    / greatest(1.4826 * usual.usual_mad * shares.total, sqrt(2 * usual.usual * shares.total), 1) as distance
from shares
left join usual on shares.local_hour = usual.local_hour
where shares.exposed_date = $day
order by shares.local_hour
