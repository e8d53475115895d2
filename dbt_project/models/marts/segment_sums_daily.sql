select
    contributions.experiment_id,
    segments.attribute,
    segments.value,
    contributions.phase,
    contributions.coach_key,
    contributions.variant,
    contributions.metric,
    contributions.metric_date,
    cast(sum(contributions.n) as double) as n,
    cast(sum(contributions.y) as double) as y
from {{ ref('int_metric_contributions') }} as contributions
inner join {{ ref('int_exposure_segments') }} as segments
    on contributions.exposure_id = segments.exposure_id
where
    contributions.metric not in ('good_rate_mature', 'rating_rate')
    -- a failed judgement has no log row, and only that tells the concept
    and (segments.attribute <> 'concept' or contributions.metric <> 'failure_rate')
group by
    contributions.experiment_id,
    segments.attribute,
    segments.value,
    contributions.phase,
    contributions.coach_key,
    contributions.variant,
    contributions.metric,
    contributions.metric_date
union all
select
    experiment_id,
    attribute,
    value,
    phase,
    coach_key,
    variant,
    'students' as metric,
    metric_date,
    cast(count(*) as double) as n,
    cast(0 as double) as y
from {{ ref('int_segment_students') }}
group by
    experiment_id,
    attribute,
    value,
    phase,
    coach_key,
    variant,
    metric_date
