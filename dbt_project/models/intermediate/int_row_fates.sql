-- What is told of a row was known on its own day: data of later days never change it.
with exposed as (
    select
        log_id,
        min(exposed_date) as exposed_date
    from {{ ref('int_assigned_exposures') }}
    where log_id is not null
    group by log_id
),

requests as (
    select
        log_id,
        min(exposed_date) as exposed_date
    from {{ ref('int_requests') }}
    group by log_id
),

rating_changes as (
    select distinct
        requests.log_id,
        changes.known_at,
        coalesce(changes.rating, 'WITHDRAWN') as rating
    from {{ ref('int_rating_changes') }} as changes
    inner join {{ ref('int_requests') }} as requests
        on changes.exposure_id = requests.exposure_id
),

card_windows as (
    select
        card_id,
        log_id,
        unit_key,
        min(greatest(card_created_date, exposed_date)) as known_date,
        max(card_created_at + card_days * interval '1' day) as window_end_at
    from {{ ref('int_requests') }}
    where card_id is not null
    group by card_id, log_id, unit_key
),

cards as (
    select
        card_id,
        min(created_date) as created_date
    from {{ ref('stg_anki_cards') }}
    group by card_id
),

placed_exposures as (
    select
        logged_exposure_id,
        exposed_date,
        case
            when bool_or(is_analysed) then 'analysed'
            else concat('left out: ', min(left_out_reason))
        end as fate
    from {{ ref('int_assigned_exposures') }}
    where not is_snapshot
    group by logged_exposure_id, exposed_date
),

log_versions as (
    select
        log_id,
        observed_at,
        observed_date,
        row_number() over (partition by log_id order by observed_at, row_hash) as version_number
    from {{ ref('stg_llm_logs') }}
),

card_versions as (
    select
        card_id,
        log_id,
        observed_date,
        row_number() over (partition by card_id order by observed_at, row_hash) as version_number
    from {{ ref('stg_anki_cards') }}
),

fates as (
    select
        'exposures' as subject,
        fate,
        exposed_date as metric_date
    from placed_exposures
    union all
    select
        'feedback_events' as subject,
        case
            when requests.exposed_date <= events.feedback_date and rating_changes.log_id is not null
                then 'changes a rating'
            when requests.exposed_date <= events.feedback_date then 'repeats the rating that holds'
            when exposed.exposed_date <= events.feedback_date then 'of a judgement that is not analysed'
            else 'of no known exposure'
        end as fate,
        events.feedback_date as metric_date
    from {{ ref('stg_feedback_events') }} as events
    left join requests
        on events.log_id = requests.log_id
    left join exposed
        on events.log_id = exposed.log_id
    left join rating_changes
        on
            events.log_id = rating_changes.log_id
            and events.feedback_at = rating_changes.known_at
            and events.feedback = rating_changes.rating
    union all
    select
        'llm_logs' as subject,
        case
            when log_versions.version_number > 1 then 'another version of a known judgement'
            when requests.exposed_date <= log_versions.observed_date then 'of an analysed request'
            when exposed.exposed_date <= log_versions.observed_date then 'of a judgement that is not analysed'
            else 'of no known exposure'
        end as fate,
        log_versions.observed_date as metric_date
    from log_versions
    left join requests
        on log_versions.log_id = requests.log_id
    left join exposed
        on log_versions.log_id = exposed.log_id
    union all
    select
        'anki_cards' as subject,
        case
            when card_versions.version_number > 1 then 'another version of a known card'
            when requests.exposed_date <= card_versions.observed_date then 'of an analysed request'
            else 'of no analysed request'
        end as fate,
        card_versions.observed_date as metric_date
    from card_versions
    left join requests
        on card_versions.log_id = requests.log_id
    union all
    -- the last version of a row that PACER has no more: it says only that it is gone
    {% for table in ["llm_logs", "anki_cards"] %}
        select
            '{{ table }}' as subject,
            'gone from the database' as fate,
            observed_date as metric_date
        from {{ source('landing', table) }}
        where is_vanished
        union all
    {% endfor %}
    select
        'card_reviews' as subject,
        case
            when
                card_windows.known_date <= reviews.reviewed_date
                and reviews.reviewed_at < card_windows.window_end_at
                then 'in the first days of its card'
            when card_windows.known_date <= reviews.reviewed_date then 'after the first days of its card'
            when cards.created_date <= reviews.reviewed_date then 'of a card that is not analysed'
            else 'of no known card'
        end as fate,
        reviews.reviewed_date as metric_date
    from {{ ref('stg_card_reviews') }} as reviews
    left join card_windows
        on reviews.card_id = card_windows.card_id
    left join cards
        on reviews.card_id = cards.card_id
    union all
    select
        'anki_reviews' as subject,
        case
            when reviews.ease = 0 then 'no answer: a reset or a new date'
            when reviews.log_id is null then 'of no card of PACER'
            when
                card_windows.known_date <= reviews.reviewed_date
                and reviews.reviewed_at < card_windows.window_end_at
                then 'in the first days of its card'
            when card_windows.known_date <= reviews.reviewed_date then 'after the first days of its card'
            else 'of a card that is not analysed'
        end as fate,
        reviews.reviewed_date as metric_date
    from {{ ref('stg_anki_reviews') }} as reviews
    left join card_windows
        on reviews.log_id = card_windows.log_id and reviews.student_key = card_windows.unit_key
)

select
    subject,
    fate,
    metric_date,
    count(*) as row_count
from fates
group by subject, fate, metric_date
