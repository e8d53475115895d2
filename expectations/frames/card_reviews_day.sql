-- One row: the day's card reviews against the cards that exist by then.
with cards as (
    select
        card_id,
        min(created_at) as created_at
    from anki_cards
    where created_date <= $day
    group by card_id
)

select
    count(*) as reviews,
    count(*) - count(cards.card_id) as orphans,
    avg((cards.card_id is not null)::double) as found_share,
    count(*) filter (where card_reviews.reviewed_at < cards.created_at) as early,
    count(*) filter (where card_reviews.quality not between 0 and 5) as strange
from card_reviews
left join cards on card_reviews.card_id = cards.card_id
where card_reviews.reviewed_date = $day
