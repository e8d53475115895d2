select
    experiment_id,
    phase,
    variant,
    exposed_date as metric_date,
    count(*) as exposures,
    cast(sum(failures) as bigint) as failures,
    cast(sum(case when is_analysed then 1 else 0 end) as bigint) as analysed,
    cast(
        sum(case when left_out_reason not in ('flag_error', 'flag_disabled') then 1 else 0 end) as bigint
    ) as left_out,
    cast(
        sum(case when left_out_reason in ('flag_error', 'flag_disabled') then 1 else 0 end) as bigint
    ) as flag_errors,
    cast(sum(case when left_out_reason = 'forced' then 1 else 0 end) as bigint) as forced,
    cast(
        sum(case when is_analysed and is_misassigned is not null then 1 else 0 end) as bigint
    ) as assignment_known,
    cast(sum(case when is_analysed and is_misassigned then 1 else 0 end) as bigint) as misassigned
from {{ ref('int_assigned_exposures') }}
group by
    experiment_id,
    phase,
    variant,
    exposed_date
