-- One row per delivered file with rows of the day, and per file of which nothing could be landed (its day is unknown).
-- Left out of refused, since they lose nothing: identical repetitions, and a last line that is still being written.
-- broken says why the end of the file is missing for good; it is empty when it is not.
select
    regexp_extract(file, '[^/]+$') as file,
    rows_in,
    refused,
    refused / rows_in as share,
    conflicts,
    conflicts / rows_in as conflicting_share,
    broken
from ledger
where
    source = $source
    and rows_in > 0
    and (coalesce(per_day[strftime($day, '%Y-%m-%d')], 0) > 0 or landed = 0)
order by file, rows_in
