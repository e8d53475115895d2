with logged_experiments as (
    select distinct experiment_id
    from {{ ref('stg_exposures') }}
),

-- PACER's own rows stand in for an exposure log that does not exist: snapshot mode.
first_log_versions as (
    select
        log_id,
        submission_key,
        student_key,
        model_version,
        created_at,
        created_date,
        row_number() over (partition by log_id order by observed_at, row_hash) as version_number
    from {{ ref('stg_llm_logs') }}
),

judgements as (
    -- With several treatments an exposure of control counts once in each arm, one of a treatment in its own.
    select
        case
            when experiments.experiment_id <> experiments.logged_experiment_id
                then concat(experiments.experiment_id, '/', exposures.exposure_id)
            else exposures.exposure_id
        end as exposure_id,
        exposures.exposure_id as logged_exposure_id,
        coalesce(experiments.experiment_id, exposures.experiment_id) as experiment_id,
        exposures.flag_version as phase,
        exposures.flag_variant,
        exposures.flag_reason,
        exposures.flag_error,
        exposures.segment,
        exposures.flag_version,
        exposures.bucket,
        exposures.bucket_expected,
        exposures.model_version,
        exposures.served_model,
        exposures.model_digest,
        exposures.prompt_hash,
        exposures.decoding,
        exposures.unit_key,
        exposures.submission_key,
        exposures.school,
        exposures.grade,
        exposures.coach_key,
        exposures.log_id,
        exposures.exposed_at,
        exposures.exposed_date,
        case when exposures.is_failure then 1 else 0 end as failures,
        false as is_snapshot
    from {{ ref('stg_exposures') }} as exposures
    left join {{ ref('stg_experiments') }} as experiments
        on exposures.experiment_id = experiments.logged_experiment_id
    left join {{ ref('stg_experiments') }} as other_arms
        on
            exposures.experiment_id = other_arms.logged_experiment_id
            and experiments.experiment_id <> other_arms.experiment_id
            and exposures.flag_variant = other_arms.treatment_variant
    where other_arms.experiment_id is null
    union all
    select
        concat(experiments.experiment_id, '/', cast(first_log_versions.log_id as string)) as exposure_id,
        cast(null as string) as logged_exposure_id,
        experiments.experiment_id,
        'snapshot' as phase,
        case
            when first_log_versions.model_version = experiments.control_version
                then experiments.control_variant
            when first_log_versions.model_version = experiments.treatment_version
                then experiments.treatment_variant
        end as flag_variant,
        cast(null as string) as flag_reason,
        cast(null as string) as flag_error,
        cast(null as string) as segment,
        cast(null as string) as flag_version,
        cast(null as integer) as bucket,
        cast(null as integer) as bucket_expected,
        cast(null as string) as model_version,
        cast(null as string) as served_model,
        cast(null as string) as model_digest,
        cast(null as string) as prompt_hash,
        cast(null as string) as decoding,
        coalesce(
            first_log_versions.student_key,
            first_log_versions.submission_key,
            cast(first_log_versions.log_id as string)
        ) as unit_key,
        first_log_versions.submission_key,
        roster.school,
        roster.grade,
        roster.coach_key,
        first_log_versions.log_id,
        first_log_versions.created_at as exposed_at,
        first_log_versions.created_date as exposed_date,
        cast(null as integer) as failures,
        true as is_snapshot
    from {{ ref('stg_experiments') }} as experiments
    left join logged_experiments
        on experiments.logged_experiment_id = logged_experiments.experiment_id
    inner join first_log_versions
        on
            first_log_versions.version_number = 1
            and experiments.start_date <= first_log_versions.created_date
    left join {{ ref('stg_roster') }} as roster
        on first_log_versions.student_key = roster.student_key
    where logged_experiments.experiment_id is null
),

reasoned as (
    select
        judgements.exposure_id,
        judgements.logged_exposure_id,
        judgements.experiment_id,
        judgements.unit_key,
        judgements.school,
        judgements.grade,
        judgements.log_id,
        judgements.exposed_at,
        judgements.exposed_date,
        judgements.failures,
        judgements.is_snapshot,
        judgements.model_version,
        judgements.served_model,
        judgements.model_digest,
        judgements.prompt_hash,
        judgements.decoding,
        experiments.rating_days,
        experiments.card_days,
        coalesce(openings.phase, judgements.phase) as phase,
        coalesce(judgements.coach_key, 'unknown') as coach_key,
        case
            when judgements.flag_variant = experiments.control_variant then 'control'
            when judgements.flag_variant = experiments.treatment_variant then 'treatment'
            else 'unknown'
        end as variant,
        case
            when experiments.randomization_unit = 'request'
                then coalesce(judgements.submission_key, judgements.exposure_id)
            else judgements.unit_key
        end as randomized_unit_key,
        case
            when judgements.flag_error is not null or judgements.flag_reason = 'ERROR' then 'flag_error'
            when judgements.flag_reason = 'DISABLED' then 'flag_disabled'
            -- asked for by name, or served by a rule for a segment: nobody was randomised
            when judgements.flag_reason = 'FORCED' then 'forced'
            when judgements.segment is not null then 'segment'
            when experiments.experiment_id is null then 'unknown_experiment'
            when judgements.exposed_date < experiments.start_date then 'before_start'
            when
                judgements.flag_variant is null
                or judgements.flag_variant
                not in (experiments.control_variant, experiments.treatment_variant)
                then 'unknown_variant'
            when schools.experiment_id is not null then 'excluded_school'
            when grades.experiment_id is not null then 'excluded_grade'
            when coaches.experiment_id is not null then 'excluded_coach'
        end as left_out_reason,
        judgements.bucket <> judgements.bucket_expected as is_in_another_bucket,
        judgements.flag_variant <> regions.variant as is_another_variant
    from judgements
    left join {{ ref('stg_experiments') }} as experiments
        on judgements.experiment_id = experiments.experiment_id
    left join {{ ref('stg_experiment_exclusions') }} as schools
        on
            judgements.experiment_id = schools.experiment_id
            and schools.attribute = 'school'
            and judgements.school = schools.value_key
    left join {{ ref('stg_experiment_exclusions') }} as grades
        on
            judgements.experiment_id = grades.experiment_id
            and grades.attribute = 'grade'
            and judgements.grade = grades.value_key
    left join {{ ref('stg_experiment_exclusions') }} as coaches
        on
            judgements.experiment_id = coaches.experiment_id
            and coaches.attribute = 'coach'
            and judgements.coach_key = coaches.value_key
    left join {{ ref('stg_flag_regions') }} as regions
        on
            judgements.experiment_id = regions.experiment_id
            and judgements.flag_version = regions.flag_version
            and regions.low <= coalesce(judgements.bucket, judgements.bucket_expected)
            and regions.high > coalesce(judgements.bucket, judgements.bucket_expected)
    left join {{ ref('int_phase_openings') }} as openings
        on
            judgements.experiment_id = openings.experiment_id
            and judgements.flag_version = openings.flag_version
            and judgements.exposed_at >= openings.opens_at
            and (judgements.exposed_at < openings.closes_at or openings.closes_at is null)
)

select
    exposure_id,
    logged_exposure_id,
    experiment_id,
    phase,
    variant,
    coach_key,
    unit_key,
    randomized_unit_key,
    school,
    grade,
    log_id,
    exposed_at,
    exposed_date,
    failures,
    is_snapshot,
    model_version,
    served_model,
    model_digest,
    prompt_hash,
    decoding,
    rating_days,
    card_days,
    left_out_reason,
    left_out_reason is null as is_analysed,
    -- null where neither of the two can be asked
    coalesce(
        is_in_another_bucket or is_another_variant, is_in_another_bucket, is_another_variant
    ) as is_misassigned
from reasoned
