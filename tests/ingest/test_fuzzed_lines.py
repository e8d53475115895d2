"""Whatever bytes a log holds: nothing raises, every line lands or is refused by name, good lines land."""

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest.test_parse_exposures import GOOD, PLANNED

from pacer_pipelines.ingest.card_reviews import parse_card_reviews
from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import TABLES

ORIGIN = Origin("some.file", Pseudonyms(b"a key for tests only, 32 bytes.."), ZoneInfo("Asia/Seoul"))
RATING = {
    "ts": "2026-11-03T00:13:57Z", "log_id": 914, "coach_id": "coach16", "feedback": "GOOD", "reason_code": None,
}  # fmt: skip
REVIEW = {
    "ts": "2026-11-02T22:33:00Z", "card_id": 72, "log_id": 126, "student_id": "stu0390", "quality": 3,
    "interval_before": 1, "interval_after": 6, "taken_ms": 17850,
}  # fmt: skip
LOGS = {
    "exposures": (GOOD, lambda lines: parse_exposures(lines, ORIGIN, PLANNED)),
    "feedback_events": (RATING, lambda lines: parse_feedback(lines, ORIGIN)),
    "card_reviews": (REVIEW, lambda lines: parse_card_reviews(lines, ORIGIN)),
}
EACH_LOG = pytest.mark.parametrize("log", LOGS)

NUMBERS = (
    "1e999",
    "-1e999",
    "-0",
    "-0.0",
    "1e-999",
    "1" + "0" * 400,
    "9" * 5000,
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "1.",
)
TEXTS = ('"\\ud800"', '"\\u0000"', '"\u2028"', '"\ufeff"', '"\u202e"', '"' + "x" * 10_001 + '"', '""')
TOKENS = st.sampled_from(
    [*NUMBERS, *TEXTS, "null", "true", "[]", "{}", "[" * 3000 + "]" * 3000, '{"a": 1, "a": 2}']
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
BREAKS = st.sampled_from(
    [
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw + b"\r",
        lambda raw: raw + b"\x00",
        lambda raw: raw.decode("utf-8", "replace").encode("utf-16"),
        lambda raw: raw[:-1] + b', "ts": "2026-11-03T00:13:57Z"}',
        lambda raw: raw + raw,
        lambda raw: b"\xff" + raw,
        lambda raw: b" \t" + raw + b"  ",
    ]
)


@st.composite
def mutated(draw, good):
    """A real line with values of any kind, tokens that no JSON writer makes, and bytes cut, changed or put in."""
    record = {
        **good,
        **draw(st.dictionaries(st.sampled_from(sorted(good)) | st.text(max_size=6), VALUES, max_size=3)),
    }
    raw = json.dumps(record)
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(good)))
        raw = json.dumps({**record, name: "\x01"}).replace('"\\u0001"', draw(TOKENS))
    data = raw.encode()
    if draw(st.booleans()):
        data = draw(BREAKS)(data)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 5)) :]
    return data.replace(b"\n", b"")


@EACH_LOG
@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_everything_lands_or_is_refused_and_no_good_line_is_lost(log, data):
    good, parse = LOGS[log]
    strange = data.draw(
        st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"")) | mutated(good), max_size=4)
    )
    whole = json.dumps(good).encode()
    parsed = parse([whole, *strange, whole, b""])
    assert (
        parsed.rows_in
        == len(parsed.rows) + len(parsed.rejects)
        == 2 + sum(bool(raw.strip()) for raw in strange)
    )
    assert {row["source_line"] for row in parsed.rows} >= {1, len(strange) + 2}
    assert all(reject.reason for reject in parsed.rejects)
    names = [column.name for column in TABLES[log]]
    for row in parsed.rows:
        assert list(row) == names
        # what lands can be written: finite numbers, whole characters
        json.dumps(row, default=str, allow_nan=False, ensure_ascii=False).encode()


def reason_of(log: str, raw: bytes) -> str:
    _, parse = LOGS[log]
    parsed = parse([raw, b""])
    return parsed.rejects[0].reason if parsed.rejects else "landed"


def with_token(log: str, name: str, token: str) -> bytes:
    good, _ = LOGS[log]
    return json.dumps({**good, name: "\x01"}).replace('"\\u0001"', token).encode()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("1e999", "out of range"),
        ("1" + "0" * 400, "out of range"),
        ("9" * 5000, "malformed json"),
        ("NaN", "malformed json"),
        ("-Infinity", "malformed json"),
        ("01", "malformed json"),
        ("-0", "landed"),
        ("-0.0", "landed"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    ],
)
def test_numbers_at_the_edge_have_their_reason(token, reason):
    assert reason_of("exposures", with_token("exposures", "latency_ms", token)) == reason


def test_minus_zero_lands_as_zero():
    (row,) = LOGS["exposures"][1]([with_token("exposures", "latency_ms", "-0.0")]).rows
    assert str(row["latency_ms"]) == "0.0"


@EACH_LOG
def test_a_key_that_comes_twice_is_refused_since_nobody_knows_which_one_is_meant(log):
    good, _ = LOGS[log]
    raw = json.dumps(good).encode()
    assert reason_of(log, raw[:-1] + b', "log_id": 7}') == "malformed json"
    for twice in (
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "a" : 1}',
        b'{"a":1,"a"\t:1}',
        b'[[{"a": "\\":", "a" : 1}]]',
    ):
        assert reason_of(log, raw[:-1] + b', "new": ' + twice + b"}") == "malformed json"
    assert reason_of(log, raw[:-1] + b', "new": {"a" : "\\":", "b": {"a": "\\" :"}}}') == "landed"


@EACH_LOG
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw + b"\r", "landed"),
        (lambda raw: b"\xef\xbb\xbf" + raw, "byte order mark"),
        (lambda raw: raw + b"\x00", "NUL byte"),
        (lambda raw: raw.decode().encode("utf-16-le"), "NUL byte"),
        (lambda raw: raw.decode().encode("utf-16"), "not utf-8"),
        (lambda raw: raw + raw, "malformed json"),
        (lambda raw: raw.replace(b'"ts"', '"\u2028": "\u2028", "ts"'.encode()), "landed"),
    ],
    ids=["CRLF", "BOM", "NUL", "UTF-16", "UTF-16 with BOM", "two on a line", "U+2028 in a text"],
)
def test_encodings_and_line_ends_have_their_reason(log, change, reason):
    good, _ = LOGS[log]
    assert reason_of(log, change(json.dumps(good).encode())) == reason


@EACH_LOG
def test_a_last_line_without_newline_lands_when_it_is_whole_and_waits_when_it_is_not(log):
    good, parse = LOGS[log]
    raw = json.dumps(good).encode()
    assert len(parse([raw, raw]).rows) == 2
    for end in (raw[:40], raw[:-1], '{"ts": "한'.encode()[:-1]):
        (reject,) = parse([raw, end]).rejects
        assert (reject.line, reject.reason) == (2, "unfinished line")
