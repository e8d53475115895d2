"""Stands in for the model server: seeded by the submission, so the same request gets the same answer.

Which decision a coach would call right is seeded too. A model only has a chance of giving it, and PACER sees neither.
"""

import asyncio
import hashlib
from dataclasses import dataclass

# model -> how often it decides as a coach would
AGREES = {"llama2:latest": 0.74, "pacer-llm:v2.1": 0.82}
MALFORMED, WORTH_A_CARD, NO_CARD = 0.01, 0.60, 0.08
# a submission of that name never gets an answer: for clients that do not wait
STALLS = "-stalls"
PROMPT = "A student of grade {grade} wrote: {work}. Is the mistake worth a card? Answer APPROVE or REJECT, and why."
DECODING = {"temperature": 0.2, "seed": 7}
# what a model repeats of a student's work; none of it may reach a log
PRIVATE = ("Kim Minji", "010-1234-5678", "minji@school.example", "<!channel>")


class MalformedAnswer(Exception):
    """The model answered something that is no decision; the text is the student's."""


class NoCard(Exception):
    """The second call gave no question and answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of a submission."""

    decision: str
    reason: str
    memo: str


def chance(*seed: object) -> float:
    """Give a number in [0, 1), the same for the same seed in every process."""
    digest = hashlib.sha256("/".join(map(str, seed)).encode()).hexdigest()
    return int(digest[:12], 16) / 16**12


def right_decision(submission_id: str) -> str:
    """Give the decision that the coach of this submission calls GOOD."""
    return "APPROVE" if chance("right", submission_id) < WORTH_A_CARD else "REJECT"


def judge(model: str, submission_id: str) -> Answer:
    """Ask a model for its decision.

    Raises:
        MalformedAnswer: Now and then, with what the model said instead.
    """
    told = f"{' '.join(PRIVATE)} asked about {submission_id}"
    if chance("malformed", model, submission_id) < MALFORMED:
        raise MalformedAnswer(told)
    right = right_decision(submission_id)
    wrong = "REJECT" if right == "APPROVE" else "APPROVE"
    agrees = chance("agrees", model, submission_id) < AGREES[model]
    return Answer(right if agrees else wrong, reason=told, memo=told)


async def judge_async(model: str, submission_id: str) -> Answer:
    """As ``judge``; a submission that stalls is waited for until the caller gives up."""
    if submission_id.endswith(STALLS):
        await asyncio.Event().wait()
    return judge(model, submission_id)


def card(model: str, submission_id: str) -> tuple[str, str]:
    """Ask for question and answer of a card.

    Raises:
        NoCard: Now and then.
    """
    if chance("card", model, submission_id) < NO_CARD:
        raise NoCard(f"no card for {PRIVATE[0]}")
    return f"What did {PRIVATE[0]} get wrong?", "The sign."


def digest(model: str) -> str:
    """Give the digest that the server names for a model's weights."""
    return "sha256:" + hashlib.sha256(model.encode()).hexdigest()
