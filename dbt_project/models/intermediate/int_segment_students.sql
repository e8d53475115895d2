with ordered as (
    select
        assigned.experiment_id,
        segments.attribute,
        segments.value,
        assigned.variant,
        assigned.unit_key,
        assigned.phase,
        assigned.coach_key,
        assigned.exposed_date as metric_date,
        row_number() over (
            partition by
                assigned.experiment_id,
                segments.attribute,
                segments.value,
                assigned.variant,
                assigned.unit_key
            order by assigned.exposed_at, assigned.exposure_id
        ) as exposure_number
    from {{ ref('int_assigned_exposures') }} as assigned
    inner join {{ ref('int_exposure_segments') }} as segments
        on assigned.exposure_id = segments.exposure_id
    where assigned.is_analysed
)

select
    experiment_id,
    attribute,
    value,
    variant,
    unit_key,
    phase,
    coach_key,
    metric_date
from ordered
where exposure_number = 1
