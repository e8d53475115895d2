-- One row: ratings in the newest copy of PACER's database up to the day's end against the feedback events up to that copy.
-- Of judgements of the seven days before the copy, and not of before the feedback log began. Null without such a
-- copy or without a feedback log.
with copy as (
    select max(try_strptime(file, 'pacer-%Y%m%dT%H%M%S')) as taken_at
    from ledger
    where source = 'llm_logs' and try_strptime(file, 'pacer-%Y%m%dT%H%M%S') <= $day_ends_at
),

log_start as (select min(feedback_at) as first_at from feedback_history),

judged as (
    select
        llm_logs.log_id,
        arg_max(coalesce(llm_logs.coach_feedback, ''), llm_logs.observed_at) as rating
    from llm_logs, copy, log_start
    where
        llm_logs.observed_at <= copy.taken_at
        and llm_logs.created_at between copy.taken_at - interval 7 day and copy.taken_at
        and llm_logs.created_at >= log_start.first_at
    group by llm_logs.log_id
),

found as (
    select
        count(*) as ratings,
        count(events.log_id) as found
    from judged
    left join (
        select distinct feedback_history.log_id
        from feedback_history, copy
        where feedback_history.feedback_at <= copy.taken_at
    ) as events on judged.log_id = events.log_id
    where judged.rating <> ''
)

select
    strftime(timezone($zone, timezone('UTC', copy.taken_at)), '%Y-%m-%d %H:%M') as taken,
    found.ratings,
    found.ratings - found.found as missing,
    found.found / nullif(found.ratings, 0) as found_share
from found, copy
