"""PACER's ``/judge`` with the experiment in it, to copy from: ``uvicorn --app-dir examples/pacer_backend judge:app``.

The functions below the endpoints stand for what PACER has already; the rest is all that it needs.
"""

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

from pacer_pipelines.serving import Assigner, FeedbackLog, FlagFile, LineLog, Split
from pacer_pipelines.serving.fastapi import Serve, Serving

PLAN = os.environ.get("PACER_PLAN", "experiments/judge-model-v2.toml")
FLAG_FILE = os.environ.get("PACER_FLAG_FILE", "flags/pacer.flagd.json")
LOGS = Path(os.environ.get("PACER_LOGS", "logs"))
PROMPT = "Grade {grade} wrote: {work}. Worth a review card? APPROVE or REJECT, and why."
DECODING = {"temperature": 0.2, "seed": 7}
ROWS: list[dict[str, object]] = []


def is_tester(request: Request) -> bool:
    """Who may choose a variant by the header X-Pacer-Variant: here whoever knows a secret, in PACER its own login."""
    secret = os.environ.get("PACER_TESTER_SECRET", "")
    return bool(secret) and hmac.compare_digest(request.headers.get("X-Pacer-Tester", ""), secret)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One assigner and one of each log per worker process; they write files of their own."""
    assigner = Assigner(Split.from_plan(PLAN), FlagFile(FLAG_FILE), LineLog(LOGS / "exposures", "exposures"))
    app.state.serving = Serving(assigner, is_tester)
    app.state.feedback = FeedbackLog(LOGS / "feedback")
    yield
    assigner.close()
    app.state.feedback.lines.close()


app = FastAPI(lifespan=lifespan)


async def serve_of(request: Request) -> Serve:
    """Give ``serve`` of this worker process; the assigner is there only once the process has started."""
    serving: Serving = request.app.state.serving
    return await serving(request)


class Submission(BaseModel):
    """What a student handed in."""

    student_id: str
    submission_id: str
    school: str
    grade: int
    coach: str
    work: str


class Rating(BaseModel):
    """What a coach says of a judgement; null takes it back."""

    coach_id: str
    feedback: Literal["GOOD", "BAD"] | None


@app.post("/judge")
def judge(asked: Submission, serve: Annotated[Serve, Depends(serve_of)]) -> dict[str, object]:
    """Judge a submission, then make its card: two model calls, and only the first is what is compared."""
    exposure = serve(
        asked.student_id, asked.submission_id, school=asked.school, grade=asked.grade, coach=asked.coach
    )
    with exposure as served:
        served.identify(
            prompt_template=PROMPT, decoding=DECODING
        )  # and model_digest=, where the server tells it
        decision = ask_for_decision(served.model, PROMPT.format(grade=asked.grade, work=asked.work))
        served.log_id = store(asked.submission_id, decision, model_version=served.version)
    # the exposure is written and nothing is locked: what goes wrong from here on is no failed judgement
    card = ask_for_card(served.model, asked.work) if decision == "APPROVE" else None
    return {"log_id": served.log_id, "decision": decision, "card": card}


@app.post("/logs/{log_id}/feedback")
def feedback(log_id: int, said: Rating, request: Request) -> None:
    """Keep a coach's word: first PACER's own row, then the event."""
    rate(log_id, said.coach_id, said.feedback)
    request.app.state.feedback.record(log_id, said.coach_id, said.feedback)


def ask_for_decision(model: str, prompt: str) -> str:
    """Ask the model server; whatever this raises becomes a failure in the log and goes on to the caller."""
    return "REJECT" if "correct" in prompt else "APPROVE"


def ask_for_card(model: str, work: str) -> str | None:
    """Ask for the card; without one the student still has a judgement."""
    return f"What was wrong in: {work}"


def store(submission_id: str, decision: str, model_version: str) -> int:
    """Write the row of ``llm_logs`` and commit; gives its log_id."""
    ROWS.append({"submission_id": submission_id, "decision": decision, "model_version": model_version})
    return len(ROWS)


def rate(log_id: int, coach_id: str, feedback: str | None) -> None:
    """Write the coach's word into the row and commit."""
    ROWS[log_id - 1] |= {"coach_id": coach_id, "coach_feedback": feedback}
