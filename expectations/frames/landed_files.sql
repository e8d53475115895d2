-- One row per delivered file with rows of the day, and per file of which nothing could be landed (its day is unknown).
-- Identical repetitions of a line are left out of refused: they lose nothing.
select
    regexp_extract(file, '[^/]+$') as file,
    rows_in,
    refused,
    refused / rows_in as share,
    conflicts,
    conflicts / rows_in as conflicting_share
from ledger
where
    source = $source
    and rows_in > 0
    and (coalesce(per_day[strftime($day, '%Y-%m-%d')], 0) > 0 or landed = 0)
order by file, rows_in
