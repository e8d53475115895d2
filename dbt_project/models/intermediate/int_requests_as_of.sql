with days as (
    select
        exposure_id,
        metric_date,
        sum(rated_delta) as rated_delta,
        sum(good_delta) as good_delta
    from {{ ref('int_rating_changes') }}
    group by exposure_id, metric_date
    union all
    select
        exposure_id,
        exposed_date as metric_date,
        0 as rated_delta,
        0 as good_delta
    from {{ ref('int_requests') }}
),

states as (
    select
        exposure_id,
        metric_date,
        sum(rated_delta) as rated_delta,
        sum(good_delta) as good_delta
    from days
    group by exposure_id, metric_date
)

select
    exposure_id,
    metric_date as known_from_date,
    lead(metric_date) over (partition by exposure_id order by metric_date) as known_until_date,
    sum(rated_delta) over (partition by exposure_id order by metric_date) = 1 as is_rated,
    sum(good_delta) over (partition by exposure_id order by metric_date) = 1 as is_good
from states
