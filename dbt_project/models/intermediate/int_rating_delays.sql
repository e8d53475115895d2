-- A coach who takes a rating back has looked all the same: the first rating of a request counts.
with first_ratings as (
    select
        changes.experiment_id,
        changes.phase,
        changes.variant,
        changes.mature_metric_date as metric_date,
        epoch(changes.known_at - requests.exposed_at) / 86400 as days_taken
    from {{ ref('int_rating_changes') }} as changes
    inner join {{ ref('int_requests') }} as requests
        on changes.exposure_id = requests.exposure_id
    where changes.change_number = 1
)

select
    experiment_id,
    phase,
    variant,
    metric_date,
    greatest(cast(ceil(days_taken) as integer), 1) as within_days,
    count(*) as ratings
from first_ratings
group by
    experiment_id,
    phase,
    variant,
    metric_date,
    greatest(cast(ceil(days_taken) as integer), 1)
