"""Bad lines and bad files of the three logs that PACER writes."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from .cases import Case, among_good, bytes_case, encoded, good_line

LOGS = ("exposures", "feedback_events", "card_reviews")
MEGABYTE = 1 << 20
# the field that says what the line is about, which no log can do without
SUBJECT = {"exposures": "unit_id", "feedback_events": "log_id", "card_reviews": "card_id"}


def line_log_cases() -> list[Case]:
    """Every bad line and file, for each of the logs."""
    common = [
        case for table in LOGS for make in (_bytes, _values, _times, _files, _packed) for case in make(table)
    ]
    return [*common, *_of_exposures(), *_of_feedback(), *_of_reviews()]


def _refused(table: str, name: str, line: bytes, *reasons: str) -> Case:
    return bytes_case(table, name, among_good(table, name, line), lands=3, refused=reasons)


def _landing(table: str, name: str, line: bytes, rows: int = 1) -> Case:
    return bytes_case(table, name, among_good(table, name, line), lands=3 + rows)


def _changed(table: str, name: str, **changes: Any) -> bytes:
    return encoded(good_line(table, name, 9, **changes))


def _bytes(table: str) -> Iterator[Case]:
    """Lines that are no JSON object, or not in UTF-8."""
    whole = _changed(table, "bytes")
    refused = {
        "cut in the middle": (whole[: len(whole) // 2], "malformed json"),
        "an array": (b"[" + whole + b"]", "not an object"),
        "a text": (b'"GOOD"', "not an object"),
        "a number": (b"42", "not an object"),
        "null": (b"null", "not an object"),
        "an empty object": (b"{}", "missing field"),
        "single quotes": (whole.replace(b'"', b"'"), "malformed json"),
        "trailing comma": (whole[:-1] + b",}", "malformed json"),
        "a comment": (b"// " + whole, "malformed json"),
        "two objects on one line": (whole + whole, "malformed json"),
        "latin-1": (_changed(table, "latin", memo="Zo\u00eb").decode().encode("latin-1"), "not utf-8"),
        "cp949": (_changed(table, "cp949", memo="김철수").decode().encode("cp949"), "not utf-8"),
        "byte order mark": (b"\xef\xbb\xbf" + whole, "byte order mark"),
        "NUL inside": (whole[:-1] + b"\x00}", "NUL byte"),
        "a block of NULs": (b"\x00" * 4096, "NUL byte"),
        "NaN": (whole[:-1] + b', "extra": NaN}', "malformed json"),
        "Infinity": (whole[:-1] + b', "extra": -Infinity}', "malformed json"),
        "five thousand digits": (whole[:-1] + b', "extra": ' + b"9" * 5000 + b"}", "malformed json"),
        "deep nesting": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        "deep nesting inside": (whole[:-1] + b', "extra": ' + b'{"a":' * 50_000, "nested too deeply"),
        "two megabytes": (whole[:-1] + b', "extra": "' + b"x" * 2 * MEGABYTE + b'"}', "line too long"),
        "binary noise": (bytes(range(1, 10)) + bytes(range(128, 256)), "not utf-8"),
        "a log line of another program": (b"2026-11-05 INFO started", "malformed json"),
    }  # fmt: skip
    for name, (line, reason) in refused.items():
        yield _refused(table, name, line, reason)
    yield _landing(table, "blank lines", b"\n  \n\t\n", rows=0)
    yield _landing(table, "line separator in a text", _changed(table, "2028", memo="a\u2028b\u2029c"))
    yield _landing(
        table,
        "ten thousand unknown fields",
        encoded(good_line(table, "many", 9) | {f"f{n}": n for n in range(10_000)}),
    )
    crlf = among_good(table, "crlf").replace(b"\n", b"\r\n")
    yield bytes_case(table, "windows line ends", crlf, lands=3)
    yield bytes_case(table, "no newline at the end", among_good(table, "no newline").rstrip(b"\n"), lands=3)


def _values(table: str) -> Iterator[Case]:
    """The field that says whom or what the line is about."""
    subject = SUBJECT[table]
    refused: dict[str, tuple[Any, str]] = {
        "is null": (None, "missing field"),
        "is a list": (["stu0001"], "wrong type"),
        "is an object": ({"id": 1}, "wrong type"),
        "is true": (True, "wrong type"),
        "is a fraction": (5.5, "wrong type"),
    }
    for name, (value, reason) in refused.items():
        yield _refused(table, f"{subject} {name}", _changed(table, name, **{subject: value}), reason)
    without = good_line(table, "without", 9)
    del without[subject]
    yield _refused(table, f"{subject} is absent", encoded(without), "missing field")
    person = {"exposures": "unit_id", "feedback_events": "coach_id", "card_reviews": "student_id"}[table]
    sound = {
        "emoji id": "🦊학생🙂", "right to left id": "\u202eתלמיד\u202c", "spreadsheet formula": "=cmd|'/C calc'!A0",
        "sql": "x'); DROP TABLE exposures; --", "path": "../../../../etc/passwd", "markup": "<script>alert(1)</script>",
        "mention": "<!channel>", "combining marks": "e\u0301" * 100, "percent and braces": "%s{0}{{}}%n",
        "newline": "a\nb",
    }  # fmt: skip
    for name, value in sound.items():
        yield _landing(table, f"id with {name}", _changed(table, name, **{person: value}))
    for name, value, reason in (
        ("id with escaped NUL", "stu\x00", "bad text"),
        ("id with half a surrogate pair", "stu\ud83d", "bad text"),
        ("id of twenty thousand letters", "s" * 20_000, "out of range"),
    ):
        line = good_line(table, name, 9, **{person: value})
        yield _refused(table, name, _ascii(line), reason)


def _ascii(line: dict[str, Any]) -> bytes:
    return json.dumps(line).encode()


def _times(table: str) -> Iterator[Case]:
    refused: dict[str, tuple[Any, str]] = {
        "1970": ("1970-01-01T00:00:00+00:00", "out of range"),
        "2100": ("2100-01-01T00:00:00+00:00", "out of range"),
        "year one": ("0001-01-01T00:00:00+14:00", "bad timestamp"),
        "year ten thousand": ("10000-01-01T00:00:00+00:00", "bad timestamp"),
        "without offset": ("2026-11-05T02:00:00", "bad timestamp"),
        "a date alone": ("2026-11-05", "bad timestamp"),
        "epoch seconds": (1_793_800_000, "wrong type"),
        "a leap second": ("2026-12-31T23:59:60+00:00", "bad timestamp"),
        "30 February": ("2026-02-30T00:00:00+00:00", "bad timestamp"),
        "an offset of 25 hours": ("2026-11-05T02:00:00+25:00", "bad timestamp"),
        "words": ("yesterday at noon", "bad timestamp"),
        "null": (None, "missing field"),
        "Arabic digits": ("٢٠٢٦-١١-٠٥T02:00:00+00:00", "bad timestamp"),
    }
    for name, (value, reason) in refused.items():
        yield _refused(table, f"ts is {name}", _changed(table, name, ts=value), reason)
    yield _landing(table, "ts with Z", _changed(table, "z", ts="2026-11-05T02:00:01Z"))
    yield _landing(
        table, "ts at the other end of the world", _changed(table, "far", ts="2026-11-05T16:00:01+14:00")
    )


def _files(table: str) -> Iterator[Case]:
    yield bytes_case(table, "empty", b"")
    yield bytes_case(table, "newlines only", b"\n\n\n")
    yield bytes_case(table, "a byte order mark and nothing", b"\xef\xbb\xbf\n", refused=("byte order mark",))
    utf16 = among_good(table, "utf16").decode().encode("utf-16")
    yield Case(
        "utf-16",
        table,
        lambda path: path.write_bytes(utf16),
        refused=("not utf-8", "NUL byte", "NUL byte", "NUL byte"),
    )
    yield Case("a folder with the name of a file", table, lambda path: path.mkdir())
    nowhere, circle = "nothing at a-link-to-nowhere", "symbolic links"
    yield Case("a link to nowhere", table, lambda path: path.symlink_to("nowhere.jsonl"), problem=nowhere)
    yield Case("a link to itself", table, lambda path: path.symlink_to(path.name), problem=circle)
    yield Case("a named pipe", table, os.mkfifo)
    yield Case("hidden", table, lambda path: (path.with_name(".hidden.jsonl")).write_bytes(b"{"))
    sound = among_good(table, "odd name")
    yield bytes_case(table, "name with 🦊 and\ttab", sound, lands=3)
    yield bytes_case(table, "-rf", among_good(table, "dash"), lands=3)
    yield bytes_case(table, "n" * 240, among_good(table, "long name"), lands=3)


def _packed(table: str) -> Iterator[Case]:
    good = among_good(table, "packed")
    packed = gzip.compress(among_good(table, "gz cut"), mtime=0)
    yield bytes_case(
        table, "gz cut short", packed[:-9], lands=3, refused=("file cut short",), suffix=".jsonl.gz"
    )
    yield bytes_case(
        table,
        "gz that is plain text",
        among_good(table, "plain"),
        problem="gzip data is damaged",
        suffix=".jsonl.gz",
    )
    yield bytes_case(table, "gz of nothing", b"", suffix=".jsonl.gz")
    yield bytes_case(table, "gz header alone", packed[:10], refused=("file cut short",), suffix=".jsonl.gz")
    flipped = bytearray(gzip.compress(among_good(table, "gz flipped"), mtime=0))
    flipped[20] ^= 0xFF
    yield bytes_case(
        table, "gz with a flipped bit", bytes(flipped), problem="gzip data is damaged", suffix=".jsonl.gz"
    )
    members = b"".join(
        gzip.compress(part + b"\n", mtime=0) for part in among_good(table, "gz members").split(b"\n") if part
    )
    yield bytes_case(table, "gz of several members", members, lands=3, suffix=".jsonl.gz")
    inner = gzip.compress(good, mtime=0)
    lines = sum(bool(line.strip()) for line in inner.split(b"\n"))
    # what has no end yet may still be written
    reasons = ("not utf-8",) * (lines - 1) + ("unfinished line",)
    yield bytes_case(table, "gz in gz", gzip.compress(inner, mtime=0), refused=reasons, suffix=".jsonl.gz")
    zst = zstandard.ZstdCompressor().compress(among_good(table, "zst cut"))
    yield bytes_case(
        table,
        "zst that is gz",
        gzip.compress(good, mtime=0),
        problem="zstd data is damaged",
        suffix=".jsonl.zst",
    )
    yield bytes_case(
        table, "zst that is plain text", good, problem="zstd data is damaged", suffix=".jsonl.zst"
    )
    yield bytes_case(table, "zst cut short", zst[:-5], refused=("file cut short",), suffix=".jsonl.zst")
    yield Case("gz bomb", table, gz_bomb, refused=("line too long",), suffix=".jsonl.gz")
    yield Case("zst bomb", table, zst_bomb, refused=("line too long",), suffix=".jsonl.zst")
    yield bytes_case(
        table,
        "zst with a window of two gigabytes",
        _wide_zst(good),
        problem="zstd data is damaged",
        suffix=".jsonl.zst",
    )


def gz_bomb(path: Path) -> None:
    """Two gigabytes of NULs in two megabytes: members of 64 MB each, one line."""
    path.write_bytes(gzip.compress(bytes(64 * MEGABYTE), mtime=0) * 32)


def zst_bomb(path: Path) -> None:
    """Two gigabytes of NULs in a few kilobytes."""
    path.write_bytes(zstandard.ZstdCompressor().compress(bytes(64 * MEGABYTE)) * 32)


def _wide_zst(content: bytes) -> bytes:
    """A frame whose header asks the reader for a window of 2 GiB."""
    wide = zstandard.ZstdCompressionParameters(window_log=31)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    return packer.compress(content) + packer.flush()


def _of_exposures() -> Iterator[Case]:
    table = "exposures"
    values: dict[str, tuple[dict[str, Any], str]] = {
        "negative latency": ({"latency_ms": -1}, "out of range"),
        "latency as text": ({"latency_ms": "9.3"}, "wrong type"),
        "latency of 10 to the 400": ({"latency_ms": 10**400}, "out of range"),
        "negative log_id": ({"log_id": -1}, "out of range"),
        "log_id as a fraction": ({"log_id": 5.0}, "wrong type"),
        "log_id beyond 64 bits": ({"log_id": 2**63}, "out of range"),
        "bucket of ten thousand": ({"bucket": 10_000}, "out of range"),
        "unknown variant": ({"feature_flag__result__variant": "Z"}, "unknown variant"),
        "no experiment": ({"meta__experiment_id": ""}, "missing field"),
        "no version": ({"meta__version": None}, "missing field"),
        "attrs as a list": ({"attrs": ["beta"]}, "wrong type"),
        "a grade as an object": ({"attrs": {"grade": {}}}, "wrong type"),
        "a prompt where its name belongs": ({"prompt": "You are a judge. " * 40}, "out of range"),
        "a hash that is none": ({"prompt_hash": "abc"}, "out of range"),
        "negative tokens": ({"gen_ai__usage__input_tokens": -5}, "out of range"),
        "a cost of minus infinity": ({"cost_usd": -1e999}, "malformed json"),
    }
    for name, (changes, reason) in values.items():
        yield _refused(table, name, _changed(table, name, **changes), reason)
    infinite = _changed(table, "1e999").replace(b"9.32", b"1e999")
    yield _refused(table, "latency of 1e999", infinite, "out of range")
    line = good_line(table, "twice", 9)
    yield bytes_case(
        table,
        "the same line twice",
        among_good(table, "twice", encoded(line), encoded(line)),
        lands=4,
        refused=("duplicate exposure_id",),
    )
    other = (
        encoded(line | {"latency_ms": 1.0, "exposure_id": "one-id"}),
        encoded(line | {"exposure_id": "one-id"}),
    )
    yield bytes_case(
        table,
        "one id with two contents",
        among_good(table, "conflict", *other),
        lands=4,
        refused=("conflicting exposure_id",),
    )
    yield _landing(
        table, "an error that quotes a child", _changed(table, "quote", error="김철수 wrote 3+4=8")
    )
    yield _landing(
        table, "an experiment of somebody else", _changed(table, "else", meta__experiment_id="other")
    )
    prefix = (
        encoded(good_line(table, "prefix", 8, unit_id="stu0000")),
        encoded(good_line(table, "prefix", 9, unit_id="stu0000-0")),
    )
    yield _landing(table, "two students with one prefix", b"\n".join(prefix), rows=2)


def _of_feedback() -> Iterator[Case]:
    table = "feedback_events"
    yield _refused(
        table, "an unknown rating", _changed(table, "unknown", feedback="MAYBE"), "unknown feedback"
    )
    without = good_line(table, "absent", 9)
    del without["feedback"]
    yield _refused(table, "no rating field", encoded(without), "missing field")
    yield _refused(table, "a rating as a number", _changed(table, "number", feedback=1), "wrong type")
    yield _landing(table, "a rating in small letters", _changed(table, "small", feedback=" good "))
    yield _landing(
        table,
        "a reason that is a sentence with a name",
        _changed(table, "reason", reason_code="Kim 010-1234-5678"),
    )
    line = encoded(good_line(table, "again", 9))
    yield bytes_case(
        table,
        "the same event twice",
        among_good(table, "again", line, line),
        lands=4,
        refused=("duplicate event",),
    )


def _of_reviews() -> Iterator[Case]:
    table = "card_reviews"
    yield _refused(table, "quality of six", _changed(table, "six", quality=6), "out of range")
    yield _refused(table, "quality of minus one", _changed(table, "minus", quality=-1), "out of range")
    yield _refused(table, "a negative time taken", _changed(table, "taken", taken_ms=-1), "out of range")
    yield _refused(
        table, "an interval of 2 to the 40", _changed(table, "interval", interval_after=2**40), "out of range"
    )
    line = encoded(good_line(table, "again", 9))
    yield bytes_case(
        table,
        "the same event twice",
        among_good(table, "again", line, line),
        lands=4,
        refused=("duplicate event",),
    )
