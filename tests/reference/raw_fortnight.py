"""What each request, rating and card of the example was on each day, worked out from the raw files alone.

Written against the contract of the metrics, not against the code: JSON, gzip, sqlite3 and pandas, one event at a
time. Nothing of the product is imported, and no mart, landing or warehouse is read.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import zstandard

KOREA = ZoneInfo("Asia/Seoul")
START = date(2026, 11, 2)
RATING_DAYS = CARD_DAYS = timedelta(days=7)
# examples/pacer_fortnight/pacer.toml: the three copies of PACER's database, and when each was taken
COPIES = (
    ("pacer_night06.db.zst", "2026-11-08T15:00:00+00:00"),
    ("pacer_night10.db.zst", "2026-11-12T15:00:00+00:00"),
    ("pacer.db.zst", "2026-11-21T00:00:00+00:00"),
)
NEVER = date.max


def moment(stamp: str) -> datetime:
    """A time with offset, or a naive one of PACER's database, which is UTC."""
    found = datetime.fromisoformat(stamp)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day_of(when: datetime) -> date:
    """The day on the wall of a Korean school."""
    return when.astimezone(KOREA).date()


def json_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def database_rows(path: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of one of the packed copies of PACER's database."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "pacer.db"
        with path.open("rb") as packed, plain.open("wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
        with closing(sqlite3.connect(plain)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]


@dataclass(frozen=True)
class Said:
    """What was known of one request's rating, from one moment on (None = unrated)."""

    at: datetime
    rating: str | None


@dataclass(frozen=True)
class Review:
    """One review of a card, and whether it was remembered (None = it does not say, or nobody was held to it)."""

    at: datetime
    remembered: bool | None


class Fortnight:
    """The raw files of the example, and what they say as of the end of a day.

    ``anki`` has the review log of each student who exported one: rows as Anki's table ``revlog`` has them.
    """

    def __init__(self, folder: Path, anki: dict[str, list[dict[str, Any]]] | None = None) -> None:
        self.folder, self.anki = folder, anki or {}
        exposures = json_lines(folder / "exposures.jsonl.gz")
        assert len({row["exposure_id"] for row in exposures}) == len(exposures)
        # the plan leaves the holdout school out; every other line is one of its two variants
        self.exposures = [row for row in exposures if row["attrs"]["school"] != "holdout-school"]
        assert {row["feature_flag.result.variant"] for row in self.exposures} == {"A", "B"}
        assert {row["feature_flag.result.reason"] for row in self.exposures} == {"TARGETING_MATCH"}

    @cached_property
    def logs(self) -> list[tuple[datetime, list[dict[str, Any]]]]:
        sql = "select log_id, decision, coach_feedback from llm_logs"
        return [(moment(at), database_rows(self.folder / name, sql)) for name, at in COPIES]

    @cached_property
    def decisions(self) -> dict[int, str]:
        """The model's decision, as the first copy that has the log shows it."""
        found: dict[int, str] = {}
        for _, rows in self.logs:
            for row in rows:
                found.setdefault(row["log_id"], row["decision"].upper())
        return found

    @cached_property
    def ratings(self) -> dict[int, list[Said]]:
        """All that was said of each log: its events, and before the first of them what a copy showed."""
        events = defaultdict(list)
        for row in json_lines(self.folder / "feedback_events.jsonl.gz"):
            rating = row["feedback"] if row["feedback"] in ("GOOD", "BAD") else None
            events[row["log_id"]].append(Said(moment(row["ts"]), rating))
        said = {log_id: sorted(each, key=lambda one: one.at) for log_id, each in events.items()}
        for at, rows in self.logs:
            for row in rows:
                first = events.get(row["log_id"])
                if first is None or at < min(one.at for one in first):
                    said.setdefault(row["log_id"], []).append(Said(at, row["coach_feedback"]))
        return {log_id: sorted(each, key=lambda one: one.at) for log_id, each in said.items()}

    @cached_property
    def cards(self) -> dict[int, dict[str, Any]]:
        """The card of each log: id and creation."""
        found: dict[int, dict[str, Any]] = {}
        for name, _ in COPIES:
            sql = "select card_id, llm_log_id, created_at from anki_cards order by created_at, card_id"
            own: dict[int, dict[str, Any]] = {}
            for row in database_rows(self.folder / name, sql):
                own.setdefault(row["llm_log_id"], row)
            found |= own
        return found

    @cached_property
    def reviews(self) -> dict[int, list[Review]]:
        """How each card was reviewed in PACER. Every reviewed card has events, so PACER's own rows add nothing."""
        found = defaultdict(list)
        for row in json_lines(self.folder / "card_reviews.jsonl.gz"):
            # SM-2 begins a card again below quality 3
            found[row["card_id"]].append(Review(moment(row["ts"]), row["quality"] >= 3))
        touched = "select card_id from anki_cards where last_reviewed_at is not null"
        silent = [
            row for row in database_rows(self.folder / COPIES[-1][0], touched) if row["card_id"] not in found
        ]
        assert not silent
        return found

    def reviews_of(self, student: str, log_id: int, card: dict[str, Any]) -> list[Review]:
        """The reviews of a card while it is younger than a week: PACER's, and those in its student's own Anki."""
        both = list(self.reviews[card["card_id"]])
        for row in self.anki.get(student, []):
            if row["log_id"] == log_id and row["ease"] > 0:
                cram = row["type"] == 3 and row["factor"] == 0
                at = datetime.fromtimestamp(row["id"] / 1000, UTC)
                both.append(Review(at, None if cram else row["ease"] != 1))
        return [review for review in both if review.at < moment(card["created_at"]) + CARD_DAYS]

    def rating_on(self, log_id: int, day: date) -> str | None:
        """The rating of a request as it stood at the end of a day."""
        before = [said.rating for said in self.ratings.get(log_id, []) if day_of(said.at) <= day]
        return before[-1] if before else None

    def requests(self, day: date) -> pd.DataFrame:
        """One row per exposure up to the end of a day, with everything known of it by then."""
        return pd.DataFrame(
            [self._row(row, day) for row in self.exposures if day_of(moment(row["ts"])) <= day]
        )

    def _row(self, row: dict[str, Any], day: date) -> dict[str, Any]:
        exposed = day_of(moment(row["ts"]))
        log_id, failed = row["log_id"], row.get("error") is not None
        rating = None if log_id is None else self.rating_on(log_id, day)
        card = None if log_id is None else self.cards.get(log_id)
        created = moment(card["created_at"]) if card else None
        matured = max(day_of(created) + CARD_DAYS, exposed) if created else NEVER
        reviews = self.reviews_of(row["unit_id"], log_id, card) if card else []
        answers = [review.remembered for review in reviews if review.remembered is not None]
        return {
            "coach": row["attrs"]["coach"],
            "phase": row["meta.version"],
            "treated": int(row["feature_flag.result.variant"] == "B"),
            "unit": row["unit_id"],
            "at": moment(row["ts"]),
            "exposed": exposed,
            "failed": int(failed),
            "request": log_id is not None and not failed,
            "mature": exposed + RATING_DAYS <= day,
            "decision": self.decisions.get(log_id, "unknown"),
            "rated": int(rating is not None),
            "good": int(rating == "GOOD"),
            "carded": int(card is not None and max(day_of(created), exposed) <= day),
            "matured": matured,
            "card_matured": matured <= day,
            "reviews": len(reviews),
            "reviewed": int(bool(reviews)),
            "answers": len(answers),
            "remembered": sum(answers),
        }
