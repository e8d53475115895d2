-- One row per experiment, variant and served model of the day: how many of its judgements approve, beside the
-- trailing days. Compared within a variant, so that a better B or another share of traffic changes nothing.
-- distance counts scatters: of the trailing days' medians, or of chance, whichever is larger.
with decisions as (
    select
        log_id,
        arg_min(decision, observed_at) as decision
    from llm_logs
    where created_date between $day - 29 and $day + 1
    group by log_id
),

daily as (
    select
        exposures_usual.exposed_date,
        exposures_usual.experiment_id,
        exposures_usual.flag_variant as variant,
        coalesce(exposures_usual.served_model, 'unknown') as model,
        count(*) as judgements,
        avg((decisions.decision = 'APPROVE')::double) as share
    from exposures_usual
    inner join decisions on exposures_usual.log_id = decisions.log_id
    where exposures_usual.experiment_id in (select coalesce(logged_experiment_id, experiment_id) from experiments)
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
        sum(judgements) as usual_judgements
    from daily
    where exposed_date in (select trailing_date from trailing_days) and judgements >= 50
    group by all
    having count(*) >= 3
)

select
    daily.variant,
    daily.model,
    daily.judgements,
    daily.share,
    usual.days,
    usual.usual,
    abs(daily.share - usual.usual) as gap,
    abs(daily.share - usual.usual) / greatest(
        1.4826 * usual.usual_mad,
        sqrt(
            greatest(usual.usual * (1 - usual.usual), 0.01)
            * (1 / daily.judgements + pi() / 2 / usual.usual_judgements)
        )
    ) as distance
from daily
left join usual
    on
        daily.experiment_id = usual.experiment_id
        and daily.variant = usual.variant
        and daily.model = usual.model
where daily.exposed_date = $day
order by daily.experiment_id, daily.variant, daily.model
