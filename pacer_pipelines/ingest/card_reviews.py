"""Card review events of PACER's own spaced repetition: append-only JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable

from pacer_pipelines.ingest.jsonl import LineFormat, local_date, parse_lines
from pacer_pipelines.ingest.log_fields import LogFields
from pacer_pipelines.ingest.log_versions import CARD_REVIEWS
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    INTEGER_MAX,
    Origin,
    Parsed,
    Record,
    Row,
    instant,
    integer,
    optional_integer,
    optional_text,
)

FIELDS = LogFields(
    frozenset({
        "ts", "schema_version", "card_id", "log_id", "student_id", "quality", "interval_before", "interval_after",
        "taken_ms",
    })
)  # fmt: skip


def card_review_lines(origin: Origin) -> LineFormat:
    """Give the format of the card review log; quality is SM-2's 0 to 5, intervals are days."""

    def build(record: Record, line: int) -> Row:
        reviewed_at = instant(record, "ts")
        student_id = optional_text(record, "student_id")
        return {
            "card_id": integer(record, "card_id", 0, BIGINT_MAX),
            "log_id": optional_integer(record, "log_id", 0, BIGINT_MAX),
            "student_key": origin.pseudonyms.student(student_id) if student_id else None,
            "reviewed_at": reviewed_at,
            "reviewed_date": local_date(reviewed_at, origin.tz),
            "quality": optional_integer(record, "quality", 0, 5),
            "interval_before": optional_integer(record, "interval_before", 0, INTEGER_MAX),
            "interval_after": optional_integer(record, "interval_after", 0, INTEGER_MAX),
            "taken_ms": optional_integer(record, "taken_ms", 0, INTEGER_MAX),
            "unknown_fields": FIELDS.quarantined(record, origin.pseudonyms),
            "source_file": origin.source_file,
            "source_line": line,
        }

    return LineFormat(build, (), "event", FIELDS, CARD_REVIEWS, origin.tz)


def parse_card_reviews(lines: Iterable[bytes], origin: Origin) -> Parsed:
    """Give the card reviews of a few lines, and rejects."""
    return parse_lines(lines, card_review_lines(origin))
