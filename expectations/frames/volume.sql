-- One row: how much the day has beside the median of the trailing days, and how many of the usual coaches are
-- silent or loud. No coach is named. A day without exposures has no row here: exposures_present tells it.
with daily as (
    select
        exposed_date,
        coach_key,
        count(*) as exposures
    from exposures_usual
    group by all
),

totals as (
    select
        exposed_date,
        sum(exposures)::bigint as exposures
    from daily
    group by exposed_date
),

usual_day as (
    select
        count(*) as days,
        median(exposures) as usual
    from totals
    where exposed_date in (select trailing_date from trailing_days)
    having count(*) >= 3
),

-- a trailing day without the coach counts as 0
usual_coach as (
    select
        coaches.coach_key,
        median(coalesce(daily.exposures, 0)) as usual
    from (select distinct coach_key from daily where coach_key is not null) as coaches
    cross join (select exposed_date from totals where exposed_date in (select trailing_date from trailing_days)) as days
    left join daily on coaches.coach_key = daily.coach_key and days.exposed_date = daily.exposed_date
    group by coaches.coach_key
),

today as (
    select
        totals.exposures,
        usual_day.days,
        usual_day.usual,
        totals.exposures / usual_day.usual as times
    from totals
    left join usual_day on true
    where totals.exposed_date = $day
),

-- coaches of whom ten exposures or more are expected, were today as usual for everybody else
expected as (
    select
        coalesce(daily.exposures, 0) as exposures,
        usual_coach.usual * today.times as expected
    from usual_coach
    cross join today
    left join daily on usual_coach.coach_key = daily.coach_key and daily.exposed_date = $day
    where usual_coach.usual * today.times >= 10
)

select
    today.exposures,
    today.days,
    today.usual,
    today.times,
    (select count(*) from expected) as coaches,
    (select count(*) from expected where exposures = 0) as silent,
    (select avg((exposures = 0)::double) from expected) as silent_share,
    (select max(exposures / expected) from expected) as loudest,
    (select arg_max(exposures, exposures / expected) from expected) as loudest_exposures
from today
