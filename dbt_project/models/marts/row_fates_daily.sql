with fates as (
    select
        source,
        fate,
        metric_date,
        row_count
    from {{ ref('int_row_fates') }}
),

staged as (
    select
        source,
        metric_date,
        sum(row_count) as row_count
    from fates
    group by source, metric_date
),

totals as (
    select
        step,
        source,
        metric_date,
        row_count
    from {{ ref('int_row_totals') }}
)

select
    source,
    'staged' as step,
    fate,
    metric_date,
    cast(row_count as bigint) as row_count
from fates
union all
-- what staging took out, because another file had brought it
select
    totals.source,
    'repeated' as step,
    'delivered before' as fate,
    totals.metric_date,
    cast(totals.row_count - coalesce(staged.row_count, 0) as bigint) as row_count
from totals
left join staged
    on
        totals.source = staged.source
        and totals.metric_date = staged.metric_date
where totals.step = 'landed' and totals.row_count <> coalesce(staged.row_count, 0)
union all
select
    source,
    step,
    'in the marts' as fate,
    metric_date,
    cast(row_count as bigint) as row_count
from totals
where step = 'counted'
