with cards as (
    select
        matured.exposure_id,
        matured.experiment_id,
        matured.phase,
        matured.variant,
        matured.coach_key,
        matured.unit_key,
        matured.metric_date,
        matured.cards,
        matured.reviewed,
        matured.answers,
        matured.recalled,
        experiments.counts_card_reviewed_rate,
        experiments.counts_retention
    from {{ ref('int_cards_matured') }} as matured
    inner join {{ ref('stg_experiments') }} as experiments
        on matured.experiment_id = experiments.experiment_id
)

select
    exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    metric_date,
    'card_reviewed_rate' as metric,
    cards as n,
    reviewed as y
from cards
where counts_card_reviewed_rate and cards + reviewed > 0
union all
select
    exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    metric_date,
    'retention' as metric,
    answers as n,
    recalled as y
from cards
where counts_retention and answers > 0
