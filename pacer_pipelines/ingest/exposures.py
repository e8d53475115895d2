"""The exposure log: one line per judge call, successes and failures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pacer_pipelines.ingest.jsonl import LineFormat, local_date, parse_lines
from pacer_pipelines.ingest.log_fields import LogFields
from pacer_pipelines.ingest.log_versions import EXPOSURES, said_version
from pacer_pipelines.ingest.planned import Planned, PlannedExperiments
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
from pacer_pipelines.ingest.served_identity import served_identity

# lines of before promise no salt, and nothing is asked of what they do not say
SAYS_SALTED_BUCKET = 2
FIELDS = LogFields(
    frozenset({
        "exposure_id", "ts", "schema_version", "feature_flag.key", "feature_flag.result.variant",
        "feature_flag.result.reason", "feature_flag.error", "meta.flagSetId", "meta.version", "meta.experiment_id",
        "meta.segment", "unit_id", "bucket", "submission_id", "attrs", "model_version", "served_model", "log_id",
        "latency_ms", "error", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "cost_usd",
        "model_digest", "prompt", "prompt_hash", "decoding",
    }),
    {"attrs": frozenset({"school", "grade", "coach"})},
)  # fmt: skip


def exposure_lines(origin: Origin, planned: PlannedExperiments) -> LineFormat:
    """Give the format of the exposure log: its rows are those of the landing table `exposures`.

    Args:
        origin: File name, pseudonyms and time zone.
        planned: The planned experiments by experiment_id. One that is not among them lands as it is, since others
            run beside ours.
    """

    def build(record: Record, line: int) -> Row:
        return _exposure(record, line, origin, planned)

    return LineFormat(build, ("exposure_id",), "exposure_id", FIELDS, EXPOSURES, origin.tz)


def parse_exposures(lines: Iterable[bytes], origin: Origin, planned: PlannedExperiments) -> Parsed:
    """Give the exposures of a few lines, and rejects; arguments as for :func:`exposure_lines`."""
    return parse_lines(lines, exposure_lines(origin, planned))


def _exposure(record: Record, line: int, origin: Origin, planned: PlannedExperiments) -> Row:
    keys = origin.pseudonyms
    attrs = _attrs(record)
    exposed_at = instant(record, "ts")
    experiment_id = text(record, "meta.experiment_id")
    plan = planned.get(experiment_id)
    variant = _variant(record, plan)
    log_schema = said_version(record)
    unit_id = text(record, "unit_id")
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
        "unit_key": keys.student(unit_id),
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
        "log_schema": log_schema,
        "segment": optional_text(record, "meta.segment"),
        **served_identity(record),
        # here, because behind the landing only pseudonyms are known (ADR 0020)
        "bucket_expected": plan.bucket_of(unit_id, submission_id)
        if plan is not None and log_schema >= SAYS_SALTED_BUCKET
        else None,
        "unknown_fields": FIELDS.quarantined(record, keys),
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


def _variant(record: Record, plan: Planned | None) -> str:
    variant = text(record, "feature_flag.result.variant")
    if plan is not None and variant not in plan.variants:
        allowed = ", ".join(sorted(plan.variants))
        raise FieldError("unknown variant", f"feature_flag.result.variant: allowed {allowed}")
    return variant


def _version(record: Record) -> str:
    return label(record, "meta.version") or text(record, "meta.version")
