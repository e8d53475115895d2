select
    experiment_id,
    phase,
    coach_key,
    variant,
    decision,
    metric_date,
    cast(sum(requests) as double) as requests,
    cast(sum(rated) as double) as rated,
    cast(sum(good) as double) as good
from {{ ref('int_decision_contributions') }}
group by
    experiment_id,
    phase,
    coach_key,
    variant,
    decision,
    metric_date
