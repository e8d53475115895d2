with delivered as (
    select
        experiment_id,
        attribute,
        value_key,
        row_number() over (
            partition by
                experiment_id,
                attribute,
                value_key
            order by value_key
        ) as delivery
    from {{ source('landing', 'experiment_exclusions') }}
)

select
    experiment_id,
    attribute,
    value_key
from delivered
where delivery = 1
