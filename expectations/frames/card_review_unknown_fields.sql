-- One row per field that lines of the day have and no parser knows, with the type that it mostly has.
with named as (
    select
        unknown_fields,
        source_file,
        source_line,
        unnest(json_keys(unknown_fields)) as field
    from card_reviews
    where reviewed_date = $day and unknown_fields is not null
),

said as (
    select
        field,
        regexp_extract(source_file, '[^/]+$') || ':' || source_line as place,
        source_line,
        json_extract_string(unknown_fields, '/' || field || '/type') as type
    from named
    where field <> ''
)

select
    field,
    mode(type) as type,
    count(*) as lines,
    min_by(place, (source_line, place)) as first_place
from said
group by field
order by lines desc, field
