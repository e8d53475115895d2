-- One row: the day's feedback events, whether their exposure is known, and how many came on the last three days.
-- events_3_days is null until the exposure log is three days old: no coach can be late before that. It is null
-- too where no feedback log was ever delivered: ratings then come from PACER's database.
with exposed as (
    select
        log_id,
        min(exposed_at) as exposed_at
    from exposures_history
    where exposed_date <= $day and log_id in (select log_id from feedback_events where feedback_date = $day)
    group by log_id
),

today as (
    select
        count(*) as events,
        count(*) - count(exposed.log_id) as orphans,
        -- feedback times have whole seconds, exposures milliseconds
        count(*) filter (where feedback_events.feedback_at < date_trunc('second', exposed.exposed_at)) as early
    from feedback_events
    left join exposed on feedback_events.log_id = exposed.log_id
    where feedback_events.feedback_date = $day
),

log_start as (select min(exposed_date) as first_date from exposures_history where exposed_date <= $day)

select
    strftime($day, '%Y-%m-%d') as day,
    today.events,
    today.orphans,
    today.early,
    1 - today.orphans / nullif(today.events, 0) as found_share,
    case when log_start.first_date <= $day - 2 and exists (select 1 from ledger where source = 'feedback_events') then (
        select count(*) from feedback_events
        where feedback_date between $day - 2 and $day
    ) end as events_3_days
from today, log_start
