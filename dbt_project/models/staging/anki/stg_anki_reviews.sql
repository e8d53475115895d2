with delivered as (
    select
        student_key,
        review_id,
        anki_card_id,
        reviewed_at,
        reviewed_date,
        rollover_hour,
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
            -- AnkiConnect does not tell the hour at which a day begins
            order by case when rollover_hour is null then 1 else 0 end, source_file, source_line
        ) as delivery
    from {{ source('landing', 'anki_reviews') }}
)

select
    delivered.student_key,
    delivered.review_id,
    delivered.anki_card_id,
    links.log_id,
    links.how as link,
    delivered.reviewed_at,
    delivered.reviewed_date,
    delivered.ease,
    delivered.interval_days,
    delivered.last_interval_days,
    delivered.factor,
    delivered.taken_ms,
    delivered.review_type,
    delivered.source_file,
    delivered.source_line,
    delivered.ease > 0 as is_answer,
    delivered.ease > 0
    and not (coalesce(delivered.review_type, 0) = 3 and coalesce(delivered.factor, 0) = 0) as is_scheduling,
    coalesce(delivered.review_type, 0) = 3 and coalesce(delivered.factor, 0) = 0 as is_cram,
    case when delivered.factor > 1100 then delivered.factor / 1000 end as ease_factor,
    case
        when delivered.factor between 100 and 1100 then 1 + 9 * (delivered.factor - 100) / 1000
    end as fsrs_difficulty,
    case
        when roster.timezone is null then delivered.reviewed_date
        else
            cast(
                timezone(roster.timezone, timezone('UTC', delivered.reviewed_at))
                - coalesce(delivered.rollover_hour, 4) * interval '1' hour as date
            )
    end as anki_date
from delivered
left join {{ ref('stg_anki_card_links') }} as links
    on delivered.student_key = links.student_key and delivered.anki_card_id = links.anki_card_id
left join {{ ref('stg_roster') }} as roster
    on delivered.student_key = roster.student_key
where delivered.delivery = 1
