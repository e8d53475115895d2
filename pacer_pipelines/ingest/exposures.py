"""The exposure log: one line per judge call, successes and failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pacer_pipelines.ingest.jsonl import local_date, parse_lines
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    INTEGER_MAX,
    FieldError,
    Origin,
    Parsed,
    Record,
    Row,
    code,
    instant,
    label,
    optional_integer,
    optional_number,
    optional_text,
    text,
)


def parse_exposures(lines: Iterable[bytes], origin: Origin, variants: Mapping[str, frozenset[str]]) -> Parsed:
    """Give the exposures of a JSON Lines file.

    Args:
        lines: Raw lines of the file.
        origin: File name, pseudonyms and time zone.
        variants: The variants of each planned experiment, experiment_id -> {'A', 'B'}. An experiment that
            is not among them lands as it is, since others run beside ours.

    Returns:
        Rows of the landing table `exposures`, and rejects.
    """

    def build(record: Record, line: int) -> Row:
        return _exposure(record, line, origin, variants)

    return parse_lines(lines, build, lambda row: row["exposure_id"], "exposure_id")


def _exposure(record: Record, line: int, origin: Origin, variants: Mapping[str, frozenset[str]]) -> Row:
    keys = origin.pseudonyms
    attrs = _attrs(record)
    exposed_at = instant(record, "ts")
    experiment_id = text(record, "meta.experiment_id")
    variant = _variant(record, variants.get(experiment_id))
    submission_id = optional_text(record, "submission_id")
    coach_id = optional_text(attrs, "coach")
    error_type = code(record, "error")
    return {
        "exposure_id": text(record, "exposure_id"),
        "exposed_at": exposed_at,
        "exposed_date": local_date(exposed_at, origin.tz),
        "flag_key": optional_text(record, "feature_flag.key"),
        "flag_variant": variant,
        "flag_reason": optional_text(record, "feature_flag.result.reason"),
        "flag_error": code(record, "feature_flag.error"),
        "flag_version": _version(record),
        "experiment_id": experiment_id,
        "unit_key": keys.student(text(record, "unit_id")),
        "bucket": optional_integer(record, "bucket", 0, 9999),
        "submission_key": keys.submission(submission_id) if submission_id else None,
        "school": optional_text(attrs, "school"),
        "grade": label(attrs, "grade"),
        "coach_key": keys.coach(coach_id) if coach_id else None,
        "model_version": optional_text(record, "model_version"),
        "served_model": optional_text(record, "served_model"),
        "log_id": optional_integer(record, "log_id", 0, BIGINT_MAX),
        "latency_ms": optional_number(record, "latency_ms", 0.0),
        "input_tokens": optional_integer(record, "gen_ai.usage.input_tokens", 0, INTEGER_MAX),
        "output_tokens": optional_integer(record, "gen_ai.usage.output_tokens", 0, INTEGER_MAX),
        "cost_usd": optional_number(record, "cost_usd", 0.0),
        "is_failure": error_type is not None,
        "error_type": error_type,
        "source_file": origin.source_file,
        "source_line": line,
    }


def _attrs(record: Record) -> dict[str, Any]:
    attrs = record.get("attrs")
    if attrs is None:
        return {}
    if type(attrs) is not dict:
        raise FieldError("wrong type", f"attrs: got {type(attrs).__name__}, allowed object")
    return attrs


def _variant(record: Record, allowed: frozenset[str] | None) -> str:
    variant = text(record, "feature_flag.result.variant")
    if allowed is not None and variant not in allowed:
        raise FieldError(
            "unknown variant", f"feature_flag.result.variant: allowed {', '.join(sorted(allowed))}"
        )
    return variant


def _version(record: Record) -> str:
    return label(record, "meta.version") or text(record, "meta.version")
