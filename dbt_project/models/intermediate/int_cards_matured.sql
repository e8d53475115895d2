with cards as (
    select
        exposure_id,
        experiment_id,
        phase,
        variant,
        coach_key,
        unit_key,
        log_id,
        card_id,
        greatest(card_created_date + card_days, exposed_date) as matured_date,
        card_created_at + card_days * interval '1' day as window_end_at
    from {{ ref('int_requests') }}
    where card_id is not null
),

event_reviews as (
    select
        cards.exposure_id,
        cards.matured_date as metric_date
    from cards
    inner join {{ ref('stg_card_reviews') }} as reviews
        on cards.card_id = reviews.card_id
    where reviews.reviewed_at < cards.window_end_at
),

logged_cards as (
    select distinct exposure_id
    from event_reviews
),

-- Without a review log PACER's row shows at least one review whenever last_reviewed_at has moved.
seen_reviews as (
    select
        card_id,
        last_reviewed_at as reviewed_at,
        min(observed_date) as observed_date
    from {{ ref('stg_anki_cards') }}
    where last_reviewed_at is not null
    group by card_id, last_reviewed_at
),

history_reviews as (
    select
        cards.exposure_id,
        greatest(cards.matured_date, seen_reviews.observed_date) as metric_date
    from cards
    inner join seen_reviews
        on cards.card_id = seen_reviews.card_id
    left join logged_cards
        on cards.exposure_id = logged_cards.exposure_id
    where seen_reviews.reviewed_at < cards.window_end_at and logged_cards.exposure_id is null
),

anki_reviews as (
    select
        cards.exposure_id,
        cards.matured_date as metric_date
    from cards
    inner join {{ ref('stg_anki_reviews') }} as reviews
        on cards.log_id = reviews.log_id and cards.unit_key = reviews.student_key
    where reviews.ease > 0 and reviews.reviewed_at < cards.window_end_at
),

arrivals as (
    select
        exposure_id,
        matured_date as metric_date,
        1 as cards,
        0 as reviews
    from cards
    union all
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews
    from event_reviews
    union all
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews
    from history_reviews
    union all
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews
    from anki_reviews
)

select
    cards.card_id,
    cards.exposure_id,
    cards.experiment_id,
    cards.phase,
    cards.variant,
    cards.coach_key,
    cards.unit_key,
    arrivals.metric_date,
    sum(arrivals.cards) as cards,
    sum(arrivals.reviews) as reviews
from cards
inner join arrivals
    on cards.exposure_id = arrivals.exposure_id
group by
    cards.card_id,
    cards.exposure_id,
    cards.experiment_id,
    cards.phase,
    cards.variant,
    cards.coach_key,
    cards.unit_key,
    arrivals.metric_date
