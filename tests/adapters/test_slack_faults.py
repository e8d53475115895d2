"""A hundred verdicts under each fault: each posted exactly once, in order, with its thread; and the alarm behind it."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from slack_emulator import Emulator, slack_emulator
from slack_hundred import DAYS, FIRST, deliver_each_morning, made
from slack_reports import hold, rollback
from slack_validator import problems

from pacer_pipelines.adapters.alarm_webhook import AlarmWebhook
from pacer_pipelines.adapters.letters import Address, Letter
from pacer_pipelines.adapters.slack import Slack
from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.errors import DeliveryFailed

AT = datetime(2026, 11, 15, 5)
FAULTS = {
    "429": 429, "500 before storing": 500, "500 after storing": "500_after", "dropped before": "drop_before",
    "dropped after": "drop_after", "slow answer": "hang_after", "invalid_blocks": "invalid_blocks",
    "revoked token": "token_revoked",
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Emulator]:
    with slack_emulator() as running:
        yield running


@pytest.mark.parametrize("name", FAULTS)
def test_a_hundred_verdicts_arrive_once_and_in_order(
    server: Emulator, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacer_pipelines.adapters.slack_calls.TIMEOUT_SECONDS", 0.05)
    waited: list[float] = []
    slack = Slack("xoxb-test", tmp_path, server.url, AT, waited.append)
    server.page_size = 20
    deliver_each_morning(slack, server, FAULTS[name])
    server.released.set()
    for day in DAYS:
        done = slack.deliver(*made(day))
        assert done.missing == (), day
    shown = [message["metadata"]["event_payload"]["date"] for message in reversed(server.roots())]
    assert shown == [day.isoformat() for day in DAYS]
    for root in server.roots():
        thread = server.thread(root["ts"])
        assert len([message for message in thread if "files" not in message]) == 1
        assert len([message for message in thread if "files" in message]) == 1
        assert problems(root) == []


def test_a_slack_that_asks_for_too_much_patience_is_left_until_the_next_run(
    server: Emulator, tmp_path: Path
) -> None:
    waited: list[float] = []
    slack = Slack("xoxb-test", tmp_path, server.url, AT, waited.append)
    server.retry_after = "45"
    server.faults = [("chat.postMessage", 429)] * 2
    with pytest.raises(DeliveryFailed, match="Slack asks to wait"):
        slack.deliver(*made(FIRST))
    assert waited == [45.0]
    assert slack.deliver(*made(FIRST)).status == "posted"


# --- the last resort --------------------------------------------------------------------------------------------


class Webhook(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.said: list[str] = []
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_address[1]}/secret"


class _Hook(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.said.append(body["text"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Webhook]:
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def fail(server: Emulator, outbox: Path, hook: Webhook, told: Letter, at: datetime = AT) -> str:
    server.faults = [("chat.postMessage", "token_revoked")]
    slack = Slack("xoxb-test", outbox, server.url, at, alarm=AlarmWebhook(hook.url, outbox))
    with pytest.raises(DeliveryFailed) as failed:
        slack.deliver(told, Address("#pacer-experiments", "judge-model-v2", FIRST, "ab" * 8))
    return str(failed.value)


def test_a_rollback_that_slack_does_not_take_rings_once(
    server: Emulator, tmp_path: Path, hook: Webhook
) -> None:
    told = letter(dataclasses.replace(rollback(), headline="ROLLBACK <!channel>"))
    told = dataclasses.replace(told, text="ROLLBACK <!channel>\nmore")
    assert "the alarm rang" in fail(server, tmp_path, hook, told)
    assert "the alarm rang before" in fail(server, tmp_path, hook, told)
    (said,) = hook.said
    assert said.startswith("Slack did not take this: ROLLBACK &lt;!channel&gt;. token_revoked")


def test_an_alarm_that_could_not_ring_is_tried_again_and_its_address_is_told_to_nobody(
    server: Emulator, tmp_path: Path, hook: Webhook
) -> None:
    hook.status = 500
    said = fail(server, tmp_path, hook, letter(rollback()))
    assert "the alarm could not ring either (HTTPError)" in said
    assert "secret" not in said
    hook.status = 200
    fail(server, tmp_path, hook, letter(rollback()))
    assert len(hook.said) == 1


def test_a_quiet_word_rings_only_after_a_day(server: Emulator, tmp_path: Path, hook: Webhook) -> None:
    assert "alarm" not in fail(server, tmp_path, hook, letter(hold()))
    assert "the alarm rang" in fail(server, tmp_path, hook, letter(hold()), AT + timedelta(days=1))
