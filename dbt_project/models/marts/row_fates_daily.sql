with fates as (
    select
        subject,
        fate,
        metric_date,
        row_count
    from {{ ref('int_row_fates') }}
),

staged as (
    select
        subject,
        metric_date,
        sum(row_count) as row_count
    from fates
    group by subject, metric_date
),

totals as (
    select
        step,
        subject,
        metric_date,
        row_count
    from {{ ref('int_row_totals') }}
)

select
    subject,
    'staged' as step,
    fate,
    metric_date,
    cast(row_count as bigint) as row_count
from fates
union all
-- what staging took out, because another file had brought it
select
    totals.subject,
    'repeated' as step,
    'delivered before' as fate,
    totals.metric_date,
    cast(totals.row_count - coalesce(staged.row_count, 0) as bigint) as row_count
from totals
left join staged
    on
        totals.subject = staged.subject
        and totals.metric_date = staged.metric_date
where totals.step = 'landed' and totals.row_count <> coalesce(staged.row_count, 0)
union all
select
    subject,
    step,
    'in the marts' as fate,
    metric_date,
    cast(row_count as bigint) as row_count
from totals
where step = 'counted'
