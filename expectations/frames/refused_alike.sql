-- One row per file and kind of refusal that is no accident: it hit ten of twenty neighbouring lines of the day, or is a
-- version of the log that nobody here knows. A line without a readable time counts for each day of its file.
with refused as (
    select
        source_file,
        source_line,
        reason,
        detail,
        case when contains(detail, ': ') then split_part(detail, ':', 1) else '' end as field
    from rejects
    where
        source = $source
        and source_line > 0
        and reason not like 'duplicate%'
        and reason not like 'conflicting%'
        and reason <> 'unfinished line'
        and (
            day = $day
            or (
                day is null
                and source_file in (
                    select file from ledger
                    where
                        source = $source
                        and (coalesce(per_day[strftime($day, '%Y-%m-%d')], 0) > 0 or landed = 0)
                )
            )
        )
),

neighbours as (
    select
        *,
        lead(source_line, 9) over (
            partition by source_file, reason, field
            order by source_line
        ) - source_line as tenth_after
    from refused
)

select
    regexp_extract(source_file, '[^/]+$') as file,
    reason,
    count(*) as lines,
    min(source_line) as line,
    arg_min(detail, source_line) as detail
from neighbours
group by source_file, reason, field
having min(tenth_after) < 20 or reason = 'unknown schema version'
order by source_file, line, reason
