with analysed as (
    select
        assigned.exposure_id,
        assigned.experiment_id,
        assigned.phase,
        assigned.variant,
        assigned.coach_key,
        assigned.unit_key,
        assigned.exposed_date,
        exposures.latency_ms,
        exposures.cost_usd,
        experiments.latency_cap,
        experiments.tokens_cap,
        experiments.cost_cap,
        case
            when exposures.input_tokens is not null or exposures.output_tokens is not null
                then coalesce(exposures.input_tokens, 0) + coalesce(exposures.output_tokens, 0)
        end as tokens
    from {{ ref('int_assigned_exposures') }} as assigned
    inner join {{ ref('stg_exposures') }} as exposures
        on assigned.logged_exposure_id = exposures.exposure_id
    inner join {{ ref('stg_experiments') }} as experiments
        on assigned.experiment_id = experiments.experiment_id
    where assigned.is_analysed
)

-- Whole micro-units: sums of integers are exact, whatever the order in which they are added.
select
    exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    exposed_date,
    'latency' as metric,
    round(1000 * least(latency_ms, latency_cap)) as amount
from analysed
where latency_ms is not null and latency_cap is not null
union all
select
    exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    exposed_date,
    'tokens' as metric,
    round(least(tokens, tokens_cap)) as amount
from analysed
where tokens is not null and tokens_cap is not null
union all
select
    exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    exposed_date,
    'cost' as metric,
    round(1000000 * least(cost_usd, cost_cap)) as amount
from analysed
where cost_usd is not null and cost_cap is not null
