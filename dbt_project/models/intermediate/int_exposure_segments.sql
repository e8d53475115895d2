with log_versions as (
    select
        log_id,
        concept_name,
        row_number() over (partition by log_id order by observed_at, row_hash) as version_number
    from {{ ref('stg_llm_logs') }}
),

exposures as (
    select
        assigned.exposure_id,
        assigned.school,
        assigned.grade,
        log_versions.concept_name
    from {{ ref('int_assigned_exposures') }} as assigned
    left join log_versions
        on assigned.log_id = log_versions.log_id and log_versions.version_number = 1
    where assigned.is_analysed
)

select
    exposure_id,
    'school' as attribute,
    coalesce(school, 'unknown') as value
from exposures
union all
select
    exposure_id,
    'grade' as attribute,
    coalesce(grade, 'unknown') as value
from exposures
union all
select
    exposure_id,
    'concept' as attribute,
    coalesce(concept_name, 'unknown') as value
from exposures
