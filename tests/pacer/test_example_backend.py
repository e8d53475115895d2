"""The example that engineers copy: it runs as it stands, and its files are what the pipeline reads."""

import asyncio
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from openfeature import api
from pipeline.worlds import ROOT

EXAMPLE = ROOT / "examples" / "pacer_backend" / "judge.py"
WORK = {
    "student_id": "stu0001", "submission_id": "stu0001-1", "school": "alpha", "grade": 3, "coach": "coach01",
    "work": "2 + 2 = 5",
}  # fmt: skip


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module as a server loads it from the checkout, with its logs elsewhere."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PACER_LOGS", str(tmp_path))
    spec = importlib.util.spec_from_file_location("judge_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    api.shutdown()


def posted(example: ModuleType, *requests: tuple[str, dict[str, object]], **headers: str) -> list[Any]:
    """Start the app, post one request after the other, and stop it."""

    async def post() -> list[Any]:
        transport = httpx.ASGITransport(example.app)
        async with (
            example.app.router.lifespan_context(example.app),
            httpx.AsyncClient(transport=transport, base_url="http://pacer", headers=headers) as client,
        ):
            return [(await client.post(path, json=body)).raise_for_status().json() for path, body in requests]

    return asyncio.run(post())


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


def test_a_judgement_is_stored_and_exposed_under_the_same_log_id_and_version(example, tmp_path):
    (told,) = posted(example, ("/judge", WORK))
    (line,) = lines(tmp_path / "exposures")
    assert (line["log_id"], line["unit_id"]) == (told["log_id"], "stu0001")
    assert line["model_version"] == example.ROWS[0]["model_version"]
    assert "2 + 2 = 5" not in json.dumps(line)


def test_a_card_that_fails_after_the_block_is_no_failed_judgement(example, tmp_path, monkeypatch):
    def broken(model: str, work: str) -> str:
        raise RuntimeError("no card")

    monkeypatch.setattr(example, "ask_for_card", broken)
    with pytest.raises(RuntimeError, match="no card"):
        posted(example, ("/judge", WORK))
    (line,) = lines(tmp_path / "exposures")
    assert line["log_id"] == 1
    assert "error" not in line


def test_each_word_of_a_coach_is_an_event(example, tmp_path):
    words = [{"coach_id": "coach01", "feedback": word} for word in ("GOOD", "BAD", None)]
    posted(example, ("/judge", WORK), *[("/logs/1/feedback", word) for word in words])
    assert [line["feedback"] for line in lines(tmp_path / "feedback")] == ["GOOD", "BAD", None]


def test_without_a_secret_nobody_is_a_tester(example, tmp_path):
    posted(example, ("/judge", WORK), **{"X-Pacer-Variant": "B", "X-Pacer-Tester": ""})
    (line,) = lines(tmp_path / "exposures")
    assert line["feature_flag.result.reason"] != "FORCED"
