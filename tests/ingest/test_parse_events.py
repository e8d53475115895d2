"""Feedback and card review events, and the roster."""

import gzip
import json
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest.card_reviews import parse_card_reviews
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.roster import parse_roster, student_ids
from pacer_pipelines.ingest.rows import Origin, Parsed, Reject
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES

FORTNIGHT = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
ORIGIN = Origin("some.file", Pseudonyms(b"a key for tests only, 32 bytes.."), ZoneInfo("Asia/Seoul"))
TRUTH = json.loads((FORTNIGHT / "truth.json").read_text())
RATING = {"ts": "2026-11-03T00:13:57Z", "log_id": 914, "coach_id": "coach16", "feedback": "GOOD"}
REVIEW = {"ts": "2026-11-02T22:33:00Z", "card_id": 72, "student_id": "stu0390", "quality": 3}


def lines(name: str) -> list[bytes]:
    return gzip.decompress((FORTNIGHT / name).read_bytes()).split(b"\n")


def encoded(*records: dict[str, object]) -> list[bytes]:
    return [json.dumps(record).encode() for record in records]


def test_the_real_feedback_lands_whole():
    parsed = parse_feedback(lines("feedback_events.jsonl.gz"), ORIGIN)
    assert (parsed.rows_in, parsed.rejects) == (TRUTH["feedback"], [])
    per_log = Counter(row["log_id"] for row in parsed.rows)
    assert len(parsed.rows) - len(per_log) == TRUTH["feedback_changed"]
    assert list(parsed.rows[0]) == [column.name for column in TABLES["feedback_events"]]


@pytest.mark.parametrize(
    ("said", "landed"),
    [
        ("GOOD", "GOOD"),
        ("bad", "BAD"),
        (" Good ", "GOOD"),
        (None, "WITHDRAWN"),
        ("", "WITHDRAWN"),
        ("withdrawn", "WITHDRAWN"),
    ],
)
def test_feedback_in_any_case_and_a_null_takes_it_back(said, landed):
    (row,) = parse_feedback(encoded(RATING | {"feedback": said}), ORIGIN).rows
    assert row["feedback"] == landed


def test_unknown_or_missing_feedback_is_refused():
    missing = {name: value for name, value in RATING.items() if name != "feedback"}
    parsed = parse_feedback(encoded(RATING | {"feedback": "MEH"}, missing, RATING | {"feedback": 1}), ORIGIN)
    assert [r.reason for r in parsed.rejects] == ["unknown feedback", "missing field", "wrong type"]


def test_a_sentence_typed_as_reason_code_does_not_land():
    codes = ["WRONG_JUDGEMENT", "엄마 010-0000-8375 통화함", None]
    events = [RATING | {"log_id": i, "reason_code": said} for i, said in enumerate(codes)]
    landed = parse_feedback(encoded(*events), ORIGIN).rows
    assert [row["reason_code"] for row in landed] == ["WRONG_JUDGEMENT", "OTHER", None]


def test_the_real_card_reviews_land_whole():
    parsed = parse_card_reviews(lines("card_reviews.jsonl.gz"), ORIGIN)
    assert (parsed.rows_in, parsed.rejects) == (TRUTH["review"], [])
    assert list(parsed.rows[0]) == [column.name for column in TABLES["card_reviews"]]
    # 22:33 UTC is the next morning in Seoul
    assert str(parsed.rows[0]["reviewed_date"]) == "2026-11-03"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"card_id": None}, "missing field"),
        ({"card_id": "72"}, "wrong type"),
        ({"quality": 6}, "out of range"),
        ({"taken_ms": -1}, "out of range"),
        ({"interval_after": 2**31}, "out of range"),
        ({"ts": "2026-11-02 22:33"}, "bad timestamp"),
    ],
)
def test_a_bad_card_review_is_refused_by_name(change, reason):
    (reject,) = parse_card_reviews(encoded(REVIEW | change), ORIGIN).rejects
    assert (reject.line, reject.reason) == (1, reason)


def test_the_real_roster_lands_whole():
    data = (FORTNIGHT / "roster.csv").read_bytes()
    parsed = parse_roster(data, ORIGIN)
    assert (len(parsed.rows), parsed.rejects) == (TRUTH["students"], [])
    assert {"stu0000", "stu0000-0"} <= student_ids(data)
    assert list(parsed.rows[0]) == [column.name for column in TABLES["roster"]]


def test_a_roster_from_a_spreadsheet_lands_and_its_broken_lines_do_not():
    table = [
        "\ufeffcoach_id,student_id,school",
        "c1,s1,알파",
        "c1,s1,알파",
        "c2,s1,beta",
        "",
        "c1",
        "c1,,x",
        "",
    ]
    data = "\r\n".join(table).encode()
    parsed = parse_roster(data + "c1,s9,베타".encode("cp949"), ORIGIN)
    assert [(row["school"], row["grade"]) for row in parsed.rows] == [("알파", None)]
    assert [(r.line, r.reason) for r in parsed.rejects] == [
        (3, "duplicate student_id"),
        (4, "conflicting student_id"),
        (6, "wrong number of columns"),
        (7, "missing field"),
        (8, "not utf-8"),
    ]


def test_a_roster_may_tell_a_students_time_zone_and_a_wrong_one_costs_only_itself():
    zones = ["America/New_York", "", "Mars/Olympus", "/etc/passwd", "../x", "localtime", "UTC"]
    lines = ["student_id,timezone", *(f"s{n},{zone}" for n, zone in enumerate(zones))]
    parsed = parse_roster("\n".join(lines).encode(), ORIGIN)
    assert [row["timezone"] for row in parsed.rows] == ["America/New_York", *[None] * 5, "UTC"]
    assert (parsed.rejects, parsed.warnings) == ([], {"timezone: not an IANA name": 4})


def test_a_roster_without_its_header_lands_nothing_and_says_why():
    parsed = parse_roster(b"stu0001,alpha\nstu0002,beta\n", ORIGIN)
    assert (parsed.rows, [r.reason for r in parsed.rejects]) == ([], ["no header", "no header"])


def test_a_lost_row_cannot_be_reported():
    with pytest.raises(ValueError, match="3 in, 1 parsed \\+ 1 rejected"):
        Parsed([{}], [Reject(1, "malformed json")], 3)


def test_a_file_cut_short_is_one_more_row_in_and_one_more_reject():
    parsed = Parsed([{}], [], 1).with_reject(Reject(2, "file cut short"))
    assert (parsed.rows_in, len(parsed.rejects)) == (2, 1)


def test_each_table_has_a_day_that_is_one_of_its_columns():
    assert TABLES.keys() == DAY_COLUMN.keys()
    for table, day in DAY_COLUMN.items():
        kinds = {column.name: column.type for column in TABLES[table]}
        assert day is None or kinds[day] == "DATE"
