with delivered as (
    select
        experiment_id,
        flag_version,
        variant,
        low,
        high,
        row_number() over (
            partition by
                experiment_id,
                flag_version,
                low
            order by high, variant
        ) as delivery
    from {{ source('landing', 'flag_regions') }}
)

select
    experiment_id,
    flag_version,
    variant,
    low,
    high
from delivered
where delivery = 1
