"""PACER's own tables: students inside submission ids, decisions, ratings, content hashes."""

import doctest
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest import pacer_tables
from pacer_pipelines.ingest.pacer_tables import Observed, parse_anki_cards, parse_llm_logs, student_of
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import TABLES

KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
ORIGIN = Origin("pacer.db", KEYS, ZoneInfo("Asia/Seoul"))
SEEN = Observed(datetime(2026, 11, 8, 15), datetime(2026, 11, 7, 15))
LOG = {
    "log_id": 1,
    "submission_id": "stu0000-0-math-1",
    "coach_id": None,
    "concept_name": "확률의 덧셈",
    "model_version": "v2.1",
    "decision": "APPROVE",
    "coach_feedback": None,
    "reason_code": None,
    "reason_length": 15,
    "memo_length": None,
    "created_at": "2026-11-02 15:57:01",
}
CARD = {
    "card_id": 1,
    "student_id": "stu0021",
    "llm_log_id": 3,
    "interval_days": 6,
    "created_at": "2026-11-02 02:20:48",
}
STUDENTS = {"stu0000", "stu0000-0", "stu0001"}


def logs(*changes):
    return parse_llm_logs([LOG | change for change in changes], ORIGIN, SEEN, STUDENTS)


@pytest.mark.parametrize(
    ("submission", "student"),
    [
        ("stu0000-math-1", "stu0000"),
        ("stu0000-0-math-1", "stu0000-0"),
        ("stu0000-0", "stu0000-0"),
        ("stu00001-math", None),
        ("history-01", None),
        ("", None),
        ("-", None),
    ],
)
def test_the_student_is_the_longest_known_id_that_precedes_a_dash(submission, student):
    assert student_of(submission, STUDENTS) == student


def test_the_documented_examples_hold():
    assert doctest.testmod(pacer_tables).failed == 0


def test_a_judgement_lands_with_when_it_was_seen_and_its_local_days():
    (row,) = logs({}).rows
    assert list(row) == [column.name for column in TABLES["llm_logs"]]
    assert row["student_key"] == KEYS.student("stu0000-0")
    assert (str(row["created_date"]), str(row["observed_date"])) == ("2026-11-03", "2026-11-09")
    assert (row["observed_at"], row["not_before_at"]) == (SEEN.at, SEEN.not_before_at)


def test_lower_case_decisions_count_and_unknown_ones_are_refused():
    parsed = logs(
        {"decision": "approve"}, {"log_id": 2, "decision": "MAYBE"}, {"log_id": 3, "decision": None}
    )
    assert [row["decision"] for row in parsed.rows] == ["APPROVE"]
    assert [(r.line, r.reason) for r in parsed.rejects] == [(2, "unknown decision"), (3, "missing field")]


def test_a_rating_that_is_neither_good_nor_bad_is_emptied_and_counted():
    parsed = logs({"coach_feedback": "good"}, {"log_id": 2, "coach_feedback": "so so"})
    assert [row["coach_feedback"] for row in parsed.rows] == ["GOOD", None]
    assert parsed.warnings == {pacer_tables.UNKNOWN_FEEDBACK: 1}


@pytest.mark.parametrize(
    "change", [{"coach_feedback": "BAD"}, {"memo_length": 4}, {"reason_code": "DUPLICATE"}]
)
def test_the_hash_changes_when_the_content_does(change):
    (before,), (again,), (after,) = logs({}).rows, logs({}).rows, logs(change).rows
    assert before["row_hash"] == again["row_hash"] != after["row_hash"]


def test_the_hash_does_not_depend_on_when_it_was_seen():
    later = parse_llm_logs([LOG], ORIGIN, Observed(datetime(2026, 11, 9, 15)), STUDENTS)
    assert later.rows[0]["row_hash"] == logs({}).rows[0]["row_hash"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"log_id": "1"}, "wrong type"),
        ({"submission_id": None}, "missing field"),
        ({"created_at": None}, "missing field"),
        ({"created_at": "soon"}, "bad timestamp"),
        ({"created_at": "1970-01-01 00:00:00"}, "out of range"),
        ({"created_at": 1793613602}, "wrong type"),
    ],
)
def test_a_bad_row_is_refused_by_name(change, reason):
    assert [r.reason for r in logs(change).rejects] == [reason]


def test_a_servers_timestamps_mean_the_same_as_sqlites_text():
    times = [datetime(2026, 11, 2, 15, 57, 1), datetime(2026, 11, 2, 15, 57, 1, tzinfo=UTC)]
    rows = logs(*({"log_id": i, "created_at": moment} for i, moment in enumerate(times))).rows
    assert [row["created_at"] for row in rows] == [times[0], times[0]]


def test_cards_land_with_their_student_and_log():
    parsed = parse_anki_cards([CARD, CARD, CARD | {"card_id": 2, "llm_log_id": None}], ORIGIN, SEEN)
    (row,) = parsed.rows
    assert list(row) == [column.name for column in TABLES["anki_cards"]]
    assert (row["student_key"], row["log_id"]) == (KEYS.student("stu0021"), 3)
    assert [r.reason for r in parsed.rejects] == ["duplicate card_id", "missing field"]
