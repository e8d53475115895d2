with requests as (
    select
        exposure_id,
        experiment_id,
        phase,
        variant,
        coach_key,
        unit_key,
        log_id,
        exposed_at,
        exposed_date,
        is_snapshot,
        card_days,
        exposed_date + rating_days as mature_date,
        -- A log row is rated once: a second exposure that claims it is a fault of the log, not a request.
        row_number() over (partition by experiment_id, log_id order by exposed_at, exposure_id) as claim
    from {{ ref('int_assigned_exposures') }}
    where is_analysed and log_id is not null and coalesce(failures, 0) = 0
),

log_versions as (
    select
        log_id,
        decision,
        row_number() over (partition by log_id order by observed_at, row_hash) as version_number
    from {{ ref('stg_llm_logs') }}
),

card_versions as (
    select
        card_id,
        log_id,
        created_at,
        created_date,
        row_number() over (partition by card_id order by observed_at desc, row_hash asc) as version_age
    from {{ ref('stg_anki_cards') }}
),

cards as (
    select
        log_id,
        card_id,
        created_at,
        created_date,
        row_number() over (partition by log_id order by created_at, card_id) as card_number
    from card_versions
    where version_age = 1
)

select
    requests.exposure_id,
    requests.experiment_id,
    requests.phase,
    requests.variant,
    requests.coach_key,
    requests.unit_key,
    requests.log_id,
    requests.exposed_at,
    requests.exposed_date,
    requests.mature_date,
    requests.is_snapshot,
    requests.card_days,
    cards.card_id,
    cards.created_at as card_created_at,
    cards.created_date as card_created_date,
    coalesce(log_versions.decision, 'unknown') as decision
from requests
left join log_versions
    on requests.log_id = log_versions.log_id and log_versions.version_number = 1
left join cards
    on requests.log_id = cards.log_id and cards.card_number = 1
where requests.claim = 1
