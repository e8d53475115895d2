-- One row: the judgements that PACER's database holds for the day. on_the_day is null when the database is not landed at all.
with today as (
    select
        log_id,
        observed_at,
        count(distinct row_hash) as contents,
        count(*) filter (where decision not in ('APPROVE', 'REJECT')) as strange
    from llm_logs
    where created_date = $day
    group by log_id, observed_at
)

select
    strftime($day, '%Y-%m-%d') as day,
    case when exists (select 1 from llm_logs) then count(distinct log_id) end as on_the_day,
    coalesce(sum(strange), 0)::bigint as strange,
    count(*) filter (where contents > 1) as conflicting
from today
