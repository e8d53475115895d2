"""What our small PACER promises by itself: what is committed, what a log line says, and what it never says."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from openfeature import api
from pipeline.worlds import EXAMPLE, PLAN

from . import stand_in
from .app import Place, create_app
from .clock import HEADER
from .stand_in import MALFORMED, NO_CARD, PRIVATE, chance
from .storage import NEW_EASE, Card

A = "llama2:latest"
AT = datetime.fromisoformat("2026-11-03T10:00:00+09:00")
DOORS = pytest.mark.parametrize("door", ["/judge", "/judge-async"])


class Client:
    """Asks the app in this process, one request after the other."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        transport = httpx.ASGITransport(app)
        headers = {HEADER: AT.isoformat()}
        self._client = httpx.AsyncClient(transport=transport, base_url="http://pacer", headers=headers)
        self._runner = runner

    def post(
        self, path: str, json: dict[str, object], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._runner.run(self._client.post(path, json=json, headers=headers))

    def get(self, path: str) -> httpx.Response:
        return self._runner.run(self._client.get(path))


@pytest.fixture
def pacer(tmp_path: Path) -> Iterator[Client]:
    app = create_app(Place(PLAN, EXAMPLE / "flags" / "v1.json", tmp_path, "a word"))
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield Client(app, runner)
        runner.run(lifespan.__aexit__(None, None, None))
    api.shutdown()


def a_submission(fits: Callable[[str], bool]) -> str:
    """The first submission of which the stand-in model says something of a kind."""
    return next(name for name in (f"stu0001-math-{n}" for n in range(5000)) if fits(name))


def is_malformed(name: str) -> bool:
    return chance("malformed", A, name) < MALFORMED


def approved(name: str) -> bool:
    return not is_malformed(name) and stand_in.judge(A, name).decision == "APPROVE"


def judge(pacer: Client, submission_id: str, door: str = "/judge", **headers: str) -> httpx.Response:
    """Ask for a judgement of a student whom the flag gives A."""
    asked = {
        "student_id": "stu0001", "submission_id": submission_id, "school": "alpha", "grade": 3, "coach": "coach01",
        "concept": "sets",
    }  # fmt: skip
    return pacer.post(door, json=asked, headers=headers)


def lines(folder: Path, log: str) -> list[dict[str, Any]]:
    files = (folder / "logs" / log).glob("*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@DOORS
def test_a_judgement_has_one_line_with_its_log_id_at_its_own_time(pacer, tmp_path, door):
    told = judge(pacer, a_submission(approved), door).json()
    (line,) = lines(tmp_path, "exposures")
    assert (line["log_id"], line["ts"]) == (told["log_id"], "2026-11-03T01:00:00.000+00:00")
    assert set(told) == {"log_id", "decision", "card_id"}


@DOORS
def test_a_malformed_answer_is_a_failure_line_without_a_row_and_without_what_was_said(pacer, tmp_path, door):
    assert judge(pacer, a_submission(is_malformed), door).status_code == 502
    (line,) = lines(tmp_path, "exposures")
    assert (line["error"], line["log_id"]) == ("MalformedAnswer", None)
    assert not any(word in json.dumps(line) for word in PRIVATE)
    assert judge(pacer, a_submission(approved), door).json()["log_id"] == 1


@DOORS
def test_a_card_that_fails_is_no_failed_judgement(pacer, tmp_path, door):
    told = judge(pacer, a_submission(lambda n: approved(n) and chance("card", A, n) < NO_CARD), door).json()
    assert (told["decision"], told["card_id"]) == ("APPROVE", None)
    (line,) = lines(tmp_path, "exposures")
    assert "error" not in line
    assert line["log_id"] == told["log_id"]


def test_a_rating_its_change_and_its_withdrawal_are_three_events(pacer, tmp_path):
    log_id = judge(pacer, a_submission(approved)).json()["log_id"]
    for word in ("GOOD", "BAD", None):
        pacer.post(f"/logs/{log_id}/feedback", json={"coach_id": "coach01", "feedback": word})
    assert [line["feedback"] for line in lines(tmp_path, "feedback")] == ["GOOD", "BAD", None]


@pytest.mark.parametrize(
    ("path", "body", "log"),
    [
        ("/logs/9/feedback", {"coach_id": "coach01", "feedback": "GOOD"}, "feedback"),
        ("/cards/9/review", {"quality": 4}, "card_reviews"),
    ],
)
def test_what_is_not_in_the_database_is_in_no_log(pacer, tmp_path, path, body, log):
    assert pacer.post(path, json=body).status_code == 404
    assert lines(tmp_path, log) == []


def test_a_word_that_is_no_rating_is_refused(pacer, tmp_path):
    log_id = judge(pacer, a_submission(approved)).json()["log_id"]
    said = {"coach_id": "coach01", "feedback": "Minji knows better"}
    assert pacer.post(f"/logs/{log_id}/feedback", json=said).status_code == 422
    assert lines(tmp_path, "feedback") == []


def test_each_review_is_an_event_with_both_intervals(pacer, tmp_path):
    told = judge(pacer, a_submission(lambda n: approved(n) and chance("card", A, n) >= NO_CARD)).json()
    for quality in (4, 5, 1):
        pacer.post(f"/cards/{told['card_id']}/review", json={"quality": quality})
    days = [(line["interval_before"], line["interval_after"]) for line in lines(tmp_path, "card_reviews")]
    assert days == [(0, 1), (1, 6), (6, 1)]


def test_a_card_that_is_known_comes_back_later_each_time():
    # SM-2 by hand: quality 4 leaves the ease at 2.5, so 1, 6, 15, 38 days
    card, days = Card(1, 1, "stu0001", 0, NEW_EASE, 0), []
    for _ in range(4):
        card = card.reviewed(4)
        days.append(card.interval_days)
    assert days == [1, 6, 15, 38]
    assert card.reviewed(0).ease_factor == 170


def test_a_log_that_cannot_be_written_is_seen_in_health_and_fails_nobody(pacer, tmp_path):
    shutil.rmtree(tmp_path / "logs")
    (tmp_path / "logs").write_text("in the way")
    assert judge(pacer, a_submission(approved)).status_code == 200
    state = pacer.get("/health").json()["logs"]["exposures"]
    assert (state["written"], state["waiting"], state["problem"]) == (0, 1, "Not a directory")
    (tmp_path / "logs").unlink()


def test_only_a_tester_gets_the_variant_that_the_header_names(pacer, tmp_path):
    name = a_submission(approved)
    for word in ("a guess", "a word"):
        judge(pacer, name, **{"X-Pacer-Variant": "B", "X-Pacer-Tester": word})
    said = [
        (line["feature_flag.result.variant"], line["feature_flag.result.reason"])
        for line in lines(tmp_path, "exposures")
    ]
    assert said == [("A", "TARGETING_MATCH"), ("B", "FORCED")]
