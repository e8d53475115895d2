-- One row per experiment, variant and served model that was rated on the day: how many of its ratings are GOOD,
-- beside the trailing days. Compared within a variant, so that a better B changes nothing.
-- distance counts scatters: of the trailing days' medians, or of chance, whichever is larger.
with exposed as (
    select
        log_id,
        any_value(experiment_id) as experiment_id,
        any_value(flag_variant) as variant,
        any_value(coalesce(served_model, 'unknown')) as model
    from exposures_history
    where
        exposed_date <= $day
        and log_id in (select log_id from feedback_usual)
        and experiment_id in (select coalesce(logged_experiment_id, experiment_id) from experiments)
    group by log_id
),

daily as (
    select
        feedback_usual.feedback_date,
        exposed.experiment_id,
        exposed.variant,
        exposed.model,
        count(*) as ratings,
        avg((feedback_usual.feedback = 'GOOD')::double) as share
    from feedback_usual
    inner join exposed on feedback_usual.log_id = exposed.log_id
    where feedback_usual.feedback in ('GOOD', 'BAD')
    group by all
),

usual as (
    select
        experiment_id,
        variant,
        model,
        count(*) as days,
        median(share) as usual,
        mad(share) as usual_mad,
        sum(ratings) as usual_ratings
    from daily
    where feedback_date in (select trailing_date from trailing_days) and ratings >= 50
    group by all
    having count(*) >= 3
)

select
    daily.variant,
    daily.model,
    daily.ratings,
    daily.share,
    usual.days,
    usual.usual,
    abs(daily.share - usual.usual) as gap,
    abs(daily.share - usual.usual) / greatest(
        1.4826 * usual.usual_mad,
        sqrt(
            greatest(usual.usual * (1 - usual.usual), 0.01)
            * (1 / daily.ratings + pi() / 2 / usual.usual_ratings)
        )
    ) as distance
from daily
left join usual
    on
        daily.experiment_id = usual.experiment_id
        and daily.variant = usual.variant
        and daily.model = usual.model
where daily.feedback_date = $day
order by daily.experiment_id, daily.variant, daily.model
