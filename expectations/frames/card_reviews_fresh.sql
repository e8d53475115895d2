-- One row: the newest review event up to the day. Null when the log is not three days old or was never delivered.
with delivered as (
    select unnest(map_keys(per_day))::date as reviewed_date
    from ledger
    where source = 'card_reviews'
),

newest as (
    select
        max(reviewed_date) as reviewed_date,
        min(reviewed_date) as first_date
    from delivered
    where reviewed_date <= $day
)

select
    strftime($day, '%Y-%m-%d') as day,
    strftime(reviewed_date, '%Y-%m-%d') as newest,
    case when first_date <= $day - 2 then date_diff('day', reviewed_date, $day) end as days_behind
from newest
