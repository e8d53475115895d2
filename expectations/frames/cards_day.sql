-- One row: the cards created up to the day; unique ids, those of the day against their judgements, and the day's
-- approvals against their cards (both from the same copies of PACER's database).
with versions as (
    select
        card_id,
        observed_at,
        count(distinct row_hash) as contents
    from anki_cards
    where created_date <= $day
    group by card_id, observed_at
),

today as (
    select distinct
        card_id,
        log_id
    from anki_cards
    where created_date = $day
),

approved as (
    select distinct log_id
    from llm_logs
    where created_date = $day and decision = 'APPROVE'
),

carded as (
    select
        count(*) as approvals,
        count(cards.log_id) as with_card
    from approved
    left join (select distinct log_id from anki_cards) as cards on approved.log_id = cards.log_id
)

select
    (select count(distinct card_id) from versions) as cards,
    (select count(distinct card_id) from versions where contents > 1) as conflicting,
    (select count(*) from today) as cards_today,
    (select avg((log_id in (select log_id from llm_logs))::double) from today) as found_share,
    (select approvals from carded) as approvals,
    (select approvals - with_card from carded) as without_card,
    (select with_card / nullif(approvals, 0) from carded) as card_share
