"""PACER in small: judge a submission, rate a judgement, review a card, and say how the logs are."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from pacer_pipelines.serving import Assigner, CardReviewLog, FeedbackLog, FlagFile, LineLog, LogPolicy, Split
from pacer_pipelines.serving.fastapi import Serving

from .clock import ToldTime, now
from .judging import judging
from .storage import Storage

TESTER = "X-Pacer-Tester"
# the machine of a test does not lose its power
NO_FSYNC = LogPolicy(fsync_seconds=None)
VARIABLES = ("PACER_PLAN", "PACER_FLAG_FILE", "PACER_FOLDER", "PACER_TESTER")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one worker finds plan and flag, where it writes, and the word by which it knows a tester."""

    plan: Path
    flag_file: Path
    folder: Path
    tester: str

    @classmethod
    def from_environment(cls) -> "Place":
        """Read the place of a worker process."""
        plan, flag_file, folder, tester = (os.environ[name] for name in VARIABLES)
        return cls(Path(plan), Path(flag_file), Path(folder), tester)

    def environment(self) -> dict[str, str]:
        """Give what ``from_environment`` reads."""
        values = (self.plan, self.flag_file, self.folder, self.tester)
        return dict(zip(VARIABLES, map(str, values), strict=True))


class Rating(BaseModel):
    """What a coach says of a judgement; null takes an earlier rating back."""

    coach_id: str
    feedback: Literal["GOOD", "BAD"] | None
    reason_code: str | None = None


class Review(BaseModel):
    """A student's answer to a card, by SM-2's grades."""

    quality: int = Field(ge=0, le=5)
    taken_ms: int | None = None


class Logs:
    """The three logs of one worker process."""

    def __init__(self, folder: Path) -> None:
        """Open them below a folder; each process writes files of its own there."""
        self.exposures = LineLog(folder / "exposures", "exposures", NO_FSYNC)
        self.feedback = FeedbackLog(folder / "feedback", NO_FSYNC, now)
        self.card_reviews = CardReviewLog(folder / "card_reviews", NO_FSYNC, now)

    def states(self) -> dict[str, object]:
        """Say what became of the lines."""
        logs = {
            "exposures": self.exposures, "feedback": self.feedback.lines, "card_reviews": self.card_reviews.lines
        }  # fmt: skip
        return {name: asdict(log.state) for name, log in logs.items()}

    def close(self) -> None:
        """Write what waits."""
        for log in (self.exposures, self.feedback.lines, self.card_reviews.lines):
            log.close()


def from_environment() -> FastAPI:
    """Make the app of a worker process."""
    return create_app(Place.from_environment())


def create_app(place: Place) -> FastAPI:
    """Make PACER with its database, its logs and one assigner; each worker process makes its own."""
    logs, database = Logs(place.folder / "logs"), Storage(place.folder / "pacer.db")
    flag = FlagFile(place.flag_file, poll_seconds=0.0)
    assigner = Assigner(Split.from_plan(place.plan), flag, logs.exposures, clock=now)

    def is_tester(request: Request) -> bool:
        return request.headers.get(TESTER) == place.tester

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        logs.close()

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(ToldTime)
    app.include_router(judging(Serving(assigner, is_tester), database))

    @app.post("/logs/{log_id}/feedback")
    def rate(log_id: int, said: Rating) -> dict[str, str | None]:
        if not database.rated(log_id, said.coach_id, said.feedback, said.reason_code):
            raise HTTPException(404, "no such judgement")
        logs.feedback.record(log_id, said.coach_id, said.feedback, said.reason_code)
        return {"feedback": said.feedback}

    @app.post("/cards/{card_id}/review")
    def review(card_id: int, answered: Review) -> dict[str, int]:
        found = database.reviewed(card_id, answered.quality, now())
        if found is None:
            raise HTTPException(404, "no such card")
        before, after = found
        days = (before.interval_days, after.interval_days)
        logs.card_reviews.record(
            card_id, after.log_id, after.student_id, answered.quality, days, answered.taken_ms
        )
        return {"interval_days": after.interval_days}

    @app.get("/health")
    async def health() -> dict[str, object]:
        return {"process": os.getpid(), "logs": logs.states()}

    return app
