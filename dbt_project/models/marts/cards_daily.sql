select
    experiment_id,
    phase,
    variant,
    metric_date,
    cast(sum(cards) as bigint) as cards,
    cast(sum(reviewed) as bigint) as reviewed
from {{ ref('int_cards_matured') }}
group by
    experiment_id,
    phase,
    variant,
    metric_date
