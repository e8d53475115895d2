select
    experiment_id,
    phase,
    variant,
    metric_date,
    within_days,
    cast(ratings as bigint) as ratings
from {{ ref('int_rating_delays') }}
