-- One row: the cards created up to the day; unique ids, and those of the day against their judgements.
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
)

select
    (select count(distinct card_id) from versions) as cards,
    (select count(distinct card_id) from versions where contents > 1) as conflicting,
    (select count(*) from today) as cards_today,
    (select avg((log_id in (select log_id from llm_logs))::double) from today) as found_share
