select
    experiment_id,
    phase,
    coach_key,
    unit_key,
    variant,
    metric,
    metric_date,
    cast(sum(n) as double) as n,
    cast(sum(y) as double) as y,
    cast(sum(x) as double) as x,
    cast(sum(xx) as double) as xx,
    cast(sum(xy) as double) as xy
from {{ ref('int_metric_contributions') }}
group by
    experiment_id,
    phase,
    coach_key,
    unit_key,
    variant,
    metric,
    metric_date
