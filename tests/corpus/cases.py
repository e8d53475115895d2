"""A bad input: the file that arrives, and what must become of it. Made here, the same bytes every time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = dict[str, Any]

EXPOSURE: Line = {
    "ts": "2026-11-05T02:00:00.250+00:00",
    "feature_flag.key": "judge-model",
    "feature_flag.result.variant": "A",
    "feature_flag.result.reason": "TARGETING_MATCH",
    "feature_flag.error": None,
    "meta.version": "1",
    "meta.experiment_id": "exp-2026-11-judge",
    "bucket": 611,
    "submission_id": "stu0182-hist-20261102-694",
    "attrs": {"school": "beta", "grade": 3, "coach": "coach13"},
    "model_version": "v2.1",
    "served_model": "pacer-llm:v2.1",
    "log_id": 1,
    "latency_ms": 9.32,
}
FEEDBACK: Line = {
    "ts": "2026-11-05T02:00:00+00:00",
    "coach_id": "coach16",
    "feedback": "GOOD",
    "reason_code": None,
}
REVIEW: Line = {
    "ts": "2026-11-05T02:00:00+00:00",
    "card_id": 72,
    "student_id": "stu0390",
    "quality": 3,
    "interval_before": 1,
    "interval_after": 6,
    "taken_ms": 17850,
}


@dataclass(frozen=True)
class Case:
    """One bad input.

    Args:
        name: What is wrong with it, in a few words; also the name of its file.
        table: The landing table that it is meant for.
        write: Puts it at the path that it is given.
        lands: Rows that must land, the good ones around the bad.
        refused: Reason of each row that must be refused; a file refused as a whole is one.
        problem: Words of the problem that is reported instead, if nobody can say how many rows there are.
        suffix: Of its file.
    """

    name: str
    table: str
    write: Callable[[Path], object]
    lands: int = 0
    refused: tuple[str, ...] = ()
    problem: str = ""
    suffix: str = ".jsonl"

    @property
    def file_name(self) -> str:
        return self.name.replace(" ", "-") + self.suffix

    @property
    def identity(self) -> str:
        return f"{self.table}: {self.name}"


def bytes_case(table: str, name: str, content: bytes, **expected: Any) -> Case:
    """A case whose file has this content."""
    return Case(name, table, lambda path: path.write_bytes(content), **expected)


def good_line(table: str, case: str, number: int, **changes: Any) -> Line:
    """A sound line that no other case has; a change such as meta__version stands for meta.version."""
    key = uuid.uuid5(uuid.NAMESPACE_OID, f"{table} {case} {number}")
    own = {
        "exposures": {**EXPOSURE, "exposure_id": str(key), "unit_id": f"stu{number:04}"},
        "feedback_events": {**FEEDBACK, "log_id": key.int % 10**9},
        "card_reviews": {**REVIEW, "log_id": key.int % 10**9},
    }[table]
    return own | {name.replace("__", "."): value for name, value in changes.items()}


def encoded(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass")


def among_good(table: str, name: str, *bad: bytes) -> bytes:
    """The bad lines with one sound line before and two after them."""
    good = [encoded(good_line(table, name, number)) for number in range(3)]
    return b"\n".join([good[0], *bad, *good[1:], b""])
