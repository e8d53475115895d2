"""What exactly answered a call, beyond the name of its model: digest, prompt and decoding, if the line says them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pacer_pipelines.ingest.rows import FieldError, Record, Row, optional_text

# a name or a digest, not a prompt: that would hold a student's words
NAME_LIMIT = 200
DECODING_KEYS = 20
DECODING_LIMIT = 1000
# whole numbers up to here are the same as a float and as an integer
_EXACT = 2**53
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_SCALARS = frozenset({str, int, float, bool, type(None)})


def served_identity(record: Record) -> Row:
    """Give the columns that tell two models of one name apart; None for what the line does not say."""
    return {
        "model_digest": _short(record, "model_digest"),
        "prompt": _short(record, "prompt"),
        "prompt_hash": _prompt_hash(record),
        "decoding": _decoding(record),
    }


def _short(record: Record, field: str) -> str | None:
    value = optional_text(record, field)
    if value is not None and len(value) > NAME_LIMIT:
        raise FieldError("out of range", f"{field}: allowed at most {NAME_LIMIT} characters")
    return value


def _prompt_hash(record: Record) -> str | None:
    value = optional_text(record, "prompt_hash")
    if value is None:
        return None
    if not _HASH.fullmatch(value):
        raise FieldError("out of range", "prompt_hash: allowed 64 hex digits, SHA-256 of the template")
    return value.lower()


def _decoding(record: Record) -> str | None:
    """Give the options in one spelling, so that the order of keys or 0 for 0.0 is no change of what is served."""
    options = record.get("decoding")
    if options is None or options == {}:
        return None
    if type(options) is not dict:
        raise FieldError("wrong type", f"decoding: got {type(options).__name__}, allowed object")
    if len(options) > DECODING_KEYS:
        raise FieldError("out of range", f"decoding: allowed at most {DECODING_KEYS} keys")
    plain = {name: _scalar(value) for name, value in options.items()}
    spelt = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    if len(spelt) > DECODING_LIMIT:
        raise FieldError("out of range", f"decoding: allowed at most {DECODING_LIMIT} characters")
    return spelt


def _scalar(value: Any) -> Any:
    if type(value) not in _SCALARS:
        raise FieldError(
            "wrong type", f"decoding: got {type(value).__name__}, allowed text, number or truth value"
        )
    if type(value) is float:
        if not math.isfinite(value):
            raise FieldError("out of range", "decoding: allowed finite numbers")
        if value.is_integer() and abs(value) < _EXACT:
            return int(value)
    return value
