"""The thread behind a message: replies and pictures, each there once, and never in the way of the verdict."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_emulator import Emulator, slack_emulator
from slack_reports import hold, promote, quiet

from pacer_pipelines.adapters.letters import Address, Delivery, Letter, Picture
from pacer_pipelines.adapters.slack import Slack
from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.decisions.report import Report

PICTURES = (
    Picture("effect-1.png", "Effect", "GOOD rate <+4.0> points", b"\x89PNG effect"),
    Picture("strength-1.png", "Strength", "z* 3.04", b"\x89PNG strength"),
)
METHODS = (
    "chat.postMessage", "files.getUploadURLExternal", "upload", "files.completeUploadExternal",
)  # fmt: skip
FAULTS = ("drop_before", "drop_after", "500_after", 500, "ratelimited", "hang_after")


@pytest.fixture
def server() -> Iterator[Emulator]:
    with slack_emulator() as running:
        yield running


def deliver(
    server: Emulator, outbox: Path, told: Report, pictures: tuple[Picture, ...] = PICTURES
) -> Delivery:
    made: Letter = letter(told, pictures)
    address = Address("#pacer-experiments", told.experiment, told.date, told.verdict_id)
    return Slack("xoxb-test", outbox, server.url, sleep=lambda seconds: None).deliver(made, address)


def files(server: Emulator) -> list[str]:
    """Names of the files that the thread of the only message shows."""
    (root,) = server.roots()
    return [file["name"] for message in server.thread(root["ts"]) for file in message.get("files", ())]


def replies(server: Emulator) -> list[str]:
    (root,) = server.roots()
    return [message["text"] for message in server.thread(root["ts"]) if "files" not in message]


def test_details_and_pictures_stand_in_the_thread(server: Emulator, tmp_path: Path) -> None:
    done = deliver(server, tmp_path, promote())
    assert (done.status, done.missing) == ("posted", ())
    assert [text.split(".")[0] for text in replies(server)] == ["How we know it"]
    assert files(server) == ["effect-1.png", "strength-1.png"]
    assert [file["content"] for file in server.files.values()] == [b"\x89PNG effect", b"\x89PNG strength"]
    (root,) = server.roots()
    said = [message["text"] for message in server.thread(root["ts"]) if "files" in message]
    assert said[0] == "Effect: GOOD rate &lt;+4.0&gt; points"


def test_the_same_again_calls_nobody(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, promote())
    calls = len(server.calls)
    assert deliver(server, tmp_path, promote()).status == "already_posted"
    assert len(server.calls) == calls


def test_another_verdict_changes_the_same_thread(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, promote())
    changed = dataclasses.replace(promote(), verdict_id="ab" * 8, further=("late ratings arrived",))
    newer = (dataclasses.replace(PICTURES[0], name="effect-2.png"), PICTURES[1])
    assert deliver(server, tmp_path, changed, newer).status == "updated"
    assert len(replies(server)) == 1
    assert "late ratings arrived" in replies(server)[0]
    assert sorted(files(server)) == ["effect-2.png", "strength-1.png"]


def test_a_day_that_becomes_quiet_loses_its_thread(server: Emulator, tmp_path: Path) -> None:
    deliver(server, tmp_path, promote())
    deliver(server, tmp_path, dataclasses.replace(quiet(), verdict_id="ab" * 8), ())
    assert (replies(server), files(server)) == ([], [])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_on_the_way_each_piece_is_there_once(
    server: Emulator, tmp_path: Path, method: str, fault: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacer_pipelines.adapters.slack_calls.TIMEOUT_SECONDS", 0.2)
    if method == "chat.postMessage":
        # the root's own faults are in test_slack.py: here it is the reply's turn
        deliver(server, tmp_path, promote(), ())
        deliver(server, tmp_path, dataclasses.replace(quiet(), verdict_id="ab" * 8), ())
    server.faults = [(method, fault)]
    first = deliver(server, tmp_path, promote())
    assert first.status in ("posted", "updated")
    second = deliver(server, tmp_path, promote())
    server.released.set()
    assert (second.status, second.missing) == ("already_posted", ())
    assert len(replies(server)) == 1
    assert files(server) == ["effect-1.png", "strength-1.png"]
    assert len(server.roots()) == 1


def test_a_thread_that_fails_leaves_the_verdict_told_and_says_what_is_missing(
    server: Emulator, tmp_path: Path
) -> None:
    server.faults = [("files.getUploadURLExternal", "missing_scope")]
    done = deliver(server, tmp_path, hold())
    assert done.status == "posted"
    assert [name.split(" ")[0] for name in done.missing] == ["effect-1.png", "strength-1.png"]
    assert "files:write" in done.missing[0]
    kept = json.loads((tmp_path / "judge-model-v2-2026-11-15.json").read_text())
    assert kept["state"] == "posted"
    assert deliver(server, tmp_path, hold()).missing == ()


def test_a_workspace_without_tables_gets_lists(server: Emulator, tmp_path: Path) -> None:
    server.unknown_blocks = {"data_table"}
    assert deliver(server, tmp_path, promote()).missing == ()
    (root,) = server.roots()
    assert not any(block["type"] == "data_table" for block in root["blocks"])
    assert "Anki card rate: non-inferior" in json.dumps(root["blocks"], ensure_ascii=False)
    assert json.loads((tmp_path / "judge-model-v2-2026-11-15.json").read_text())["form"] == "plain"


def test_a_workspace_that_takes_no_block_at_all_gets_the_text(server: Emulator, tmp_path: Path) -> None:
    server.unknown_blocks = {"data_table", "header", "section", "rich_text", "context"}
    assert deliver(server, tmp_path, promote()).status == "posted"
    (root,) = server.roots()
    assert root["blocks"] == []
    assert root["text"].startswith("🟢 PROMOTE judge-model-v2")


def test_a_message_that_somebody_deleted_is_posted_anew_with_its_thread(
    server: Emulator, tmp_path: Path
) -> None:
    deliver(server, tmp_path, promote())
    server.messages.clear()
    assert deliver(server, tmp_path, dataclasses.replace(promote(), verdict_id="ab" * 8)).status == "posted"
    assert len(replies(server)) == 1
    assert files(server) == ["effect-1.png", "strength-1.png"]
