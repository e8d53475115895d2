"""The coach feedback log: append-only events, the last one of a log wins downstream."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pacer_pipelines.ingest.jsonl import LineFormat, local_date, parse_lines
from pacer_pipelines.ingest.log_fields import LogFields
from pacer_pipelines.ingest.log_versions import FEEDBACK
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    FieldError,
    Origin,
    Parsed,
    Record,
    Row,
    instant,
    integer,
    optional_text,
)

FIELDS = LogFields(frozenset({"ts", "schema_version", "log_id", "coach_id", "feedback", "reason_code"}))
_REASON_CODE = re.compile(r"[A-Za-z_]{1,60}")


def feedback_lines(origin: Origin) -> LineFormat:
    """Give the format of the feedback log: events GOOD, BAD or WITHDRAWN, in any case.

    A null or empty feedback takes a rating back; a missing one is a broken line. The same event twice in a
    file is a duplicate.
    """

    def build(record: Record, line: int) -> Row:
        feedback_at = instant(record, "ts")
        coach_id = optional_text(record, "coach_id")
        return {
            "log_id": integer(record, "log_id", 0, BIGINT_MAX),
            "feedback": _feedback(record),
            "feedback_at": feedback_at,
            "feedback_date": local_date(feedback_at, origin.tz),
            "coach_key": origin.pseudonyms.coach(coach_id) if coach_id else None,
            "reason_code": reason_code(record),
            "unknown_fields": FIELDS.quarantined(record, origin.pseudonyms),
            "source_file": origin.source_file,
            "source_line": line,
        }

    return LineFormat(build, (), "event", FIELDS, FEEDBACK, origin.tz)


def parse_feedback(lines: Iterable[bytes], origin: Origin) -> Parsed:
    """Give the feedback events of a few lines, and rejects."""
    return parse_lines(lines, feedback_lines(origin))


def _feedback(record: Record) -> str:
    if "feedback" not in record:
        raise FieldError("missing field", "feedback: allowed GOOD, BAD, WITHDRAWN or null")
    said = (optional_text(record, "feedback") or "WITHDRAWN").strip().upper()
    if said not in ("GOOD", "BAD", "WITHDRAWN"):
        raise FieldError("unknown feedback", "feedback: allowed GOOD, BAD, WITHDRAWN or null")
    return said


def reason_code(record: Record) -> str | None:
    """Give the reason code, "OTHER" for anything that is not a plain code, None if absent.

    PACER accepts any string here, so a coach may have typed a sentence with a name in it.
    """
    said = optional_text(record, "reason_code")
    return said if said is None or _REASON_CODE.fullmatch(said) else "OTHER"
