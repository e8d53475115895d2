"""The exposure log: the real fortnight lands whole, broken lines end as named rejects."""

import gzip
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.planned import Planned
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import TABLES
from pacer_pipelines.serving.bucket import bucket

FORTNIGHT = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
ORIGIN = Origin("exposures.jsonl", Pseudonyms(b"a key for tests only, 32 bytes.."), ZoneInfo("Asia/Seoul"))
SALT = "exp-2026-11-judge"
PLANNED = {"exp-2026-11-judge": Planned(frozenset({"A", "B"}), SALT)}
GOOD = {
    "exposure_id": "0a832156-9990-48e7-98e0-f411e3f4230f",
    "ts": "2026-11-02T15:30:00.250+00:00",
    "feature_flag.key": "judge-model",
    "feature_flag.result.variant": "B",
    "feature_flag.result.reason": "TARGETING_MATCH",
    "feature_flag.error": None,
    "meta.version": "1",
    "meta.experiment_id": "exp-2026-11-judge",
    "unit_id": "stu0182",
    "bucket": 611,
    "submission_id": "stu0182-hist-20261102-694",
    "attrs": {"school": "beta", "grade": 3, "coach": "coach13"},
    "model_version": "v2.1",
    "served_model": "pacer-llm:v2.1",
    "log_id": 1,
    "latency_ms": 9.32,
}


def line(**changes: object) -> bytes:
    """One exposure line; a key such as 'meta__version' stands for 'meta.version'."""
    return json.dumps(GOOD | {name.replace("__", "."): value for name, value in changes.items()}).encode()


def parse(*lines: bytes):
    return parse_exposures(lines, ORIGIN, PLANNED)


@pytest.fixture(scope="module")
def fortnight():
    lines = gzip.decompress((FORTNIGHT / "exposures.jsonl.gz").read_bytes()).split(b"\n")
    return parse_exposures(lines, ORIGIN, PLANNED)


def test_the_real_fortnight_lands_without_a_reject(fortnight):
    truth = json.loads((FORTNIGHT / "truth.json").read_text())
    assert (len(fortnight.rows), fortnight.rejects) == (truth["judge"], [])
    assert sum(row["is_failure"] for row in fortnight.rows) == truth["judge_failed"]
    assert {row["error_type"] for row in fortnight.rows} == {None, "RuntimeError"}
    assert len({row["unit_key"] for row in fortnight.rows}) == truth["students"]
    assert len({row["coach_key"] for row in fortnight.rows}) == truth["coaches"]


def test_every_row_has_exactly_the_columns_of_its_table(fortnight):
    names = [column.name for column in TABLES["exposures"]]
    assert all(list(row) == names for row in fortnight.rows)


def test_no_student_coach_or_submission_id_survives(fortnight):
    landed = repr(fortnight.rows)
    assert "stu0" not in landed
    assert "coach0" not in landed
    assert "history-01" not in landed


def test_a_day_is_the_day_on_the_plans_clock():
    # 15:30 UTC is 00:30 of the next day in Seoul
    (row,) = parse(line()).rows
    assert str(row["exposed_at"]) == "2026-11-02 15:30:00.250000"
    assert str(row["exposed_date"]) == "2026-11-03"


def test_an_offset_is_turned_into_utc():
    (row,) = parse(line(ts="2026-11-03T00:30:00+09:00")).rows
    assert str(row["exposed_at"]) == "2026-11-02 15:30:00"


def test_only_the_class_of_an_error_is_kept():
    errors = ["ReadTimeout: 010-1234-5678", "openai.APIError(status=500)", "학생 김민수 오류"]
    rows = parse(*(line(exposure_id=f"e{i}", error=e, log_id=None) for i, e in enumerate(errors))).rows
    assert [row["error_type"] for row in rows] == ["ReadTimeout", "openai.APIError", "unnamed"]
    assert all(row["is_failure"] for row in rows)


def test_attrs_may_be_missing_and_blank_lines_are_not_rows():
    record = {name: value for name, value in GOOD.items() if name != "attrs"}
    parsed = parse(b"", json.dumps(record).encode() + b"\r", b"  ", b"")
    assert parsed.rows_in == 1
    assert (parsed.rows[0]["school"], parsed.rows[0]["coach_key"]) == (None, None)
    assert parsed.rows[0]["source_line"] == 2


def test_what_a_call_used_lands_where_the_line_tells_it():
    used = {"gen_ai.usage.input_tokens": 812, "gen_ai.usage.output_tokens": 64, "cost_usd": 0.00123}
    rows = parse(line(**used), line(exposure_id="free", cost_usd=0), line(exposure_id="silent")).rows
    assert [(row["input_tokens"], row["output_tokens"], row["cost_usd"]) for row in rows] == [
        (812, 64, 0.00123),
        (None, None, 0.0),
        (None, None, None),
    ]


def test_another_experiments_variants_land_as_they_are():
    (row,) = parse(line(meta__experiment_id="someone-elses", feature_flag__result__variant="C")).rows
    assert row["flag_variant"] == "C"


def test_a_line_of_today_says_nothing_of_identity_segment_or_salted_bucket():
    (row,) = parse(line()).rows
    assert row["log_schema"] == 1
    silent = ("segment", "model_digest", "prompt", "prompt_hash", "decoding", "bucket_expected")
    assert [row[name] for name in silent] == [None] * len(silent)


def test_what_exactly_was_served_lands_where_the_line_tells_it():
    told = {
        "model_digest": "sha256:1f",
        "prompt": "judge",
        "prompt_hash": "AB" * 32,
        "meta.segment": "holdout",
    }
    (row,) = parse(line(**told, decoding={"top_p": 0.9, "temperature": 0.0, "stop": None})).rows
    assert [row[name] for name in ("model_digest", "prompt", "prompt_hash", "segment")] == [
        "sha256:1f", "judge", "ab" * 32, "holdout",
    ]  # fmt: skip
    # keys sorted, a whole number without its point: 0 and 0.0 are the same temperature
    assert row["decoding"] == '{"stop":null,"temperature":0,"top_p":0.9}'


def test_an_empty_decoding_says_nothing():
    (row,) = parse(line(decoding={}, model_digest="", prompt_hash="")).rows
    assert (row["decoding"], row["model_digest"], row["prompt_hash"]) == (None, None, None)


@pytest.mark.parametrize("student", ["stu0182", "김민수", "😀", "שלום"])
def test_the_bucket_is_worked_out_from_the_raw_id_of_a_line_of_schema_2(student):
    (row,) = parse(line(schema_version=2, unit_id=student)).rows
    assert row["bucket_expected"] == bucket(student, SALT)
    # as an earlier line says, whatever that was: the two are compared later
    assert row["bucket"] == 611


def test_a_split_by_request_has_the_bucket_of_the_submission():
    planned = {SALT: Planned(frozenset("AB"), "pepper", "request")}
    rows = parse_exposures(
        [line(schema_version=2), line(schema_version=2, exposure_id="none", submission_id=None)],
        ORIGIN,
        planned,
    ).rows
    assert [row["bucket_expected"] for row in rows] == [bucket("stu0182-hist-20261102-694", "pepper"), None]


def test_nobody_knows_the_bucket_without_a_plan():
    (row,) = parse(line(schema_version=2, meta__experiment_id="someone-elses")).rows
    assert (row["log_schema"], row["bucket_expected"]) == (2, None)


BAD = {
    "cut in half": (line()[:200], "malformed json"),
    "not json": (b"ERROR could not connect", "malformed json"),
    "NaN": (line(latency_ms=float("nan")), "malformed json"),
    "Infinity": (line(latency_ms=float("inf")), "malformed json"),
    "infinite by exponent": (line().replace(b"9.32", b"1e999"), "out of range"),
    "5000 digits": (line().replace(b"611", b"6" * 5000), "malformed json"),
    "byte order mark": (b"\xef\xbb\xbf" + line(), "byte order mark"),
    "NUL": (line().replace(b"beta", b"be\x00ta"), "NUL byte"),
    "NUL as escape": (line(model_version="v\x00"), "bad text"),
    "half a surrogate pair": (line(model_version="\ud800"), "bad text"),
    "nested 100,000 deep": (b"[" * 100_000, "nested too deeply"),
    "an array": (b"[1, 2]", "not an object"),
    "utf-16": ("한글".encode("utf-16"), "not utf-8"),
    "cp949": ("한글".encode("cp949"), "not utf-8"),
    "longer than 1 MB": (b'{"a": "' + b"x" * (1 << 20) + b'"}', "line too long"),
    "no id": (line(exposure_id=None), "missing field"),
    "empty id": (line(exposure_id=""), "missing field"),
    "no student": (line(unit_id=None), "missing field"),
    "no version": (line(meta__version=None), "missing field"),
    "number as id": (line(exposure_id=7), "wrong type"),
    "number as student": (line(unit_id=182), "wrong type"),
    "text as bucket": (line(bucket="611"), "wrong type"),
    "true as bucket": (line(bucket=True), "wrong type"),
    "5.0 as log": (line(log_id=5.0), "wrong type"),
    "true as latency": (line(latency_ms=True), "wrong type"),
    "text as attrs": (line(attrs="beta"), "wrong type"),
    "object as error": (line(error={"type": "x"}), "wrong type"),
    "bucket 10000": (line(bucket=10_000), "out of range"),
    "bucket -1": (line(bucket=-1), "out of range"),
    "negative latency": (line(latency_ms=-1), "out of range"),
    "half a token": (line(gen_ai__usage__input_tokens=0.5), "wrong type"),
    "tokens as text": (line(gen_ai__usage__output_tokens="12"), "wrong type"),
    "negative tokens": (line(gen_ai__usage__output_tokens=-1), "out of range"),
    "more tokens than any call has": (line(gen_ai__usage__input_tokens=2**31), "out of range"),
    "negative cost": (line(cost_usd=-0.01), "out of range"),
    "cost as text": (line(cost_usd="$0.01"), "wrong type"),
    "latency beyond a double": (line(latency_ms=10**400), "out of range"),
    "log beyond 63 bits": (line(log_id=2**63), "out of range"),
    "text of 10,001 characters": (line(model_version="v" * 10_001), "out of range"),
    "1970": (line(ts="1970-01-01T00:00:00+00:00"), "out of range"),
    "2100": (line(ts="2100-01-01T00:00:00+00:00"), "out of range"),
    "year 1": (line(ts="0001-01-01T00:00:00+14:00"), "bad timestamp"),
    "no offset": (line(ts="2026-11-02T00:57:01"), "bad timestamp"),
    "not a time": (line(ts="yesterday"), "bad timestamp"),
    "epoch seconds": (line(ts=1793613602), "wrong type"),
    "schema 0": (line(schema_version=0), "out of range"),
    "schema 3": (line(schema_version=3), "unknown schema version"),
    "schema as text": (line(schema_version="2"), "wrong type"),
    "true as schema": (line(schema_version=True), "wrong type"),
    "number as segment": (line(meta__segment=3), "wrong type"),
    "digest of 201 characters": (line(model_digest="d" * 201), "out of range"),
    "a prompt instead of its name": (line(prompt="You are a judge. " * 20), "out of range"),
    "a prompt instead of its hash": (line(prompt_hash="You are a judge"), "out of range"),
    "hash of 63 digits": (line(prompt_hash="a" * 63), "out of range"),
    "decoding as text": (line(decoding="temperature=0"), "wrong type"),
    "nested decoding": (line(decoding={"stop": ["beta"]}), "wrong type"),
    "decoding of 21 keys": (line(decoding={f"k{i}": i for i in range(21)}), "out of range"),
    "long decoding": (line(decoding={"system": "beta" * 250}), "out of range"),
    "infinite temperature": (
        line(decoding={"t": 9.32}, latency_ms=1).replace(b"9.32", b"1e999"),
        "out of range",
    ),
    "unknown variant": (line(feature_flag__result__variant="C"), "unknown variant"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_becomes_a_named_reject_and_the_others_land(bad, reason):
    parsed = parse(line(exposure_id="before"), bad, line(exposure_id="after"))
    assert [row["exposure_id"] for row in parsed.rows] == ["before", "after"]
    assert [(reject.line, reject.reason) for reject in parsed.rejects] == [(2, reason)]


def test_a_reject_never_repeats_what_it_refused():
    secrets = ["stu0182", "coach13", "beta"]
    parsed = parse(*(bad.replace(b"hist", b"010-1234-5678") for bad, _ in BAD.values()))
    said = " ".join(reject.detail for reject in parsed.rejects)
    assert not [secret for secret in [*secrets, "010-1234-5678"] if secret in said]
