with delivered as (
    select
        card_id,
        student_key,
        log_id,
        interval_days,
        ease_factor,
        repetitions,
        last_reviewed_at,
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
                card_id,
                observed_at,
                row_hash
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'anki_cards') }}
    -- a card that PACER deleted was made and may have been reviewed: its last content stands
    where not coalesce(is_vanished, false)
)

select
    card_id,
    student_key,
    log_id,
    interval_days,
    ease_factor,
    repetitions,
    last_reviewed_at,
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
