select
    experiment_id,
    phase,
    coach_key,
    variant,
    metric,
    metric_date,
    cast(sum(n) as double) as n,
    cast(sum(y) as double) as y
from {{ ref('int_metric_contributions') }}
group by
    experiment_id,
    phase,
    coach_key,
    variant,
    metric,
    metric_date
