with delivered as (
    select
        log_id,
        feedback,
        feedback_at,
        feedback_date,
        coach_key,
        reason_code,
        source_file,
        source_line,
        row_number() over (
            partition by
                log_id,
                feedback_at,
                feedback,
                coach_key,
                reason_code
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'feedback_events') }}
)

select
    log_id,
    feedback,
    feedback_at,
    feedback_date,
    coach_key,
    reason_code,
    source_file,
    source_line
from delivered
where delivery = 1
