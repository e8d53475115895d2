{% set landed = [
    ("exposures", "exposed_date"), ("feedback_events", "feedback_date"), ("llm_logs", "observed_date"),
    ("anki_cards", "observed_date"), ("card_reviews", "reviewed_date"), ("anki_reviews", "reviewed_date"),
] %}
{% for table, day in landed %}
    select
        'landed' as step,
        '{{ table }}' as subject,
        {{ day }} as metric_date,
        count(*) as row_count
    from {{ source('landing', table) }}
    group by {{ day }}
    union all
{% endfor %}
select
    'counted' as step,
    'exposures' as subject,
    exposed_date as metric_date,
    count(*) as row_count
from {{ ref('int_assigned_exposures') }}
where not is_snapshot
group by exposed_date
union all
select
    'counted' as step,
    'ratings' as subject,
    metric_date,
    sum(rated_delta) as row_count
from {{ ref('int_rating_changes') }}
group by metric_date
union all
select
    'counted' as step,
    'cards' as subject,
    greatest(card_created_date, exposed_date) as metric_date,
    count(*) as row_count
from {{ ref('int_requests') }}
where card_id is not null
group by greatest(card_created_date, exposed_date)
union all
select
    'counted' as step,
    'reviews' as subject,
    metric_date,
    sum(reviews) as row_count
from {{ ref('int_cards_matured') }}
group by metric_date
