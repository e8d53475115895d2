with analysed as (
    select
        experiment_id,
        phase,
        variant,
        exposed_date,
        model_version,
        served_model,
        model_digest,
        prompt_hash,
        decoding
    from {{ ref('int_assigned_exposures') }}
    where is_analysed
),

told as (
    {% for field in served_identity_fields() %}
        select
            experiment_id,
            phase,
            variant,
            '{{ field }}' as field,
            {{ field }} as field_value,
            exposed_date
        from analysed
        where {{ field }} is not null
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    experiment_id,
    phase,
    variant,
    field,
    field_value,
    exposed_date as metric_date,
    count(*) as exposures
from told
group by
    experiment_id,
    phase,
    variant,
    field,
    field_value,
    exposed_date
