"""JSON Lines: untrusted bytes to typed rows, with a named reject for each line that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NoReturn

from pacer_pipelines.ingest.rows import FieldError, Parsed, Record, Reject, Row

LINE_LIMIT = 1 << 20


def _no_constant(name: str) -> NoReturn:
    raise FieldError("malformed json", f"{name} is not a number")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def parse_lines(
    lines: Iterable[bytes],
    build: Callable[[Record, int], Row],
    identity: Callable[[Row], Hashable],
    called: str,
) -> Parsed:
    """Give the rows and rejects of a JSON Lines file.

    Args:
        lines: Raw lines, with or without their end; blank ones are not rows.
        build: Turns one object and its line (from 1) into a row, or raises FieldError.
        identity: What must be unique in the file; the same row again is a duplicate, another a conflict.
        called: The name of that identity, for the reason.

    Returns:
        Parsed, reconciled with the number of lines that are not blank.
    """
    rows: list[Row] = []
    rejects: list[Reject] = []
    first: dict[Hashable, Row] = {}
    for number, line in enumerate(lines, start=1):
        raw = line.strip()
        if not raw:
            continue
        try:
            row = build(_record(raw), number)
            key = identity(row)
            if first.setdefault(key, row) is not row:
                raise _repeated(first[key], row, called)
            rows.append(row)
        except FieldError as error:
            rejects.append(Reject(number, error.reason, error.detail))
    return Parsed(rows, rejects, len(rows) + len(rejects))


def _record(raw: bytes) -> dict[str, Any]:
    if len(raw) > LINE_LIMIT:
        raise FieldError("line too long", f"got {len(raw)} bytes, allowed {LINE_LIMIT}")
    try:
        content = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FieldError("not utf-8", f"byte {error.start} of the line") from None
    if content[0] == "\ufeff":
        raise FieldError("byte order mark", "save the file as UTF-8 without BOM")
    if "\x00" in content:
        raise FieldError("NUL byte")
    try:
        record = _decode(content)
    except json.JSONDecodeError as error:
        raise FieldError("malformed json", f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise FieldError("nested too deeply") from None
    except ValueError:
        raise FieldError("malformed json", "a number with too many digits") from None
    if type(record) is not dict:
        raise FieldError("not an object", f"got {type(record).__name__}")
    return record


def _repeated(earlier: Row, row: Row, called: str) -> FieldError:
    where = f"first on line {earlier['source_line']}"
    same = {**earlier, "source_line": 0} == {**row, "source_line": 0}
    return FieldError(f"{'duplicate' if same else 'conflicting'} {called}", where)


def all_but_line(row: Row) -> Hashable:
    """Give everything that a row says except its line: the identity of events without an id."""
    return tuple(value for name, value in row.items() if name != "source_line")


def local_date(moment: datetime, tz: tzinfo) -> date:
    """Give the calendar day of a naive UTC moment in the plan's time zone."""
    return moment.replace(tzinfo=UTC).astimezone(tz).date()
