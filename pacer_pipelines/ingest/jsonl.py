"""JSON Lines: untrusted bytes to typed rows, with a named reject for each line that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NoReturn

from pacer_pipelines.ingest.log_fields import LogFields
from pacer_pipelines.ingest.log_versions import Versions
from pacer_pipelines.ingest.rows import FieldError, Parsed, Record, Reject, Row, instant

# bytes
LINE_LIMIT = 1 << 20
# lines, and bytes of lines, in memory at a time
AT_ONCE, BYTES_AT_ONCE = 20_000, 1 << 24
UNFINISHED, DEEP = "unfinished line", "nested too deeply"
# what the first part of a good line looks like
_HALF_A_LINE = frozenset({"malformed json", "not utf-8"})


def _no_constant(name: str) -> NoReturn:
    raise FieldError("malformed json", f"{name} is not a number")


def _decode(content: str) -> Any:
    """Give the value of a JSON text; of two values of one key nobody knows which one was meant, so it is refused."""
    value = _last_of_a_key(content)
    # as many keys as colons after a quote, and none after a space: no key was lost. To count is quicker than to look
    certain = "\t" not in content and "\r" not in content and " :" not in content
    if not certain or content.count('":') != _keys(value):
        _each_key_once(content)
    return value


def _keys(value: Any) -> int:
    if type(value) is list:
        return sum(map(_keys, value))
    if type(value) is not dict:
        return 0
    number = len(value)
    for inner in value.values():
        if type(inner) in _NESTED:
            number += _keys(inner)
    return number


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise FieldError("malformed json", "a key comes twice in one object")
    return record


_NESTED = frozenset({dict, list})
_last_of_a_key = json.JSONDecoder(parse_constant=_no_constant).decode
_each_key_once = json.JSONDecoder(object_pairs_hook=_no_key_twice).decode


@dataclass(frozen=True)
class LineFormat:
    """One kind of log: how an object becomes a row, and what must be unique in a file.

    Args:
        build: Turns one object and its line (from 1) into a row, or raises FieldError.
        identity: Columns that may not come twice in a file; none means all of them but the line.
        called: The name of that identity, for the reason of a repeated row.
        fields: The fields that it knows.
        versions: The versions of a line that it knows.
        tz: The plans' time zone.
    """

    build: Callable[[Record, int], Row]
    identity: tuple[str, ...]
    called: str
    fields: LogFields
    versions: Versions
    tz: tzinfo

    def row(self, record: Record, line: int) -> Row | Reject:
        """Give the row of an object, or why it is none, with its day if it says one."""
        try:
            return self.build(self.versions.upgraded(record), line)
        except FieldError as error:
            detail = error.detail
            if error.reason == "missing field" and (
                now := self.fields.likely(detail.partition(":")[0], record)
            ):
                detail += f"; is it called {now} now?"
            return Reject(line, error.reason, detail, self._day(record))
        except RecursionError:
            return Reject(line, DEEP, "", self._day(record))

    def _day(self, record: Record) -> date | None:
        try:
            return local_date(instant(record, "ts"), self.tz)
        except FieldError:
            return None


def parse_batches(lines: Iterable[bytes], form: LineFormat) -> Iterator[Parsed]:
    """Give the rows and rejects of a JSON Lines file of any size, some thousand lines at a time.

    Repeated rows are not looked for here: that takes the whole file.

    Args:
        lines: Raw lines, with or without their end; blank ones are not rows. The last one is what follows the last
            newline, as ``bytes.split`` gives it: when it cannot be read, its writer may not have finished it.
        form: What they are.

    Yields:
        Parsed, each reconciled with its number of lines that are not blank.
    """
    rows: list[Row] = []
    rejects: list[Reject] = []
    number = size = 0
    for number, line in enumerate(lines, start=1):
        if len(rows) + len(rejects) >= AT_ONCE or size > BYTES_AT_ONCE:
            yield Parsed(rows, rejects, len(rows) + len(rejects))
            rows, rejects, size = [], [], 0
        size += len(line)
        try:
            record = _record(line)
        except FieldError as error:
            rejects.append(Reject(number, error.reason, error.detail))
            continue
        if record is None:
            continue
        row = form.row(record, number)
        if isinstance(row, Reject):
            rejects.append(row)
        else:
            rows.append(row)
    if rejects and rejects[-1].line == number and rejects[-1].reason in _HALF_A_LINE:
        rejects[-1] = replace(rejects[-1], reason=UNFINISHED)
    yield Parsed(rows, rejects, len(rows) + len(rejects))


def parse_lines(lines: Iterable[bytes], form: LineFormat) -> Parsed:
    """Give all rows and rejects of a few lines at once; see :func:`parse_batches`."""
    batches = list(parse_batches(lines, form))
    return Parsed(
        [row for batch in batches for row in batch.rows],
        [reject for batch in batches for reject in batch.rejects],
        sum(batch.rows_in for batch in batches),
    )


def _record(line: bytes) -> dict[str, Any] | None:
    """Give the object of a line, None of a blank one."""
    if len(line) > LINE_LIMIT:
        # a reader of large files cuts it there, so nobody knows how long it is
        raise FieldError("line too long", f"got more than {LINE_LIMIT} bytes, allowed {LINE_LIMIT}")
    raw = line.strip()
    if not raw:
        return None
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
        raise FieldError(DEEP) from None
    except ValueError:
        raise FieldError("malformed json", "a number with too many digits") from None
    if type(record) is not dict:
        raise FieldError("not an object", f"got {type(record).__name__}")
    return record


def local_date(moment: datetime, tz: tzinfo) -> date:
    """Give the calendar day of a naive UTC moment in the plan's time zone."""
    return moment.replace(tzinfo=UTC).astimezone(tz).date()
