"""The roster: a CSV of student, school, grade, coach, time zone."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from zoneinfo import available_timezones

from pacer_pipelines.ingest.rows import FieldError, Origin, Parsed, Reject, Row, optional_text, text


def parse_roster(data: bytes, origin: Origin) -> Parsed:
    """Give the students of a roster; columns may stand in any order, only student_id is required.

    A byte order mark is fine here (spreadsheets write one). A student who stands twice is a duplicate or,
    with other values, a conflict: the first line counts. A time zone that is not one of IANA's is emptied and counted.
    """
    rows: list[Row] = []
    rejects: list[Reject] = []
    first: dict[str, Row] = {}
    unknown = 0
    for line, record in _records(data):
        try:
            if isinstance(record, FieldError):
                raise record
            row = _student(record, line, origin)
            unknown += bool(record.get("timezone")) and row["timezone"] is None
            earlier = first.setdefault(row["student_key"], row)
            if earlier is not row:
                same = {**earlier, "source_line": 0} == {**row, "source_line": 0}
                raise FieldError(f"{'duplicate' if same else 'conflicting'} student_id")
            rows.append(row)
        except FieldError as error:
            rejects.append(Reject(line, error.reason, error.detail))
    warnings = {"timezone: not an IANA name": unknown} if unknown else {}
    return Parsed(rows, rejects, len(rows) + len(rejects), warnings)


def student_ids(data: bytes) -> frozenset[str]:
    """Give the plain student ids of a roster, to find the student inside a submission id."""
    found = (record.get("student_id") for _, record in _records(data) if isinstance(record, dict))
    return frozenset(student for student in found if student)


def _student(record: dict[str, str], line: int, origin: Origin) -> Row:
    coach_id = optional_text(record, "coach_id")
    return {
        "student_key": origin.pseudonyms.student(text(record, "student_id")),
        "school": optional_text(record, "school"),
        "grade": optional_text(record, "grade"),
        "coach_key": origin.pseudonyms.coach(coach_id) if coach_id else None,
        "timezone": zone if (zone := optional_text(record, "timezone")) in _zones() else None,
        "source_file": origin.source_file,
        "source_line": line,
    }


@cache
def _zones() -> frozenset[str]:
    """Give the names that stand for a place everywhere; `localtime` is another zone on each machine."""
    return frozenset(available_timezones()) - {"localtime"}


def _records(data: bytes) -> Iterator[tuple[int, dict[str, str] | FieldError]]:
    """Give each line that is not blank as a record, or the reason why it is none."""
    header: list[str] | None = None
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            cells = _cells(raw)
        except FieldError as error:
            yield number, error
            continue
        if header is None and "student_id" in cells:
            header = cells
        elif header is None:
            yield number, FieldError("no header", "allowed a first line that names student_id")
        elif len(cells) != len(header):
            yield number, FieldError("wrong number of columns", f"got {len(cells)}, allowed {len(header)}")
        else:
            yield number, dict(zip(header, cells, strict=True))


def _cells(raw: bytes) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([raw.decode("utf-8")], strict=True))]
    except UnicodeDecodeError:
        raise FieldError("not utf-8") from None
    except csv.Error:
        raise FieldError("malformed csv") from None
