with delivered as (
    select
        student_key,
        review_id,
        anki_card_id,
        log_id,
        reviewed_at,
        reviewed_date,
        ease,
        interval_days,
        last_interval_days,
        factor,
        taken_ms,
        review_type,
        source_file,
        source_line,
        row_number() over (
            partition by
                student_key,
                review_id,
                anki_card_id
            order by case when log_id is null then 1 else 0 end, source_file, source_line
        ) as delivery
    from {{ source('landing', 'anki_reviews') }}
)

select
    student_key,
    review_id,
    anki_card_id,
    log_id,
    reviewed_at,
    reviewed_date,
    ease,
    interval_days,
    last_interval_days,
    factor,
    taken_ms,
    review_type,
    source_file,
    source_line
from delivered
where delivery = 1
