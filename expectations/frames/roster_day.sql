-- One row: how many of the day's students stand in the roster. A roster has no times; what shows its age is the
-- students that it does not know. Null when no roster has landed.
with today as (
    select distinct unit_key
    from exposures
    where exposed_date = $day
)

select
    count(*) as students,
    count(roster.student_key) as known,
    case when exists (select 1 from roster) then avg((roster.student_key is not null)::double) end as known_share
from today
left join (select distinct student_key from roster) as roster on today.unit_key = roster.student_key
