-- One row per copy of PACER's database that was taken on the day after the day: what it no longer has, and what it
-- has that the copy before had not. A table of which a copy landed nothing new has a row, too.
with copies as (
    select
        file as copy_name,
        refused,
        rows_in,
        landed,
        coalesce(warnings['unchanged since the copy before'], 0) as unchanged,
        coalesce(warnings['vanished since the copy before'], 0) as vanished,
        coalesce(warnings['another row under a known id'], 0) as reused,
        list_sort(
            [substr(name, 17) for name in map_keys(warnings) if starts_with(name, 'unknown column: ')]
        ) as new_columns,
        list_sort(map_keys(reasons)) as reasons,
        lag(refused, 1, 0) over (order by file) as refused_before
    from ledger
    where source = $source and starts_with(file, 'pacer-')
)

select
    copy_name,
    vanished,
    vanished / nullif(unchanged + landed, 0) as vanished_share,
    reused,
    greatest(refused - refused_before, 0) as refused,
    greatest(refused - refused_before, 0) / nullif(landed + greatest(refused - refused_before, 0), 0) as refused_share,
    array_to_string(reasons, '; ') as reasons,
    len(new_columns) as new_columns,
    array_to_string(new_columns, ', ') as column_names
from copies
where
    timezone($zone, timezone('UTC', strptime(copy_name, 'pacer-%Y%m%dT%H%M%S')))::date
    = $day + interval 1 day
order by copy_name
