with delivered as (
    select
        card_id,
        log_id,
        student_key,
        reviewed_at,
        reviewed_date,
        quality,
        interval_before,
        interval_after,
        taken_ms,
        source_file,
        source_line,
        row_number() over (
            partition by
                card_id,
                log_id,
                student_key,
                reviewed_at,
                quality,
                interval_before,
                interval_after,
                taken_ms
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'card_reviews') }}
)

select
    card_id,
    log_id,
    student_key,
    reviewed_at,
    reviewed_date,
    quality,
    interval_before,
    interval_after,
    taken_ms,
    source_file,
    source_line
from delivered
where delivery = 1
