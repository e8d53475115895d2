with delivered as (
    select
        exposure_id,
        exposed_at,
        exposed_date,
        flag_key,
        flag_variant,
        flag_reason,
        flag_error,
        flag_version,
        experiment_id,
        unit_key,
        bucket,
        submission_key,
        school,
        grade,
        coach_key,
        model_version,
        served_model,
        log_id,
        latency_ms,
        input_tokens,
        output_tokens,
        cost_usd,
        is_failure,
        error_type,
        source_file,
        source_line,
        row_number() over (
            partition by
                exposure_id
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'exposures') }}
)

select
    exposure_id,
    exposed_at,
    exposed_date,
    flag_key,
    flag_variant,
    flag_reason,
    flag_error,
    flag_version,
    experiment_id,
    unit_key,
    bucket,
    submission_key,
    school,
    grade,
    coach_key,
    model_version,
    served_model,
    log_id,
    latency_ms,
    input_tokens,
    output_tokens,
    cost_usd,
    is_failure,
    error_type,
    source_file,
    source_line
from delivered
where delivery = 1
