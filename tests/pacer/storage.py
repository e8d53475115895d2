"""PACER's own database: two tables whose rows change in place, as PACER V2 documents them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

BUSY_SECONDS = 30.0
# whole percents of ease, as PACER keeps them: 250 is 2.5
NEW_EASE, LEAST_EASE = 250, 130
TABLES = """
CREATE TABLE IF NOT EXISTS llm_logs (
    log_id INTEGER PRIMARY KEY, submission_id TEXT NOT NULL, coach_id TEXT, concept_name TEXT, model_version TEXT,
    decision TEXT NOT NULL, reason TEXT NOT NULL, coach_feedback TEXT, reason_code TEXT, memo TEXT,
    created_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS anki_cards (
    card_id INTEGER PRIMARY KEY, student_id TEXT NOT NULL, llm_log_id INTEGER NOT NULL REFERENCES llm_logs (log_id),
    question TEXT NOT NULL, answer TEXT NOT NULL, next_review_date DATE NOT NULL, interval_days INTEGER NOT NULL,
    ease_factor INTEGER NOT NULL, repetitions INTEGER NOT NULL, last_reviewed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of ``llm_logs`` before anybody rated it."""

    submission_id: str
    concept: str
    model_version: str
    decision: str
    reason: str
    memo: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card as its row stands."""

    card_id: int
    log_id: int
    student_id: str
    interval_days: int
    ease_factor: int
    repetitions: int

    def reviewed(self, quality: int) -> "Card":
        """Give the card after one more review, by SM-2.

        References:
            P. A. Wozniak, Optimization of learning (1990), chapter 3.2.
        """
        ease = self.ease_factor + round(100 * (0.1 - (5 - quality) * (0.08 + (5 - quality) * 0.02)))
        ease = max(LEAST_EASE, ease)
        known = self.repetitions + 1 if quality >= 3 else 0
        days = {0: 1, 1: 1, 2: 6}.get(known) or round(self.interval_days * ease / 100)
        return Card(self.card_id, self.log_id, self.student_id, days, ease, known)


class Storage:
    """One SQLite file for all workers. A method is one transaction, committed when it returns."""

    def __init__(self, path: Path) -> None:
        """Make the tables, unless another worker has."""
        self._path = path
        with self._writing() as db:
            for statement in TABLES.split(";"):
                db.execute(statement)

    def judged(self, one: Judgement, at: datetime) -> int:
        """Store a judgement; gives its log_id."""
        with self._writing() as db:
            values = (one.submission_id, one.concept, one.model_version, one.decision, one.reason, one.memo)
            done = db.execute(
                "INSERT INTO llm_logs "
                "(submission_id, concept_name, model_version, decision, reason, memo, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, _utc(at)),
            )
            return int(done.lastrowid or 0)

    def rated(self, log_id: int, coach_id: str, feedback: str | None, reason_code: str | None) -> bool:
        """Write a coach's word over what stood there; whether there is such a judgement."""
        with self._writing() as db:
            done = db.execute(
                "UPDATE llm_logs SET coach_id = ?, coach_feedback = ?, reason_code = ? WHERE log_id = ?",
                (coach_id, feedback, reason_code, log_id),
            )
            return done.rowcount == 1

    def carded(self, student_id: str, log_id: int, sides: tuple[str, str], at: datetime) -> int:
        """Make a card of a judgement, due tomorrow; gives its card_id."""
        with self._writing() as db:
            due = (at + timedelta(days=1)).date().isoformat()
            done = db.execute(
                "INSERT INTO anki_cards (student_id, llm_log_id, question, answer, next_review_date, "
                "interval_days, ease_factor, repetitions, created_at) VALUES (?, ?, ?, ?, ?, 0, ?, 0, ?)",
                (student_id, log_id, *sides, due, NEW_EASE, _utc(at)),
            )
            return int(done.lastrowid or 0)

    def reviewed(self, card_id: int, quality: int, at: datetime) -> tuple[Card, Card] | None:
        """Note a review; gives the card before and after it, or nothing when there is no such card."""
        with self._writing() as db:
            row = db.execute(
                "SELECT card_id, llm_log_id, student_id, interval_days, ease_factor, repetitions "
                "FROM anki_cards WHERE card_id = ?",
                (card_id,),
            ).fetchone()
            if row is None:
                return None
            before = Card(*row)
            after = before.reviewed(quality)
            due = (at + timedelta(days=after.interval_days)).date().isoformat()
            db.execute(
                "UPDATE anki_cards SET next_review_date = ?, interval_days = ?, ease_factor = ?, "
                "repetitions = ?, last_reviewed_at = ? WHERE card_id = ?",
                (due, after.interval_days, after.ease_factor, after.repetitions, _utc(at), card_id),
            )
            return before, after

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # the disk need not survive a power cut in a test
            db.execute("PRAGMA synchronous = OFF")
            # the lock is taken before anything is read: two workers cannot review the same state of a card
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        finally:
            # whatever was not committed is rolled back
            db.close()


def _utc(moment: datetime) -> str:
    """PACER keeps whole seconds of UTC, without saying so."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
