-- One row per feedback value of the day.
select
    feedback as rating,
    count(*) as events
from feedback_events
where feedback_date = $day
group by feedback
order by feedback
