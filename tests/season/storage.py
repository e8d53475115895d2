"""PACER's own SQLite database, with the tables and columns of the real one: rows change in place."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .town import Asked

# as PACER V2 makes them; free text is there, so that its absence further on means something
TABLES = """
CREATE TABLE students (
    student_id VARCHAR NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, settings JSON NOT NULL
);
CREATE TABLE llm_logs (
    log_id INTEGER NOT NULL PRIMARY KEY, submission_id VARCHAR NOT NULL, coach_id VARCHAR, concept_name VARCHAR,
    model_version VARCHAR, decision VARCHAR NOT NULL, reason TEXT, coach_feedback VARCHAR, reason_code VARCHAR,
    memo TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE anki_cards (
    card_id INTEGER NOT NULL PRIMARY KEY, student_id VARCHAR NOT NULL, llm_log_id INTEGER NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, next_review_date DATE NOT NULL, interval_days INTEGER NOT NULL,
    ease_factor INTEGER NOT NULL, repetitions INTEGER NOT NULL, last_reviewed_at TIMESTAMP,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, FOREIGN KEY (llm_log_id) REFERENCES llm_logs (log_id)
);
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer of the model, as PACER stores it."""

    asked: Asked
    model_version: str
    decision: str


@dataclass(frozen=True, slots=True)
class Rating:
    """What a coach says of a judgement, and when."""

    at: datetime
    log_id: int
    coach: str
    feedback: str


@dataclass(frozen=True, slots=True)
class Review:
    """One answer of a student to a card."""

    at: datetime
    log_id: int
    card_id: int
    student_id: str
    quality: int
    interval_before: int
    interval_after: int
    taken_ms: int
    repetitions: int


class Storage:
    """PACER's database; rows of a day are written together, when its ratings and reviews are noted."""

    def __init__(self, path: Path, students: Sequence[str]) -> None:
        """Make the tables, and a row for each student."""
        self._path = path
        self._logs: list[tuple[Any, ...]] = []
        self._cards: list[tuple[Any, ...]] = []
        self._last_log = self._last_card = 0
        with self._open() as db:
            db.executescript(TABLES)
            db.executemany(
                "INSERT INTO students VALUES (?, ?, '{}')", [(one, f"Kim {one}") for one in students]
            )

    def judge(self, one: Judgement) -> int:
        """Store a judgement; gives its log_id."""
        self._last_log += 1
        asked = one.asked
        self._logs.append(
            (
                self._last_log,
                asked.submission_id,
                asked.concept,
                one.model_version,
                one.decision,
                _utc(asked.at),
            )
        )
        return self._last_log

    def card(self, one: Judgement, log_id: int) -> int:
        """Make a card of a judgement, two minutes after it; gives its card_id."""
        self._last_card += 1
        made_at = one.asked.at + timedelta(minutes=2)
        self._cards.append(
            (self._last_card, one.asked.student.student_id, log_id, made_at.date().isoformat(), _utc(made_at))
        )
        return self._last_card

    def note(self, ratings: Sequence[Rating], reviews: Sequence[Review]) -> None:
        """Write what was stored since the last time, then the ratings and reviews of the day."""
        with self._open() as db:
            db.executemany(
                "INSERT INTO llm_logs "
                "(log_id, submission_id, concept_name, model_version, decision, reason, created_at) "
                "VALUES (?, ?, ?, ?, ?, 'a reason that nobody lands', ?)",
                self._logs,
            )
            db.executemany(
                "INSERT INTO anki_cards VALUES (?, ?, ?, 'a question', 'an answer', ?, 0, 250, 0, NULL, ?)",
                self._cards,
            )
            db.executemany(
                "UPDATE llm_logs SET coach_id = ?, coach_feedback = ? WHERE log_id = ?",
                [(one.coach, one.feedback, one.log_id) for one in ratings],
            )
            db.executemany(
                "UPDATE anki_cards SET interval_days = ?, repetitions = ?, last_reviewed_at = ? WHERE card_id = ?",
                [(one.interval_after, one.repetitions, _utc(one.at), one.card_id) for one in reviews],
            )
        self._logs, self._cards = [], []

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path)
        try:
            with db:
                yield db
        finally:
            db.close()


def _utc(moment: datetime) -> str:
    """PACER keeps whole seconds of UTC, without saying so."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
