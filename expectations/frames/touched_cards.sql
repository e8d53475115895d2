-- One row: cards that PACER's own table says were reviewed on the day against the review events of the day.
-- A copy shows a card's last review only, so a card counts where any copy shows a review of this day.
-- Null where no review log was ever delivered.
with touched as (
    select distinct card_id
    from anki_cards
    where timezone($zone, timezone('UTC', last_reviewed_at))::date = $day
),

found as (
    select
        count(*) as cards,
        count(events.card_id) as found
    from touched
    left join (select distinct card_id from card_reviews where reviewed_date = $day) as events
        on touched.card_id = events.card_id
)

select
    cards,
    cards - found as missing,
    case when exists (select 1 from ledger where source = 'card_reviews') then found / nullif(cards, 0) end as found_share
from found
