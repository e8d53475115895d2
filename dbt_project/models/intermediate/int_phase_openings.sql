with served as (
    -- what nobody was randomised to says nothing of what the two variants are
    select
        experiments.experiment_id,
        exposures.flag_version,
        exposures.flag_variant,
        exposures.exposed_at,
        exposures.model_version,
        exposures.served_model,
        exposures.model_digest,
        exposures.prompt_hash,
        exposures.decoding
    from {{ ref('stg_exposures') }} as exposures
    inner join {{ ref('stg_experiments') }} as experiments
        on
            exposures.experiment_id = experiments.logged_experiment_id
            and exposures.exposed_date >= experiments.start_date
    where
        exposures.flag_variant in (experiments.control_variant, experiments.treatment_variant)
        and exposures.flag_error is null
        and coalesce(exposures.flag_reason, '') not in ('ERROR', 'DISABLED', 'FORCED')
        and exposures.segment is null
),

told as (
    {% for field in served_identity_fields() %}
        select
            experiment_id,
            flag_version,
            flag_variant,
            '{{ field }}' as field,
            {{ field }} as field_value,
            exposed_at
        from served
        where {{ field }} is not null
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

appearances as (
    select
        experiment_id,
        flag_version,
        flag_variant,
        field,
        field_value,
        min(exposed_at) as appeared_at
    from told
    group by experiment_id, flag_version, flag_variant, field, field_value
),

numbered as (
    select
        experiment_id,
        flag_version,
        appeared_at,
        row_number() over (
            partition by experiment_id, flag_version, flag_variant, field
            order by appeared_at, field_value
        ) as value_number
    from appearances
),

changes as (
    select distinct
        experiment_id,
        flag_version,
        appeared_at
    from numbered
    where value_number > 1
),

spaced as (
    select
        experiment_id,
        flag_version,
        appeared_at,
        lag(appeared_at) over (
            partition by experiment_id, flag_version
            order by appeared_at
        ) as changed_before_at
    from changes
),

openings as (
    -- a deploy reaches one server after the other: what changes within an hour of a change is the same one
    select
        experiment_id,
        flag_version,
        appeared_at as opens_at,
        row_number() over (
            partition by experiment_id, flag_version
            order by appeared_at
        ) + 1 as opening
    from spaced
    where changed_before_at is null or appeared_at > changed_before_at + interval '1' hour
)

select
    experiment_id,
    flag_version,
    opening,
    opens_at,
    concat(flag_version, '~', cast(opening as string)) as phase,
    lead(opens_at) over (
        partition by experiment_id, flag_version
        order by opens_at
    ) as closes_at
from openings
