with delivered as (
    select
        log_id,
        submission_key,
        student_key,
        coach_key,
        concept_name,
        model_version,
        decision,
        coach_feedback,
        reason_code,
        reason_length,
        memo_length,
        created_at,
        created_date,
        observed_at,
        observed_date,
        not_before_at,
        row_hash,
        source_file,
        source_line,
        row_number() over (
            partition by
                log_id,
                observed_at,
                row_hash
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'llm_logs') }}
    -- a judgement that PACER deleted did happen: its last content stands
    where not coalesce(is_vanished, false)
)

select
    log_id,
    submission_key,
    student_key,
    coach_key,
    concept_name,
    model_version,
    decision,
    coach_feedback,
    reason_code,
    reason_length,
    memo_length,
    created_at,
    created_date,
    observed_at,
    observed_date,
    not_before_at,
    row_hash,
    source_file,
    source_line
from delivered
where delivery = 1
