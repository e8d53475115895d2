-- One row: the newest answer in any Anki export up to the day. Null before the first export has one.
with newest as (
    select max(reviewed_at) as reviewed_at
    from anki_reviews
    where reviewed_date <= $day and ease > 0
)

select
    strftime($day, '%Y-%m-%d') as day,
    strftime(timezone($zone, timezone('UTC', reviewed_at)), '%Y-%m-%d %H:%M') as newest,
    date_diff('hour', reviewed_at, $day_ends_at) / 24.0 as days_behind
from newest
