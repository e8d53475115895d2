select
    experiment_id,
    phase,
    coach_key,
    variant,
    metric_date,
    cast(sum(units) as bigint) as units,
    cast(sum(two_variant_units) as bigint) as two_variant_units,
    cast(sum(multi_coach_units) as bigint) as multi_coach_units
from {{ ref('int_unit_arrivals') }}
group by
    experiment_id,
    phase,
    coach_key,
    variant,
    metric_date
