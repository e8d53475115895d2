-- One row: the copy of PACER's database that the day is counted against. That is the first one taken after the
-- day, else the newest there is; null when none has landed. The same copy is found when the day is judged again.
with copies as (
    select try_strptime(file, 'pacer-%Y%m%dT%H%M%S') as taken_at
    from ledger
    where source = 'llm_logs'
),

chosen as (
    select coalesce(min(taken_at) filter (where taken_at >= $day_ends_at), max(taken_at)) as taken_at
    from copies
)

select
    strftime($day, '%Y-%m-%d') as day,
    exists (select 1 from ledger where source = 'feedback_events') as has_feedback_log,
    strftime(timezone($zone, timezone('UTC', taken_at)), '%Y-%m-%d %H:%M') as taken,
    greatest(0, date_diff('minute', taken_at, $day_ends_at) / 60.0) as hours_behind
from chosen
