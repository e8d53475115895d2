"""Which columns of PACER's tables are read, how, and which are known and left alone."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One value of a row that is read: its name here, the column it comes from, and how it is taken."""

    name: str
    column: str
    kind: str = "value"  # "value", "time", or "length": only how long the text is


def _fields(*names: str, times: tuple[str, ...] = (), lengths: tuple[str, ...] = ()) -> tuple[Field, ...]:
    return (
        *(Field(name, name) for name in names),
        *(Field(f"{name}_length", name, "length") for name in lengths),
        *(Field(name, name, "time") for name in times),
    )


# The first field is the key. Free text never leaves the database: it may hold names and phone numbers, and only
# its length is needed.
FIELDS: dict[str, tuple[Field, ...]] = {
    "llm_logs": _fields(
        "log_id",
        "submission_id",
        "coach_id",
        "concept_name",
        "model_version",
        "decision",
        "coach_feedback",
        "reason_code",
        lengths=("reason", "memo"),
        times=("created_at",),
    ),
    "anki_cards": _fields(
        "card_id",
        "student_id",
        "llm_log_id",
        "interval_days",
        "ease_factor",
        "repetitions",
        times=("last_reviewed_at", "created_at"),
    ),
    "students": _fields("student_id"),
}
# Known, and nobody's business here; any further column is reported by its name.
UNREAD: dict[str, frozenset[str]] = {
    "llm_logs": frozenset(),
    "anki_cards": frozenset({"question", "answer", "next_review_date"}),
}
