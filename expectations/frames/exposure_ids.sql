-- One row: exposure ids of the day that were landed with more than one content.
-- A file delivered twice repeats id and content alike: that is harmless and counts once.
with today as (
    select
        exposure_id,
        row(
            exposed_at, flag_variant, flag_version, experiment_id, unit_key, submission_key,
            coach_key, served_model, log_id, is_failure
        ) as content
    from exposures
    where exposed_date = $day
),

repeated as (
    select exposure_id
    from today
    group by exposure_id
    having count(*) > 1
),

contents as (
    select
        exposure_id,
        count(distinct content) as contents
    from today
    where exposure_id in (select exposure_id from repeated)
    group by exposure_id
)

select
    (select count(distinct exposure_id) from today) as ids,
    (select count(*) from contents where contents > 1) as conflicting
