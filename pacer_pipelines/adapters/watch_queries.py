"""The SQL of the watch's memory: its tables, and how calls and ratings become trials.

A trial is the first call of a student in a clock hour, or the first rating that a coach gives a student in one: a
student who tries a hundred times is one witness an hour. SQLite gives the columns beside ``min(at)`` from that row.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS exposures (
    experiment TEXT NOT NULL, exposure_id TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL,
    variant TEXT NOT NULL, unit TEXT NOT NULL, log_id INTEGER, error_type TEXT, latency_ms REAL,
    flag_version TEXT NOT NULL, left_out INTEGER NOT NULL,
    PRIMARY KEY (experiment, exposure_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposures_by_day ON exposures (experiment, day);
CREATE INDEX IF NOT EXISTS exposures_by_log ON exposures (log_id);
CREATE INDEX IF NOT EXISTS exposures_by_time ON exposures (experiment, variant, at);
CREATE TABLE IF NOT EXISTS ratings (
    log_id INTEGER NOT NULL, coach TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL, bad INTEGER NOT NULL,
    PRIMARY KEY (log_id, coach, at, bad)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ratings_by_day ON ratings (day);
CREATE TABLE IF NOT EXISTS files (
    source TEXT NOT NULL, key TEXT NOT NULL, inode INTEGER NOT NULL, head TEXT NOT NULL, offset INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

SINCE = """
WITH calls AS (
    SELECT
        variant, count(*) AS calls, sum(error_type IS NOT NULL) AS failures,
        avg(CASE WHEN error_type IS NULL THEN latency_ms END) AS latency_ms
    FROM exposures WHERE experiment = :experiment AND at > :after GROUP BY variant
),
rated AS (
    SELECT variant, count(*) AS rated, sum(NOT bad) AS good
    FROM ratings JOIN exposures USING (log_id)
    WHERE experiment = :experiment AND ratings.at > :after GROUP BY variant
)
SELECT variant, coalesce(calls, 0), coalesce(failures, 0), latency_ms, coalesce(rated, 0), coalesce(good, 0)
FROM calls FULL JOIN rated USING (variant)
"""

_COUNTED = """
    SELECT '{signal}', variant, sum({hit}), count({hit}), count(DISTINCT CASE WHEN {hit} THEN unit END)
    FROM {table} GROUP BY variant
"""

CALLS = (
    """
WITH first_calls AS (
    SELECT variant, unit, min(at), error_type, latency_ms FROM exposures
    WHERE experiment = :experiment AND day BETWEEN :first AND :last AND NOT left_out AND :only IN ('', variant)
    GROUP BY variant, unit, at / 3600000
),
judged AS (
    SELECT
        variant, unit, error_type IS NOT NULL AS failed,
        coalesce(error_type IN ({malformed}), 0) AS malformed, latency_ms > :slow_ms AS slow
    FROM first_calls
)
"""
    + _COUNTED.format(signal="failures", hit="failed", table="judged")
    + "UNION ALL"
    + _COUNTED.format(signal="malformed", hit="malformed", table="judged")
    + "UNION ALL"
    + _COUNTED.format(signal="slow", hit="slow", table="judged")
)

RATINGS = """
WITH first_ratings AS (
    SELECT exposures.variant AS variant, exposures.unit AS unit, min(ratings.at), ratings.bad AS bad
    FROM ratings JOIN exposures USING (log_id)
    WHERE exposures.experiment = :experiment AND ratings.day BETWEEN :first AND :last
        AND NOT exposures.left_out AND :only IN ('', exposures.variant)
    GROUP BY exposures.variant, exposures.unit, ratings.coach, ratings.at / 3600000
)
""" + _COUNTED.format(signal="bad", hit="bad", table="first_ratings")

SERVED = """
SELECT count(*), min(at), max(at), group_concat(DISTINCT flag_version) FROM exposures
WHERE experiment = ? AND variant = ? AND at > ?
"""
