"""The landing schemas as data: one tuple of columns per table, and which column gives the partition day."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column of a landing table: name, DuckDB type, and whether it may be null."""

    name: str
    type: str
    required: bool


def columns(*declarations: str) -> tuple[Column, ...]:
    """Read declarations such as 'exposed_at! TIMESTAMP'; every table ends with where its row came from."""
    split = (d.split() for d in (*declarations, "source_file! VARCHAR", "source_line! BIGINT"))
    return tuple(Column(name.rstrip("!"), kind, name.endswith("!")) for name, kind in split)


# A version of a row: the first copy that showed it, the copy before, a hash of what landed, a keyed digest of the
# row as it was read, and whether the copy says no more than that the row is gone.
_OBSERVED = (
    "observed_at! TIMESTAMP",
    "observed_date! DATE",
    "not_before_at TIMESTAMP",
    "row_hash! VARCHAR",
    "source_digest BIGINT",
    "is_vanished BOOLEAN",
)

TABLES: dict[str, tuple[Column, ...]] = {
    "exposures": columns(
        "exposure_id! VARCHAR",
        "exposed_at! TIMESTAMP",
        "exposed_date! DATE",
        "flag_key VARCHAR",
        "flag_variant! VARCHAR",
        "flag_reason VARCHAR",
        "flag_error VARCHAR",
        "flag_version! VARCHAR",
        "experiment_id! VARCHAR",
        "unit_key! VARCHAR",
        "bucket INTEGER",
        "submission_key VARCHAR",
        "school VARCHAR",
        "grade VARCHAR",
        "coach_key VARCHAR",
        "model_version VARCHAR",
        "served_model VARCHAR",
        "log_id BIGINT",
        "latency_ms DOUBLE",
        "input_tokens BIGINT",
        "output_tokens BIGINT",
        "cost_usd DOUBLE",
        "is_failure! BOOLEAN",
        "error_type VARCHAR",
        "log_schema INTEGER",
        "segment VARCHAR",
        "model_digest VARCHAR",
        "prompt VARCHAR",
        "prompt_hash VARCHAR",
        "decoding VARCHAR",
        "bucket_expected INTEGER",
        "unknown_fields VARCHAR",
    ),
    "feedback_events": columns(
        "log_id! BIGINT",
        "feedback! VARCHAR",
        "feedback_at! TIMESTAMP",
        "feedback_date! DATE",
        "coach_key VARCHAR",
        "reason_code VARCHAR",
        "unknown_fields VARCHAR",
    ),
    "llm_logs": columns(
        "log_id! BIGINT",
        "submission_key VARCHAR",
        "student_key VARCHAR",
        "coach_key VARCHAR",
        "concept_name VARCHAR",
        "model_version VARCHAR",
        "decision! VARCHAR",
        "coach_feedback VARCHAR",
        "reason_code VARCHAR",
        "reason_length INTEGER",
        "memo_length INTEGER",
        "created_at! TIMESTAMP",
        "created_date! DATE",
        *_OBSERVED,
    ),
    "anki_cards": columns(
        "card_id! BIGINT",
        "student_key VARCHAR",
        "log_id! BIGINT",
        "interval_days INTEGER",
        "ease_factor INTEGER",
        "repetitions INTEGER",
        "last_reviewed_at TIMESTAMP",
        "created_at! TIMESTAMP",
        "created_date! DATE",
        *_OBSERVED,
    ),
    "card_reviews": columns(
        "card_id! BIGINT",
        "log_id BIGINT",
        "student_key VARCHAR",
        "reviewed_at! TIMESTAMP",
        "reviewed_date! DATE",
        "quality INTEGER",
        "interval_before INTEGER",
        "interval_after INTEGER",
        "taken_ms INTEGER",
        "unknown_fields VARCHAR",
    ),
    "anki_reviews": columns(
        "student_key! VARCHAR",
        "review_id! BIGINT",
        "anki_card_id! BIGINT",
        "reviewed_at! TIMESTAMP",
        "reviewed_date! DATE",
        "rollover_hour INTEGER",
        "ease! INTEGER",
        "interval_days DOUBLE",
        "last_interval_days DOUBLE",
        "factor INTEGER",
        "taken_ms INTEGER",
        "review_type INTEGER",
    ),
    "anki_card_links": columns(
        "student_key! VARCHAR",
        "anki_card_id! BIGINT",
        "log_id! BIGINT",
        "how! VARCHAR",
        "card_created_date! DATE",
    ),
    "roster": columns(
        "student_key! VARCHAR", "school VARCHAR", "grade VARCHAR", "coach_key VARCHAR", "timezone VARCHAR"
    ),
}

# History tables lie by the day a version was first seen: a later snapshot then only ever adds files.
DAY_COLUMN: dict[str, str | None] = {
    "exposures": "exposed_date",
    "feedback_events": "feedback_date",
    "llm_logs": "observed_date",
    "anki_cards": "observed_date",
    "card_reviews": "reviewed_date",
    "anki_reviews": "reviewed_date",
    "anki_card_links": "card_created_date",
    "roster": None,
}
