with experiments as (
    select
        experiment_id,
        start_date
    from {{ ref('stg_experiments') }}
    where covariate = 'pre_period'
),

-- Frozen at the start. A fresh home sees its first copy on the morning after; later ones are not heard.
log_rows as (
    select
        experiments.experiment_id,
        versions.log_id,
        versions.student_key,
        versions.coach_key,
        versions.coach_feedback,
        row_number() over (
            partition by experiments.experiment_id, versions.log_id
            order by versions.observed_at desc, versions.source_file desc, versions.source_line desc
        ) as version_age
    from experiments
    inner join {{ ref('stg_llm_logs') }} as versions
        on
            experiments.start_date > versions.created_date
            and experiments.start_date + 1 >= versions.observed_date
),

events as (
    select
        experiments.experiment_id,
        feedback.log_id,
        feedback.coach_key,
        feedback.feedback,
        row_number() over (
            partition by experiments.experiment_id, feedback.log_id
            order by feedback.feedback_at desc, feedback.source_file desc, feedback.source_line desc
        ) as event_age
    from experiments
    inner join {{ ref('stg_feedback_events') }} as feedback
        on experiments.start_date > feedback.feedback_date
),

ratings as (
    select
        log_rows.experiment_id,
        log_rows.student_key,
        coalesce(events.coach_key, log_rows.coach_key) as coach_key,
        case when events.log_id is null then log_rows.coach_feedback else events.feedback end as rating
    from log_rows
    left join events
        on
            log_rows.experiment_id = events.experiment_id
            and log_rows.log_id = events.log_id
            and events.event_age = 1
    where log_rows.version_age = 1
),

cells as (
    select
        experiment_id,
        student_key,
        coach_key,
        count(*) as rated,
        sum(case when rating = 'GOOD' then 1 else 0 end) as good
    from ratings
    where student_key is not null and coach_key is not null and rating in ('GOOD', 'BAD')
    group by
        experiment_id,
        student_key,
        coach_key
),

deviations as (
    select
        experiment_id,
        student_key,
        rated,
        good - rated * (
            sum(good) over (partition by experiment_id, coach_key)
            / sum(rated) over (partition by experiment_id, coach_key)
        ) as deviation
    from cells
)

-- Decimals and thousandths add up exactly: no order of summation can change a verdict's last bit.
select
    experiment_id,
    student_key as unit_key,
    cast(
        round(1000 * cast(sum(cast(deviation as decimal(18, 12))) as double) / (sum(rated) + 19)) as integer
    ) as covariate_milli
from deviations
group by
    experiment_id,
    student_key
