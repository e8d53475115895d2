-- One row per variant that an experiment with a plan served on the day. Experiments of others may run beside ours.
select
    flag_variant as variant,
    count(*) as exposures
from exposures
where
    exposed_date = $day
    and experiment_id in (select coalesce(logged_experiment_id, experiment_id) from experiments)
group by flag_variant
order by flag_variant
