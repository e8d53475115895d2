-- One row: the day's answered Anki reviews of PACER cards against PACER's cards, and the students whose whole
-- history links to no PACER card (their export lost guid, field and tag).
with links as (
    select
        student_key,
        anki_card_id,
        min(log_id) as log_id
    from anki_card_links
    group by student_key, anki_card_id
),

answers as (
    select
        reviews.student_key,
        links.log_id,
        reviews.reviewed_date
    from (
        select distinct student_key, review_id, anki_card_id, reviewed_date
        from anki_reviews
        where reviewed_date <= $day and ease > 0
    ) as reviews
    left join links
        on reviews.student_key = links.student_key and reviews.anki_card_id = links.anki_card_id
),

students as (
    select
        student_key,
        count(log_id) as linked
    from answers
    group by student_key
),

today as (
    select
        count(*) as reviews,
        count(cards.log_id) as found
    from answers
    left join (select distinct student_key, log_id from anki_cards where created_date <= $day) as cards
        on answers.log_id = cards.log_id and answers.student_key = cards.student_key
    where answers.reviewed_date = $day and answers.log_id is not null
)

select
    today.reviews,
    today.reviews - today.found as orphans,
    today.found / nullif(today.reviews, 0) as found_share,
    (select count(*) from students) as students,
    (select count(*) from students where linked = 0) as unlinked_students,
    (select avg((linked = 0)::double) from students) as unlinked_share
from today
