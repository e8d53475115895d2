-- One row per school and per grade of the day or of a trailing day: its share of the students, beside the trailing
-- days. All variants together, so that another share of traffic changes nothing; students, not calls, because one
-- busy student is no other mix. distance counts scatters, as in decision_mix.
with told as (
    select
        exposed_date,
        unit_key,
        unnest(['school', 'grade']) as attribute,
        unnest([school, grade]) as value
    from exposures_usual
),

daily as (
    select
        exposed_date,
        attribute,
        value,
        count(distinct unit_key) as students
    from told
    where value is not null
    group by all
),

shares as (
    select
        days.exposed_date,
        places.attribute,
        places.value,
        days.total,
        coalesce(daily.students, 0) / days.total as share
    from (select exposed_date, attribute, sum(students)::bigint as total from daily group by all) as days
    inner join (select distinct attribute, value from daily) as places on days.attribute = places.attribute
    left join daily
        on
            days.exposed_date = daily.exposed_date
            and places.attribute = daily.attribute
            and places.value = daily.value
),

usual as (
    select
        attribute,
        value,
        count(*) as days,
        median(share) as usual,
        mad(share) as usual_mad,
        sum(total) as usual_students
    from shares
    where exposed_date in (select trailing_date from trailing_days) and total >= 50
    group by all
    having count(*) >= 3
)

select
    shares.attribute,
    shares.value,
    shares.total as students,
    shares.share,
    usual.days,
    usual.usual,
    abs(shares.share - usual.usual) as gap,
    abs(shares.share - usual.usual) / greatest(
        1.4826 * usual.usual_mad,
        sqrt(
            greatest(usual.usual * (1 - usual.usual), 0.01)
            * (1 / shares.total + pi() / 2 / usual.usual_students)
        )
    ) as distance
from shares
left join usual on shares.attribute = usual.attribute and shares.value = usual.value
where shares.exposed_date = $day
order by shares.attribute, shares.value
