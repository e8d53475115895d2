"""PACER's own tables from a snapshot: rows change in place, so each says when it was seen, and a hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pacer_pipelines.ingest.feedback import reason_code
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    INTEGER_MAX,
    FieldError,
    Origin,
    Parsed,
    Record,
    Reject,
    Row,
    in_years,
    integer,
    optional_integer,
    optional_text,
    text,
)

UNKNOWN_FEEDBACK = "coach_feedback emptied: not GOOD or BAD"


@dataclass(frozen=True)
class Observed:
    """When a snapshot was taken, and when the one before it was (naive UTC; None for the first)."""

    at: datetime
    not_before_at: datetime | None = None


def parse_llm_logs(
    rows: Iterable[Record], origin: Origin, observed: Observed, students: Collection[str]
) -> Parsed:
    """Give PACER's judgements as they stand in a snapshot.

    A coach_feedback other than GOOD or BAD (the API accepts any string) is emptied and counted in
    `warnings`; the row stays, because the judgement it records did happen.

    Args:
        rows: Rows with log_id, submission_id, coach_id, concept_name, model_version, decision,
            coach_feedback, reason_code, reason_length, memo_length, created_at; and source_digest, if known.
        origin: Snapshot name, pseudonyms and time zone.
        observed: When the snapshot was taken.
        students: Known student ids, to find the student of a submission.

    Returns:
        Rows of the landing table `llm_logs`, rejects, and warnings.
    """
    known = frozenset(students)
    warnings: Counter[str] = Counter()

    def build(record: Record) -> Row:
        return _llm_log(record, origin, known, warnings)

    return _parse(rows, build, "log_id", origin, observed, warnings)


def parse_anki_cards(rows: Iterable[Record], origin: Origin, observed: Observed) -> Parsed:
    """Give PACER's cards as they stand in a snapshot: rows of the landing table `anki_cards`, and rejects."""

    def build(record: Record) -> Row:
        student_id = optional_text(record, "student_id")
        reviewed_at = None if record.get("last_reviewed_at") is None else _utc(record, "last_reviewed_at")
        created_at = _utc(record, "created_at")
        return {
            "card_id": integer(record, "card_id", 0, BIGINT_MAX),
            "student_key": origin.pseudonyms.student(student_id) if student_id else None,
            "log_id": integer(record, "llm_log_id", 0, BIGINT_MAX),
            "interval_days": optional_integer(record, "interval_days", 0, INTEGER_MAX),
            "ease_factor": optional_integer(record, "ease_factor", 0, INTEGER_MAX),
            "repetitions": optional_integer(record, "repetitions", 0, INTEGER_MAX),
            "last_reviewed_at": reviewed_at,
            "created_at": created_at,
            "created_date": local_date(created_at, origin.tz),
        }

    return _parse(rows, build, "card_id", origin, observed, Counter())


def student_of(submission_id: str, students: Collection[str]) -> str | None:
    """Give the longest known student id that is the submission id or precedes a '-' in it.

    >>> student_of("stu0000-0-math-1", {"stu0000", "stu0000-0"})
    'stu0000-0'
    >>> student_of("history-01", {"stu0000"}) is None
    True
    """
    candidate = submission_id
    while candidate:
        if candidate in students:
            return candidate
        candidate = candidate.rpartition("-")[0]
    return None


def _llm_log(record: Record, origin: Origin, students: frozenset[str], warnings: Counter[str]) -> Row:
    keys = origin.pseudonyms
    submission_id = text(record, "submission_id")
    student_id = student_of(submission_id, students)
    coach_id = optional_text(record, "coach_id")
    created_at = _utc(record, "created_at")
    row = {
        "log_id": integer(record, "log_id", 0, BIGINT_MAX),
        "submission_key": keys.submission(submission_id),
        "student_key": keys.student(student_id) if student_id else None,
        "coach_key": keys.coach(coach_id) if coach_id else None,
        "concept_name": optional_text(record, "concept_name"),
        "model_version": optional_text(record, "model_version"),
        "decision": _decision(record),
        "coach_feedback": _rating(record),
        "reason_code": reason_code(record),
        "reason_length": optional_integer(record, "reason_length", 0, INTEGER_MAX),
        "memo_length": optional_integer(record, "memo_length", 0, INTEGER_MAX),
        "created_at": created_at,
        "created_date": local_date(created_at, origin.tz),
    }
    if row["coach_feedback"] is None and optional_text(record, "coach_feedback"):
        warnings[UNKNOWN_FEEDBACK] += 1
    return row


def _decision(record: Record) -> str:
    decision = text(record, "decision").strip().upper()
    if decision not in ("APPROVE", "REJECT"):
        raise FieldError("unknown decision", "decision: allowed APPROVE, REJECT")
    return decision


def _rating(record: Record) -> str | None:
    said = (optional_text(record, "coach_feedback") or "").strip().upper()
    return said if said in ("GOOD", "BAD") else None


def _utc(record: Record, field: str) -> datetime:
    """Give a time of PACER's database, which is UTC with or without saying so."""
    value = record.get(field)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError("bad timestamp", f"{field}: allowed ISO 8601") from None
    if not isinstance(value, datetime):
        reason = "missing field" if value is None else "wrong type"
        raise FieldError(reason, f"{field}: got {type(value).__name__}, allowed a time")
    try:
        moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise FieldError("bad timestamp", f"{field}: allowed years 2000..2099") from None
    return in_years(moment, field)


def _parse(
    records: Iterable[Record],
    build: Callable[[Record], Row],
    key: str,
    origin: Origin,
    observed: Observed,
    warnings: Counter[str],
) -> Parsed:
    rows: list[Row] = []
    rejects: list[Reject] = []
    seen: set[int] = set()
    day = local_date(observed.at, origin.tz)
    for position, record in enumerate(records, start=1):
        line = source_line(record.get(key), record.get("row_number", position))
        try:
            content = build(record)
            if content[key] in seen:
                raise FieldError(f"duplicate {key}")
        except FieldError as error:
            rejects.append(Reject(line, error.reason, error.detail))
            continue
        seen.add(content[key])
        rows.append(
            {
                **content,
                "observed_at": observed.at,
                "observed_date": day,
                "not_before_at": observed.not_before_at,
                "row_hash": _row_hash(content),
                "source_digest": record.get("source_digest"),
                "is_vanished": False,
                "source_file": origin.source_file,
                "source_line": line,
            }
        )
    return Parsed(rows, rejects, len(rows) + len(rejects), dict(warnings))


def source_line(key: object, position: int) -> int:
    """Give the line that names a row of a table: its id, which finds it in any copy, or else its position."""
    return key if type(key) is int and abs(key) <= BIGINT_MAX else position


def _row_hash(content: Row) -> str:
    """Hash what lands, already pseudonymised: a hash of the plain row could be reversed by guessing."""
    return hashlib.sha256(repr(tuple(content.values())).encode()).hexdigest()[:32]
