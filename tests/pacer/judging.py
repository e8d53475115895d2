"""PACER's two doors to a judgement: one that keeps a thread, one that is cancelled when its client hangs up."""

from contextlib import suppress
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from pacer_pipelines.serving import Exposure
from pacer_pipelines.serving.fastapi import Serve, Serving

from . import stand_in
from .clock import now
from .stand_in import Answer, MalformedAnswer, NoCard
from .storage import Judgement, Storage

MALFORMED = "the model's answer was malformed"


class Asked(BaseModel):
    """One piece of work to judge."""

    student_id: str
    submission_id: str
    school: str | None = None
    grade: int | None = None
    coach: str | None = None
    concept: str


class Judged(BaseModel):
    """What the student's tool is told: nothing of variants or models."""

    log_id: int
    decision: str
    card_id: int | None


def judging(serving: Serving, database: Storage) -> APIRouter:
    """Give the two doors."""
    router, served_by_flag = APIRouter(), Depends(serving)

    def stored(asked: Asked, served: Exposure, answer: Answer) -> int:
        row = Judgement(
            asked.submission_id, asked.concept, served.version, answer.decision, answer.reason, answer.memo
        )
        return database.judged(row, now())

    def told(asked: Asked, served: Exposure, answer: Answer, log_id: int) -> Judged:
        """Make the card, after the judgement is committed and its exposure written."""
        card_id = None
        if answer.decision == "APPROVE":
            with suppress(NoCard):
                sides = stand_in.card(served.model, asked.submission_id)
                card_id = database.carded(asked.student_id, log_id, sides, now())
        return Judged(log_id=log_id, decision=answer.decision, card_id=card_id)

    @router.post("/judge")
    def judge(asked: Asked, serve: Annotated[Serve, served_by_flag]) -> Judged:
        try:
            with _exposure(serve, asked) as served:
                _identify(served)
                answer = stand_in.judge(served.model, asked.submission_id)
                log_id = served.log_id = stored(asked, served, answer)
        except MalformedAnswer:
            raise HTTPException(502, MALFORMED) from None
        return told(asked, served, answer, log_id)

    @router.post("/judge-async")
    async def judge_async(asked: Asked, request: Request, serve: Annotated[Serve, served_by_flag]) -> Judged:
        answer, log_id = None, None
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_hung_up, request, group.cancel_scope)
            with suppress(MalformedAnswer):
                async with _exposure(serve, asked) as served:
                    _identify(served)
                    answer = await stand_in.judge_async(served.model, asked.submission_id)
                    # a client that leaves now does not part the row from its exposure
                    with anyio.CancelScope(shield=True):
                        log_id = served.log_id = await run_in_threadpool(stored, asked, served, answer)
            group.cancel_scope.cancel()
        if answer is None or log_id is None:
            raise HTTPException(502, MALFORMED)
        return await run_in_threadpool(told, asked, served, answer, log_id)

    return router


def _exposure(serve: Serve, asked: Asked) -> Exposure:
    return serve(
        asked.student_id, asked.submission_id, school=asked.school, grade=asked.grade, coach=asked.coach
    )


def _identify(served: Exposure) -> None:
    """Say what answers before it is asked: a failed call has an identity too."""
    served.identify(
        model_digest=stand_in.digest(served.model),
        prompt_template=stand_in.PROMPT,
        decoding=stand_in.DECODING,
    )


async def _cancel_when_hung_up(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
