"""Typed rows, rejects, and the readers that turn an untrusted record into typed values.

A reject never repeats what it refuses: names the field, the type that came and what is allowed, because the
content may hold a child's name or phone number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from pacer_pipelines.ingest.pseudonyms import Pseudonyms

Row = dict[str, Any]
Record = Mapping[str, Any]

TEXT_LIMIT = 10_000
BIGINT_MAX = 2**63 - 1
INTEGER_MAX = 2**31 - 1
_CODE = re.compile(r"[A-Za-z_.]{1,60}(?=$|[:(])")


@dataclass(frozen=True)
class Reject:
    """One row that was refused: its line, a reason from a short list, which field, and its day where it says one."""

    line: int
    reason: str
    detail: str = ""
    day: date | None = None


@dataclass(frozen=True)
class Parsed:
    """What one file became: typed rows and rejects that add up to the rows that came in.

    Args:
        rows: Typed rows, each with every column of its table.
        rejects: Refused rows. A file refused as a whole counts as one row in and one reject.
        rows_in: Rows found in the input.
        warnings: Values that were emptied while their row was kept, reason -> count.
        forgotten: Rows of students who asked to be forgotten, dropped.

    Raises:
        ValueError: If a row vanished or appeared.
    """

    rows: list[Row]
    rejects: list[Reject]
    rows_in: int
    warnings: Mapping[str, int] = field(default_factory=dict)
    forgotten: int = 0

    def __post_init__(self) -> None:
        """Refuse to exist when rows in is not landed plus rejected plus forgotten."""
        if self.rows_in != len(self.rows) + len(self.rejects) + self.forgotten:
            raise ValueError(
                f"rows do not add up: {self.rows_in} in, {len(self.rows)} parsed + "
                f"{len(self.rejects)} rejected + {self.forgotten} forgotten"
            )

    def with_reject(self, reject: Reject) -> Parsed:
        """Give the same rows with one more reject, for example "file cut short"."""
        return replace(self, rejects=[*self.rejects, reject], rows_in=self.rows_in + 1)


def refused(reason: str, detail: str = "") -> Parsed:
    """Give the outcome of a file that is refused as a whole: one row in, one reject, line 0."""
    return Parsed([], [Reject(0, reason, detail)], 1)


@dataclass(frozen=True)
class Origin:
    """Where rows come from: the display name of the file, the pseudonyms, the plan's time zone."""

    source_file: str
    pseudonyms: Pseudonyms
    tz: tzinfo


class FieldError(Exception):
    """A field that cannot be used; becomes a Reject with the line."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep reason and detail apart."""
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def _wrong(field: str, value: object, allowed: str) -> FieldError:
    if value is None:
        return FieldError("missing field", f"{field}: allowed {allowed}")
    return FieldError("wrong type", f"{field}: got {type(value).__name__}, allowed {allowed}")


def _outside(field: str, allowed: str) -> FieldError:
    return FieldError("out of range", f"{field}: allowed {allowed}")


def text(record: Record, field: str) -> str:
    """Give a required text of 1 to 10,000 characters, without NUL or half a surrogate pair."""
    value = record.get(field)
    if type(value) is not str:
        raise _wrong(field, value, "text")
    if not value:
        raise FieldError("missing field", f"{field}: got empty text")
    if len(value) > TEXT_LIMIT:
        raise _outside(field, f"at most {TEXT_LIMIT} characters")
    if value.isascii():
        if "\x00" in value:
            raise FieldError("bad text", f"{field}: holds a NUL")
    else:
        _check_storable(field, value)
    return value


def _check_storable(field: str, value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise FieldError("bad text", f"{field}: half a surrogate pair") from None
    if "\x00" in value:
        raise FieldError("bad text", f"{field}: holds a NUL")


def optional_text(record: Record, field: str) -> str | None:
    """Give a text, or None for null, absent or empty."""
    value = record.get(field)
    if value is None or value == "":
        return None
    if type(value) is str and value.isascii() and len(value) <= TEXT_LIMIT and "\x00" not in value:
        # nearly every text of a log: a second call would cost as much as the rest
        return value
    return text(record, field)


def label(record: Record, field: str) -> str | None:
    """Give a short label that may also come as a whole number (grade 3, flag version 2), as text."""
    value = record.get(field)
    return str(integer(record, field, 0, INTEGER_MAX)) if type(value) is int else optional_text(record, field)


def code(record: Record, field: str) -> str | None:
    """Give the leading class name or code of an error text, "unnamed" if it has none, None if absent.

    The rest of an error text may quote a student's work, so it is dropped.
    """
    value = record.get(field)
    if value is None:
        return None
    found = _CODE.match(text(record, field))
    return found.group() if found else "unnamed"


def integer(record: Record, field: str, low: int, high: int) -> int:
    """Give a required whole number in [low, high]; a bool or 5.0 is not one."""
    value = record.get(field)
    if type(value) is not int:
        raise _wrong(field, value, "whole number")
    if not low <= value <= high:
        raise _outside(field, f"{low}..{high}")
    return value


def optional_integer(record: Record, field: str, low: int, high: int) -> int | None:
    """Give a whole number in [low, high], or None for null or absent."""
    return None if record.get(field) is None else integer(record, field, low, high)


def optional_number(record: Record, field: str, low: float) -> float | None:
    """Give a finite number of at least `low`, or None for null or absent."""
    value = record.get(field)
    if value is None:
        return None
    if type(value) is not float and type(value) is not int:
        raise _wrong(field, value, "number")
    if type(value) is int and abs(value) > BIGINT_MAX:
        raise _outside(field, f"a number of at least {low:g}")
    # -0.0 is 0.0
    number = float(value) + 0.0
    if not math.isfinite(number) or number < low:
        raise _outside(field, f"a finite number of at least {low:g}")
    return number


def instant(record: Record, field: str) -> datetime:
    """Give a required ISO 8601 time with offset as naive UTC, years 2000 to 2099."""
    value = record.get(field)
    if type(value) is not str:
        raise _wrong(field, value, "ISO 8601 text with offset")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise FieldError("bad timestamp", f"{field}: no offset from UTC")
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise FieldError("bad timestamp", f"{field}: allowed ISO 8601 with offset") from None
    return in_years(moment, field)


def in_years(moment: datetime, field: str) -> datetime:
    """Give the same moment if its year is 2000 to 2099."""
    if not 2000 <= moment.year <= 2099:
        raise _outside(field, "years 2000..2099")
    return moment
