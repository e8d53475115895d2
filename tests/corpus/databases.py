"""Bad copies of PACER's database, each a dated copy of its own."""

from __future__ import annotations

import gzip
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from .cases import Case

LOGS = (
    "CREATE TABLE llm_logs (log_id INTEGER PRIMARY KEY, submission_id TEXT, coach_id TEXT, concept_name TEXT,"
    " model_version TEXT, decision TEXT, reason TEXT, coach_feedback TEXT, reason_code TEXT, memo TEXT,"
    " created_at TIMESTAMP)"
)
CARDS = (
    "CREATE TABLE anki_cards (card_id INTEGER PRIMARY KEY, student_id TEXT, llm_log_id INTEGER, question TEXT,"
    " answer TEXT, next_review_date DATE, interval_days INTEGER, ease_factor INTEGER, repetitions INTEGER,"
    " last_reviewed_at TIMESTAMP, created_at TIMESTAMP)"
)
GOOD_LOG = (
    "stu0001-math-1",
    "coach01",
    "fractions",
    "v2.0",
    "APPROVE",
    "because",
    "GOOD",
    None,
    "memo",
    "2026-11-05 02:00:00",
)
COLUMNS = (
    "submission_id",
    "coach_id",
    "concept_name",
    "model_version",
    "decision",
    "reason",
    "coach_feedback",
    "reason_code",
    "memo",
    "created_at",
)


def database_cases() -> list[Case]:
    return [*_broken_files(), *_other_tables(), *_values()]


def database(path: Path, *logs: tuple[Any, ...], tables: tuple[str, ...] = (LOGS, CARDS)) -> Path:
    """Write a database in which every case has log ids of its own."""
    first = 1000 * (sum(path.name.encode()) * 31 % 9973)
    with closing(sqlite3.connect(path)) as db:
        for table in tables:
            db.execute(table)
        for number, log in enumerate(logs):
            db.execute(f"INSERT INTO llm_logs VALUES (?, {', '.join('?' * 10)})", (first + number, *log))
        db.commit()
    return path


def _file(name: str, content: Callable[[Path], object], suffix: str = ".db", **expected: Any) -> Case:
    return Case(name, "llm_logs", content, suffix=suffix, **expected)


def _bytes(path: Path) -> bytes:
    plain = database(path.with_name(f".{path.name}.plain"), GOOD_LOG, *([GOOD_LOG] * 400))
    content = plain.read_bytes()
    plain.unlink()
    return content


def _broken_files() -> Iterator[Case]:
    noise = random.Random(6).randbytes(20_000)
    yield _file("no bytes at all", lambda path: path.write_bytes(b""), problem="no such table")
    yield _file("noise", lambda path: path.write_bytes(noise), problem="not a database")
    yield _file(
        "a text file", lambda path: path.write_text("log_id;decision\n1;APPROVE\n"), problem="not a database"
    )
    yield _file("cut in half", lambda path: path.write_bytes(_bytes(path)[:20_000]), problem="malformed")
    yield _file(
        "pages of noise", lambda path: path.write_bytes(_bytes(path)[:8192] + noise), problem="malformed"
    )
    yield _file("the header alone", lambda path: path.write_bytes(_bytes(path)[:100]), problem="malformed")
    yield _file("not there", lambda path: None, problem="nothing at")
    yield _file("a folder", lambda path: path.mkdir(), problem="nothing at")
    yield _file(
        "gz that is plain",
        lambda path: path.write_bytes(_bytes(path)),
        ".db.gz",
        problem="gzip data is damaged",
    )
    yield _file(
        "zst that is gz",
        lambda path: path.write_bytes(gzip.compress(_bytes(path))),
        ".db.zst",
        problem="zstd data is damaged",
    )
    yield _file(
        "gz cut short",
        lambda path: path.write_bytes(gzip.compress(_bytes(path))[:-20]),
        ".db.gz",
        problem="gzip file is cut short",
    )


def _other_tables() -> Iterator[Case]:
    def with_tables(*tables: str) -> Callable[[Path], object]:
        return lambda path: database(path, tables=tables)

    yield _file("no tables", with_tables(), problem="no such table")
    yield _file("no cards", with_tables(LOGS), problem="anki_cards")
    yield _file(
        "a table of another name",
        with_tables(LOGS.replace("llm_logs", "llm_log"), CARDS),
        problem="no such table: llm_logs",
    )
    yield _file(
        "a column of another name",
        with_tables(LOGS.replace("coach_feedback", "feedback"), CARDS),
        problem="coach_feedback",
    )
    yield _file(
        "a column too few", with_tables(LOGS.replace("decision TEXT, ", ""), CARDS), problem="decision"
    )
    yield _file("a column too many", with_tables(LOGS.replace("memo TEXT", "memo TEXT, mood TEXT"), CARDS))
    named = ", ".join(f"'x' AS {name}" for name in COLUMNS)
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    endless = f"CREATE VIEW llm_logs AS {numbers} SELECT x AS log_id, {named} FROM n"
    yield _file("a view without end", with_tables(endless, CARDS), problem="llm_logs")


def _values() -> Iterator[Case]:
    """One odd row between two sound ones."""
    values: dict[str, tuple[str, Any, str]] = {
        "an empty decision": ("decision", "", "missing field"),
        "no decision": ("decision", None, "missing field"),
        "a third decision": ("decision", "MAYBE", "unknown decision"),
        "a decision as bytes": ("decision", b"APPROVE", "wrong type"),
        "no submission": ("submission_id", None, "missing field"),
        "a submission with NUL": ("submission_id", "stu\x00", "bad text"),
        "created in 1970": ("created_at", "1970-01-01 00:00:00", "out of range"),
        "created in 2100": ("created_at", "2100-01-01 00:00:00", "out of range"),
        "created never": ("created_at", None, "missing field"),
        "created in words": ("created_at", "last Tuesday", "bad timestamp"),
        "created at epoch seconds": ("created_at", 1_793_800_000, "wrong type"),
    }
    for name, (column, value, reason) in values.items():
        yield _file(name, _with(column, value), lands=2, refused=(reason,))
    sound: dict[str, tuple[str, Any]] = {
        "a decision in small letters": ("decision", "approve"),
        "a rating that nobody knows": ("coach_feedback", "so-so"),
        "a memo with a phone number": ("memo", "010-1234-5678 <!channel>"),
        "a submission without a student": ("submission_id", "history-01"),
        "an emoji submission": ("submission_id", "🦊-1"),
        "a formula as coach": ("coach_id", "=HYPERLINK()"),
    }
    for name, (column, value) in sound.items():
        yield _file(name, _with(column, value), lands=3)


def _with(column: str, value: Any) -> Callable[[Path], object]:
    odd = tuple(value if name == column else usual for name, usual in zip(COLUMNS, GOOD_LOG, strict=True))
    return lambda path: database(path, GOOD_LOG, odd, GOOD_LOG)
