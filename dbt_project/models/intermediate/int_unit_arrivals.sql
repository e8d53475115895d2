with exposures as (
    select
        exposure_id,
        experiment_id,
        phase,
        randomized_unit_key,
        variant,
        coach_key,
        exposed_at,
        exposed_date
    from {{ ref('int_assigned_exposures') }}
    where is_analysed
),

ordered as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        variant,
        coach_key,
        exposed_date,
        row_number() over (
            partition by experiment_id, phase, randomized_unit_key
            order by exposed_at, exposure_id
        ) as exposure_number
    from exposures
),

firsts as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        variant,
        coach_key,
        exposed_date
    from ordered
    where exposure_number = 1
),

variant_firsts as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        variant,
        min(exposed_at) as first_at,
        min(exposed_date) as first_date
    from exposures
    group by experiment_id, phase, randomized_unit_key, variant
),

numbered_variants as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        first_date,
        row_number() over (
            partition by experiment_id, phase, randomized_unit_key
            order by first_at, variant
        ) as variant_number
    from variant_firsts
),

coach_firsts as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        coach_key,
        min(exposed_at) as first_at,
        min(exposed_date) as first_date
    from exposures
    where coach_key <> 'unknown'
    group by experiment_id, phase, randomized_unit_key, coach_key
),

numbered_coaches as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        first_date,
        row_number() over (
            partition by experiment_id, phase, randomized_unit_key
            order by first_at, coach_key
        ) as coach_number
    from coach_firsts
),

events as (
    select
        experiment_id,
        phase,
        randomized_unit_key,
        exposed_date as metric_date,
        1 as units,
        0 as two_variant_units,
        0 as multi_coach_units
    from firsts
    union all
    select
        experiment_id,
        phase,
        randomized_unit_key,
        first_date as metric_date,
        0 as units,
        1 as two_variant_units,
        0 as multi_coach_units
    from numbered_variants
    where variant_number = 2
    union all
    select
        experiment_id,
        phase,
        randomized_unit_key,
        first_date as metric_date,
        0 as units,
        0 as two_variant_units,
        1 as multi_coach_units
    from numbered_coaches
    where coach_number = 2
)

select
    firsts.experiment_id,
    firsts.phase,
    firsts.randomized_unit_key,
    firsts.coach_key,
    firsts.variant,
    events.metric_date,
    sum(events.units) as units,
    sum(events.two_variant_units) as two_variant_units,
    sum(events.multi_coach_units) as multi_coach_units
from firsts
inner join events
    on
        firsts.experiment_id = events.experiment_id
        and firsts.phase = events.phase
        and firsts.randomized_unit_key = events.randomized_unit_key
group by
    firsts.experiment_id,
    firsts.phase,
    firsts.randomized_unit_key,
    firsts.coach_key,
    firsts.variant,
    events.metric_date
