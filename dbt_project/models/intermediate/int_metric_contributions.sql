select
    experiment_id,
    phase,
    coach_key,
    variant,
    'good_rate' as metric,
    metric_date,
    rated_delta as n,
    good_delta as y
from {{ ref('int_rating_changes') }}
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'good_rate_mature' as metric,
    mature_metric_date as metric_date,
    rated_delta as n,
    good_delta as y
from {{ ref('int_rating_changes') }}
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'rating_rate' as metric,
    mature_date as metric_date,
    1 as n,
    0 as y
from {{ ref('int_requests') }}
union all
select
    experiment_id,
    phase,
    request_coach_key as coach_key,
    variant,
    'rating_rate' as metric,
    mature_metric_date as metric_date,
    0 as n,
    rated_delta as y
from {{ ref('int_rating_changes') }}
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'failure_rate' as metric,
    exposed_date as metric_date,
    1 as n,
    failures as y
from {{ ref('int_assigned_exposures') }}
where is_analysed and failures is not null
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'card_rate' as metric,
    exposed_date as metric_date,
    1 as n,
    0 as y
from {{ ref('int_assigned_exposures') }}
where is_analysed
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'card_rate' as metric,
    greatest(card_created_date, exposed_date) as metric_date,
    0 as n,
    1 as y
from {{ ref('int_requests') }}
where card_id is not null
union all
select
    experiment_id,
    phase,
    coach_key,
    variant,
    'engagement' as metric,
    metric_date,
    cards as n,
    reviews as y
from {{ ref('int_cards_matured') }}
