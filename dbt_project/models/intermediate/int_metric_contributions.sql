with contributions as (
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'good_rate' as metric,
        metric_date,
        rated_delta as n,
        good_delta as y
    from {{ ref('int_rating_changes') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'good_rate_mature' as metric,
        mature_metric_date as metric_date,
        rated_delta as n,
        good_delta as y
    from {{ ref('int_rating_changes') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'rating_rate' as metric,
        mature_date as metric_date,
        1 as n,
        0 as y
    from {{ ref('int_requests') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        request_coach_key as coach_key,
        variant,
        unit_key,
        'rating_rate' as metric,
        mature_metric_date as metric_date,
        0 as n,
        rated_delta as y
    from {{ ref('int_rating_changes') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'failure_rate' as metric,
        exposed_date as metric_date,
        1 as n,
        failures as y
    from {{ ref('int_assigned_exposures') }}
    where is_analysed and failures is not null
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'card_rate' as metric,
        exposed_date as metric_date,
        1 as n,
        0 as y
    from {{ ref('int_assigned_exposures') }}
    where is_analysed
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'card_rate' as metric,
        greatest(card_created_date, exposed_date) as metric_date,
        0 as n,
        1 as y
    from {{ ref('int_requests') }}
    where card_id is not null
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        'engagement' as metric,
        metric_date,
        cards as n,
        reviews as y
    from {{ ref('int_cards_matured') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        metric,
        metric_date,
        n,
        y
    from {{ ref('int_card_outcomes') }}
    union all
    select
        exposure_id,
        experiment_id,
        phase,
        coach_key,
        variant,
        unit_key,
        metric,
        exposed_date as metric_date,
        1 as n,
        amount as y
    from {{ ref('int_capped_amounts') }}
)

select
    contributions.exposure_id,
    contributions.experiment_id,
    contributions.phase,
    contributions.coach_key,
    contributions.variant,
    contributions.unit_key,
    contributions.metric,
    contributions.metric_date,
    contributions.n,
    contributions.y,
    contributions.n * coalesce(covariates.covariate_milli, 0) as x,
    contributions.n * coalesce(covariates.covariate_milli, 0) * coalesce(covariates.covariate_milli, 0) as xx,
    contributions.y * coalesce(covariates.covariate_milli, 0) as xy
from contributions
left join {{ ref('int_unit_covariates') }} as covariates
    on
        contributions.experiment_id = covariates.experiment_id
        and contributions.unit_key = covariates.unit_key
