with delivered as (
    select
        experiment_id,
        slug,
        randomization_unit,
        start_date,
        control_variant,
        treatment_variant,
        control_version,
        treatment_version,
        rating_days,
        card_days,
        covariate,
        latency_cap,
        tokens_cap,
        cost_cap,
        counts_card_reviewed_rate,
        counts_retention,
        -- rows that an older version landed do not have it
        coalesce(logged_experiment_id, experiment_id) as logged_experiment_id,
        row_number() over (
            partition by
                experiment_id
            order by start_date, slug
        ) as delivery
    from {{ source('landing', 'experiments') }}
)

select
    experiment_id,
    logged_experiment_id,
    slug,
    randomization_unit,
    start_date,
    control_variant,
    treatment_variant,
    control_version,
    treatment_version,
    rating_days,
    card_days,
    covariate,
    latency_cap,
    tokens_cap,
    cost_cap,
    counts_card_reviewed_rate,
    counts_retention
from delivered
where delivery = 1
