-- When things happened, not when their rows came: an hour that is missing here was never delivered.
with first_versions as (
    select
        'llm_logs' as subject,
        log_id as row_id,
        min(created_date) as metric_date,
        min(created_at) as happened_at
    from {{ ref('stg_llm_logs') }}
    group by log_id
    union all
    select
        'anki_cards' as subject,
        card_id as row_id,
        min(created_date) as metric_date,
        min(created_at) as happened_at
    from {{ ref('stg_anki_cards') }}
    group by card_id
),

happened as (
    select
        'exposures' as subject,
        exposed_date as metric_date,
        exposed_at as happened_at
    from {{ ref('stg_exposures') }}
    union all
    select
        'feedback_events' as subject,
        feedback_date as metric_date,
        feedback_at as happened_at
    from {{ ref('stg_feedback_events') }}
    union all
    select
        'card_reviews' as subject,
        reviewed_date as metric_date,
        reviewed_at as happened_at
    from {{ ref('stg_card_reviews') }}
    union all
    select
        'anki_reviews' as subject,
        reviewed_date as metric_date,
        reviewed_at as happened_at
    from {{ ref('stg_anki_reviews') }}
    union all
    select
        subject,
        metric_date,
        happened_at
    from first_versions
)

select
    subject,
    metric_date,
    date_trunc('hour', happened_at) as started_at,
    count(*) as row_count
from happened
group by
    subject,
    metric_date,
    date_trunc('hour', happened_at)
