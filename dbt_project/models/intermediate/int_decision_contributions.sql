select
    experiment_id,
    phase,
    coach_key,
    variant,
    decision,
    exposed_date as metric_date,
    1 as requests,
    0 as rated,
    0 as good
from {{ ref('int_requests') }}
union all
select
    experiment_id,
    phase,
    request_coach_key as coach_key,
    variant,
    decision,
    metric_date,
    0 as requests,
    rated_delta as rated,
    good_delta as good
from {{ ref('int_rating_changes') }}
