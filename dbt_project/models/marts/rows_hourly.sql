select
    subject,
    metric_date,
    cast(started_at as timestamp) as started_at,
    cast(row_count as bigint) as row_count
from {{ ref('int_row_hours') }}
