-- One row for the day (scope day, first) and one per local hour in which PACER stored a judgement (scope hour):
-- how many judgements have an exposure.
-- A judgement counts as exposed when an exposure carries its log_id. The /submission door of PACER logs exposures
-- without a log_id, so successful ones of that hour stand for as many of the remaining judgements.
with judgements as (
    select
        log_id,
        date_trunc('hour', timezone($zone, timezone('UTC', min(created_at)))) as local_hour
    from llm_logs
    where created_date = $day
    group by log_id
),

matched as (
    select
        judgements.local_hour,
        count(*) as judgements,
        count(exposed.log_id) as found
    from judgements
    left join
        (select distinct log_id from exposures where exposed_date <= $day and log_id is not null) as exposed
        on judgements.log_id = exposed.log_id
    group by judgements.local_hour
),

unlinked as (
    select
        date_trunc('hour', timezone($zone, timezone('UTC', exposed_at))) as local_hour,
        count(distinct exposure_id) as exposures
    from exposures
    where exposed_date = $day and log_id is null and not is_failure
    group by local_hour
),

covered as (
    select
        matched.local_hour,
        matched.judgements,
        least(matched.judgements, matched.found + coalesce(unlinked.exposures, 0)) as exposures
    from matched
    left join unlinked on matched.local_hour = unlinked.local_hour
)

select
    case when grouping(local_hour) = 1 then 'day' else 'hour' end as scope,
    case
        when grouping(local_hour) = 1 then strftime($day, '%Y-%m-%d')
        else strftime(local_hour, '%Y-%m-%d %H:00-') || strftime(local_hour + interval 1 hour, '%H:00')
    end as span,
    sum(judgements)::bigint as judgements,
    sum(exposures)::bigint as exposures,
    sum(judgements - exposures)::bigint as missing,
    sum(exposures) / sum(judgements) as coverage
from covered
group by grouping sets ((), (local_hour))
having sum(judgements) > 0
order by scope, local_hour
