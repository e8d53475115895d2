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
        cards.matured_date as metric_date,
        reviews.quality is not null as is_answer,
        -- SM-2 starts a card anew below 3: that is its Again
        coalesce(reviews.quality >= 3, false) as is_recalled
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
        cards.matured_date as metric_date,
        -- a cram answer moves no schedule: Anki keeps it out of its own statistics too
        not coalesce(reviews.review_type = 3 and reviews.factor = 0, false) as is_answer,
        reviews.ease > 1 as is_recalled
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
        0 as reviews,
        0 as answers,
        0 as recalled
    from cards
    union all
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews,
        case when is_answer then 1 else 0 end as answers,
        case when is_answer and is_recalled then 1 else 0 end as recalled
    from event_reviews
    union all
    -- a copy shows that a card was reviewed, not how it was answered
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews,
        0 as answers,
        0 as recalled
    from history_reviews
    union all
    select
        exposure_id,
        metric_date,
        0 as cards,
        1 as reviews,
        case when is_answer then 1 else 0 end as answers,
        case when is_answer and is_recalled then 1 else 0 end as recalled
    from anki_reviews
),

days as (
    select
        exposure_id,
        metric_date,
        sum(cards) as cards,
        sum(reviews) as reviews,
        sum(answers) as answers,
        sum(recalled) as recalled,
        sum(sum(reviews)) over (partition by exposure_id order by metric_date) as reviews_so_far
    from arrivals
    group by
        exposure_id,
        metric_date
)

select
    cards.card_id,
    cards.exposure_id,
    cards.experiment_id,
    cards.phase,
    cards.variant,
    cards.coach_key,
    cards.unit_key,
    days.metric_date,
    days.cards,
    days.reviews,
    days.answers,
    days.recalled,
    case when days.reviews > 0 and days.reviews = days.reviews_so_far then 1 else 0 end as reviewed
from cards
inner join days
    on cards.exposure_id = days.exposure_id
