-- One row per experiment, variant and model that served it on the day or on a trailing day: the model's share of
-- the variant's exposures, and by how much it leaves the range of the trailing days. What changed once is in the
-- range from the next day on, so a change is told on its own day only.
with daily as (
    select
        exposed_date,
        experiment_id,
        flag_variant as variant,
        served_model as model,
        count(*) as exposures
    from exposures_usual
    where
        served_model is not null
        and experiment_id in (select coalesce(logged_experiment_id, experiment_id) from experiments)
    group by all
),

totals as (
    select
        exposed_date,
        experiment_id,
        variant,
        sum(exposures)::bigint as total
    from daily
    group by all
),

shares as (
    select
        totals.exposed_date,
        totals.experiment_id,
        totals.variant,
        models.model,
        totals.total,
        coalesce(daily.exposures, 0) / totals.total as share
    from totals
    inner join (select distinct experiment_id, variant, model from daily) as models
        on totals.experiment_id = models.experiment_id and totals.variant = models.variant
    left join daily
        on
            totals.exposed_date = daily.exposed_date
            and totals.experiment_id = daily.experiment_id
            and totals.variant = daily.variant
            and models.model = daily.model
),

usual as (
    select
        experiment_id,
        variant,
        model,
        min(share) as lowest,
        max(share) as highest
    from shares
    where exposed_date in (select trailing_date from trailing_days) and total >= 50
    group by all
    having count(*) >= 3
)

select
    shares.variant,
    shares.model,
    shares.total,
    shares.share,
    usual.lowest,
    usual.highest,
    greatest(shares.share - usual.highest, usual.lowest - shares.share, 0) as beyond
from shares
left join usual
    on
        shares.experiment_id = usual.experiment_id
        and shares.variant = usual.variant
        and shares.model = usual.model
where shares.exposed_date = $day
order by shares.experiment_id, shares.variant, shares.model
