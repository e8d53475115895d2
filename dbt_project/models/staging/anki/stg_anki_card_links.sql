with ranked as (
    select
        student_key,
        anki_card_id,
        log_id,
        how,
        rank() over (
            partition by
                student_key,
                anki_card_id
            order by case how when 'field' then 1 when 'guid' then 2 else 3 end
        ) as strength
    from {{ source('landing', 'anki_card_links') }}
)

select
    student_key,
    anki_card_id,
    -- Two judgements with equally strong marks: nobody knows which, so the card leads to none.
    case when min(log_id) = max(log_id) then min(log_id) end as log_id,
    min(how) as how,
    count(*) as deliveries
from ranked
where strength = 1
group by student_key, anki_card_id
