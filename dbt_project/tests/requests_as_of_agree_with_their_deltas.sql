{{ config(meta={"dagster": {"ref": {"name": "int_requests_as_of"}}}) }}

-- The state of all requests on any day and the sum of all changes up to it are two ways to say the same.
with days as (
    select distinct metric_date
    from {{ ref('int_rating_changes') }}
),

states as (
    select
        days.metric_date,
        sum(case when requests.is_rated then 1 else 0 end) as rated,
        sum(case when requests.is_good then 1 else 0 end) as good
    from days
    inner join {{ ref('int_requests_as_of') }} as requests
        on
            days.metric_date >= requests.known_from_date
            and (requests.known_until_date is null or days.metric_date < requests.known_until_date)
    group by days.metric_date
),

deltas as (
    select
        metric_date,
        sum(rated_delta) as rated,
        sum(good_delta) as good
    from {{ ref('int_rating_changes') }}
    group by metric_date
),

sums as (
    select
        metric_date,
        sum(rated) over (order by metric_date) as rated,
        sum(good) over (order by metric_date) as good
    from deltas
)

select
    sums.metric_date,
    sums.rated,
    states.rated as rated_as_of,
    sums.good,
    states.good as good_as_of
from sums
left join states
    on sums.metric_date = states.metric_date
where
    sums.rated is distinct from states.rated
    or sums.good is distinct from states.good
