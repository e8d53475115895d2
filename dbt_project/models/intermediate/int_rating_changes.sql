with first_events as (
    select
        log_id,
        min(feedback_at) as first_event_at
    from {{ ref('stg_feedback_events') }}
    group by log_id
),

-- The feedback log says when. PACER's row only says "by this snapshot"; it is heard until the first event.
states as (
    select
        log_id,
        coach_key,
        feedback_at as known_at,
        feedback_date as known_date,
        source_file,
        source_line,
        case when feedback <> 'WITHDRAWN' then feedback end as rating
    from {{ ref('stg_feedback_events') }}
    union all
    select
        log_rows.log_id,
        log_rows.coach_key,
        log_rows.observed_at as known_at,
        log_rows.observed_date as known_date,
        log_rows.source_file,
        log_rows.source_line,
        log_rows.coach_feedback as rating
    from {{ ref('stg_llm_logs') }} as log_rows
    left join first_events
        on log_rows.log_id = first_events.log_id
    where first_events.first_event_at is null or log_rows.observed_at < first_events.first_event_at
),

followed as (
    select
        log_id,
        coach_key,
        known_at,
        known_date,
        source_file,
        source_line,
        rating,
        lag(rating) over (partition by log_id order by known_at, source_file, source_line) as rating_before
    from states
),

changes as (
    select
        log_id,
        known_at,
        known_date,
        rating_before,
        rating,
        row_number() over (partition by log_id order by known_at, source_file, source_line) as change_number,
        first_value(coach_key) over (
            partition by log_id order by known_at, source_file, source_line
        ) as first_rating_coach_key
    from followed
    where rating is distinct from rating_before
)

select
    requests.exposure_id,
    requests.experiment_id,
    requests.phase,
    requests.variant,
    requests.unit_key,
    requests.decision,
    requests.exposed_date,
    requests.mature_date,
    changes.change_number,
    changes.known_at,
    changes.rating_before,
    changes.rating,
    requests.coach_key as request_coach_key,
    -- Without an exposure log the coach of a student outside the roster is known from the rating alone.
    case
        when requests.is_snapshot and requests.coach_key = 'unknown'
            then coalesce(changes.first_rating_coach_key, 'unknown')
        else requests.coach_key
    end as coach_key,
    greatest(changes.known_date, requests.exposed_date) as metric_date,
    greatest(changes.known_date, requests.mature_date) as mature_metric_date,
    case when changes.rating is null then 0 else 1 end
    - case when changes.rating_before is null then 0 else 1 end as rated_delta,
    case when changes.rating = 'GOOD' then 1 else 0 end
    - case when changes.rating_before = 'GOOD' then 1 else 0 end as good_delta
from changes
inner join {{ ref('int_requests') }} as requests
    on changes.log_id = requests.log_id
