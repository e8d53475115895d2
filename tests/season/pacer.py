"""A small PACER: it serves a day by the live flag and writes its logs and its database as the real one does."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pacer_pipelines.serving import Assigner, Exposure

from .storage import Judgement, Rating, Review, Storage
from .town import KOREA, Asked, Town
from .truth import Truth

FAILS, APPROVED, CARD = 0.003, 0.60, 0.55
# coaches look at what was approved far more often than at what was refused
RATED = {"APPROVE": 0.88, "REJECT": 0.55}
# share of ratings that have come by so many days after the judgement
RATING_LAGS = (0.50, 0.75, 0.88, 0.95, 0.98, 1.0)
# days after which a card comes up again, and who does the review
REVIEW_DAYS, REVIEWED = (1, 3, 6), (0.75, 0.60, 0.50)
LOGS = ("exposures", "feedback", "card_reviews")
Line = dict[str, Any]
Lines = list[Mapping[str, Any]]


class Pacer:
    """PACER of one planted world; ratings and reviews of a judgement come on later days."""

    def __init__(self, folder: Path, town: Town, truth: Truth) -> None:
        """Take the folder of the logs and the database, the town that asks, and what is true."""
        self._folder, self._town, self._truth = folder, town, truth
        self._storage = Storage(folder / "pacer.db", [one.student_id for one in town.students])
        self._ratings: list[Rating] = []
        self._reviews: list[Review] = []

    def live(self, day: int, on: date, assigner: Assigner, taken: Lines) -> None:
        """Live through one day: one file in each log, and the database as it stands at midnight.

        Args:
            day: day of the experiment, from 1.
            on: its date in Korea.
            assigner: the serving client on the live flag.
            taken: where it puts the line of each request.
        """
        lines = []
        for asked in self._town.requests(on):
            self._serve(day, asked, assigner)
            line = seeded(taken.pop(), asked)
            if self._truth.is_logged(day, asked.at.hour):
                lines.append(line)
        midnight = datetime.combine(on + timedelta(days=1), time(), KOREA)
        ratings, self._ratings = _due(self._ratings, midnight)
        reviews, self._reviews = _due(self._reviews, midnight)
        self._storage.note(ratings, reviews)
        events = (lines, map(_feedback_line, ratings), map(_review_line, reviews))
        for log, content in zip(LOGS, events, strict=True):
            _write(self._folder / log / f"{on}.jsonl", content)

    def _serve(self, day: int, asked: Asked, assigner: Assigner) -> None:
        """Serve one request; the answer of some is malformed, as in the real PACER."""
        one = asked.student
        with (
            suppress(json.JSONDecodeError),
            assigner.serve(
                one.student_id, asked.submission_id, school=one.school, grade=one.grade, coach=one.coach
            ) as served,
        ):
            if asked.chances.fails < FAILS:
                raise json.JSONDecodeError("malformed", "", 0)
            served.log_id = self._judge(day, asked, served, assigner)

    def _judge(self, day: int, asked: Asked, served: Exposure, assigner: Assigner) -> int:
        chances, coach = asked.chances, asked.student.coach
        decision = "APPROVE" if chances.approved < APPROVED else "REJECT"
        stored = Judgement(asked, served.version, decision)
        log_id = self._storage.judge(stored)
        is_treatment = served.variant != assigner.split.control.variant
        good = self._truth.good_rate(is_treatment, day) + self._town.strictness[coach]
        if chances.rated < RATED[decision]:
            word = "GOOD" if chances.good < good else "BAD"
            self._ratings.append(Rating(_rated_at(asked), log_id, coach, word))
        if chances.card < CARD:
            card_id = self._storage.card(stored, log_id)
            self._reviews += _reviews_of(asked, log_id, card_id)
        return log_id


def seeded(line: Mapping[str, Any], asked: Asked) -> Line:
    """Give the line with a seeded id, time and latency: a season is the same each time."""
    at = {"exposure_id": asked.exposure_id, "ts": _utc(asked.at, "milliseconds")}
    return {**line, **at, "latency_ms": asked.latency_ms}


def _feedback_line(rating: Rating) -> Line:
    return {
        "ts": _utc(rating.at, "seconds"),
        "log_id": rating.log_id,
        "coach_id": rating.coach,
        "feedback": rating.feedback,
        "reason_code": None,
    }


def _review_line(review: Review) -> Line:
    return {
        "ts": _utc(review.at, "seconds"),
        "card_id": review.card_id,
        "log_id": review.log_id,
        "student_id": review.student_id,
        "quality": review.quality,
        "interval_before": review.interval_before,
        "interval_after": review.interval_after,
        "taken_ms": review.taken_ms,
    }


def _rated_at(asked: Asked) -> datetime:
    """When the coach rates: later the same day, or between 9 and 22 o'clock of a following one."""
    chances = asked.chances
    days = next(number for number, share in enumerate(RATING_LAGS) if chances.rating_lag < share)
    opens = asked.at + timedelta(minutes=1) if not days else _o_clock(asked, days, 9)
    closes = _o_clock(asked, days, 22 if days else 23) + timedelta(minutes=55)
    return (opens + chances.rating_time * (closes - opens)).replace(microsecond=0)


def _reviews_of(asked: Asked, log_id: int, card_id: int) -> Iterable[Review]:
    """A card is reviewed one, three and six days later, until the student leaves one out."""
    intervals = (0, 1, 6, 15)
    for number, (days, chance) in enumerate(zip(REVIEW_DAYS, asked.chances.reviews, strict=True)):
        if chance >= REVIEWED[number]:
            return
        moment = asked.chances.review_times[number]
        yield Review(
            at=_o_clock(asked, days, 7) + timedelta(seconds=int(moment * 16 * 3600)),
            log_id=log_id,
            card_id=card_id,
            student_id=asked.student.student_id,
            quality=3 + int(moment * 3),
            interval_before=intervals[number],
            interval_after=intervals[number + 1],
            taken_ms=4000 + int(moment * 20_000),
            repetitions=number + 1,
        )


def _o_clock(asked: Asked, days: int, hour: int) -> datetime:
    return datetime.combine(asked.at.date() + timedelta(days=days), time(hour), KOREA)


def _due(waiting: list[Any], midnight: datetime) -> tuple[list[Any], list[Any]]:
    """What happens before midnight, in the order of time, and what still waits."""
    due = sorted((one for one in waiting if one.at < midnight), key=lambda one: (one.at, one.log_id))
    return due, [one for one in waiting if one.at >= midnight]


def _utc(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec)


def _write(path: Path, lines: Iterable[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
