-- One row per experiment, variant, served model and quantile (p50, p95): the latency of the day's successful calls
-- beside the slowest of the trailing days. A new model has no trailing days, so it is not compared with another.
with daily as (
    select
        exposed_date,
        experiment_id,
        flag_variant as variant,
        coalesce(served_model, 'unknown') as model,
        count(*) as calls,
        quantile_cont(latency_ms, [0.5, 0.95]) as quantiles
    from exposures_usual
    where
        latency_ms is not null
        and not is_failure
        and experiment_id in (select coalesce(logged_experiment_id, experiment_id) from experiments)
    group by all
),

long as (
    select
        exposed_date,
        experiment_id,
        variant,
        model,
        calls,
        unnest(['p50', 'p95']) as quantile,
        unnest(quantiles) as latency_ms
    from daily
),

usual as (
    select
        experiment_id,
        variant,
        model,
        quantile,
        count(*) as days,
        max(latency_ms) as slowest
    from long
    where exposed_date in (select trailing_date from trailing_days) and calls >= 50
    group by all
    having count(*) >= 3
)

select
    long.variant,
    long.model,
    long.quantile,
    long.calls,
    long.latency_ms,
    usual.days,
    usual.slowest,
    long.latency_ms / nullif(usual.slowest, 0) as times
from long
left join usual
    on
        long.experiment_id = usual.experiment_id
        and long.variant = usual.variant
        and long.model = usual.model
        and long.quantile = usual.quantile
where long.exposed_date = $day
order by long.experiment_id, long.variant, long.model, long.quantile
