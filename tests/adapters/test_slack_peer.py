"""Against an emulator of Slack that somebody else wrote: once, in order, with the thread, whatever the network does."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from slack_emulator import running
from slack_hundred import DAYS, FIRST, deliver_each_morning, made
from slack_peer import TOKEN, FaultServer, Peer, peer
from slack_reports import rollback

from pacer_pipelines.adapters.slack import Slack
from pacer_pipelines.adapters.slack_message import letter

AT = datetime(2026, 11, 15, 5)
FAULTS = {
    "rate limit": "before 429", "500 before storing": "before 500", "500 after storing": "after 500",
    "dropped before": "before drop", "dropped after": "after drop", "invalid_blocks": "before invalid_blocks",
    "revoked token": "before token_revoked", "slow answer": "after hang",
}  # fmt: skip


@pytest.fixture
def slack_of_others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer(tmp_path_factory.mktemp("peer")) as found:
        yield found


@pytest.fixture
def between(slack_of_others: Peer) -> Iterator[FaultServer]:
    with running(FaultServer(slack_of_others.port)) as server:
        yield server


@pytest.mark.parametrize("name", FAULTS)
def test_a_hundred_verdicts_arrive_once_and_in_order(
    slack_of_others: Peer, between: FaultServer, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = Slack(TOKEN, tmp_path, between.url, AT, lambda seconds: None)
    # by its id: this peer knows a channel by "pacer-experiments" or its id, and not by "#pacer-experiments"
    channel = slack_of_others.channel()
    if name == "slow answer":
        monkeypatch.setattr("pacer_pipelines.adapters.slack_calls.TIMEOUT_SECONDS", 0.2)
    deliver_each_morning(slack, between, FAULTS[name], channel)
    between.released.set()
    assert len(between.met) >= 20
    monkeypatch.undo()
    slack = Slack(TOKEN, tmp_path, between.url, AT)
    for day in DAYS:
        assert slack.deliver(*made(day, channel)).missing == (), day
    roots = slack_of_others.roots()
    assert [root["metadata"]["event_payload"]["date"] for root in roots] == [day.isoformat() for day in DAYS]
    for root in roots[::10]:
        thread = slack_of_others.thread(root["ts"])
        assert [len(message.get("files", [])) for message in thread] == [0, 1]


def test_another_verdict_of_the_day_changes_its_message_and_its_thread(
    slack_of_others: Peer, tmp_path: Path
) -> None:
    slack = Slack(TOKEN, tmp_path, slack_of_others.url, AT)
    first, address = made(FIRST, slack_of_others.channel())
    assert slack.deliver(first, address).status == "posted"
    assert slack.deliver(first, address).status == "already_posted"
    told = letter(dataclasses.replace(rollback("ko"), date=FIRST))
    done = slack.deliver(told, dataclasses.replace(address, says="another"))
    assert done.status == "updated"
    (root,) = slack_of_others.roots()
    assert root["text"] == told.root.message["text"]
    assert "롤백" in root["text"]
    assert not any(message.get("files") for message in slack_of_others.thread(root["ts"])), (
        "no chart of before"
    )


def test_a_memory_that_is_lost_is_found_again_in_the_channel(slack_of_others: Peer, tmp_path: Path) -> None:
    told, address = made(FIRST, slack_of_others.channel())
    assert Slack(TOKEN, tmp_path / "a", slack_of_others.url, AT).deliver(told, address).status == "posted"
    outbox = next((tmp_path / "a").glob("*.json"))
    pending = outbox.read_text(encoding="utf-8")
    again = Slack(TOKEN, tmp_path / "a", slack_of_others.url, AT)
    outbox.write_text(pending.replace('"state": "posted"', '"state": "pending"'), encoding="utf-8")
    again.deliver(told, address)
    assert len(slack_of_others.roots()) == 1
