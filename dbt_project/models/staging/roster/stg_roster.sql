with delivered as (
    select
        student_key,
        school,
        grade,
        coach_key,
        timezone,
        source_file,
        source_line,
        row_number() over (
            partition by
                student_key
            order by source_file, source_line
        ) as delivery
    from {{ source('landing', 'roster') }}
)

select
    student_key,
    school,
    grade,
    coach_key,
    timezone,
    source_file,
    source_line
from delivered
where delivery = 1
