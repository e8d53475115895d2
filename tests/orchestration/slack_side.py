"""Slack's side of the buttons: it sends clicks, signed over HTTP or through a socket, and keeps what it is told."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import web
from adapters.slack_emulator import CHANNEL, Emulator, running
from starlette.applications import Starlette
from websockets.sync.server import ServerConnection, serve

TEAM, BOT = "T0PACER", "B0PACER"
SECRET = "the signing secret of a test"
PATIENCE = 20


class Workspace(Emulator):
    """The emulator, which also knows its token's owner, takes answers to clicks, and opens sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.updated: queue.Queue[dict[str, Any]] = queue.Queue()
        self.socket_url = ""

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "auth.test":
            return {"ok": True, "team_id": TEAM, "bot_id": BOT, "user_id": "U0BOT", "url": self.url}
        if method == "apps.connections.open":
            return {"ok": True, "url": self.socket_url}
        if method == "respond":
            self.told.put(arguments)
            return {"ok": True}
        done = super().answer(method, arguments)
        if method == "chat.update":
            self.updated.put(arguments)
        return done

    def answer_to_click(self) -> str:
        """What the person who pressed is told; nobody else sees it."""
        told = self.told.get(timeout=PATIENCE)
        assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
        return str(told["text"])

    def payload(self, user: str, action: str, value: str, **changes: Any) -> dict[str, Any]:
        """A ``block_actions`` payload; by default of the newest message."""
        ts = changes.pop("ts", self.roots()[0]["ts"] if self.roots() else "1.0")
        pressed = {
            "type": "button", "block_id": "pacer_actions", "action_id": f"pacer_{action}", "value": value,
            "action_ts": changes.pop("clicked", "1763251200.000100"),
        }  # fmt: skip
        return {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "pacer"},
            "user": {"id": user, "username": "<!channel> Mallory", "name": "mallory", "team_id": TEAM},
            "api_app_id": "A0PACER",
            "token": "unused",
            "container": {
                "type": "message",
                "message_ts": ts,
                "channel_id": changes.pop("channel", CHANNEL["id"]),
                "is_ephemeral": False,
            },
            "channel": {"id": CHANNEL["id"], "name": CHANNEL["name"]},
            "message": {"type": "message", "bot_id": changes.pop("bot", BOT), "ts": ts},
            "response_url": self.url + "respond",
            "trigger_id": "1.2.3",
            "actions": [pressed],
            **changes,
        }


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A workspace that runs until the block ends."""
    with running(Workspace()) as server:
        yield server


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The web application on a loopback port; gives the address that Slack is told."""
    with web.served(app) as address:
        yield f"{address}/slack/events"


def post(address: str, payload: dict[str, Any], *, secret: str = SECRET, age: int = 0) -> int:
    """Send a click as Slack does; gives the status of the answer."""
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()) - age)
    signed = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signed}",
    }
    request = urllib.request.Request(address, body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@contextmanager
def socket_mode(
    slack: Workspace,
) -> Iterator[tuple[queue.Queue[dict[str, Any]], queue.Queue[dict[str, Any]]]]:
    """The other end of Socket Mode: envelopes that are put into the first queue are sent, acks come by the second."""
    sent: queue.Queue[dict[str, Any]] = queue.Queue()
    acked: queue.Queue[dict[str, Any]] = queue.Queue()
    ended = threading.Event()

    def talk(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        while not ended.is_set():
            try:
                connection.send(json.dumps(sent.get(timeout=0.05)))
            except queue.Empty:
                continue
            acked.put(json.loads(connection.recv(timeout=PATIENCE)))

    with serve(talk, "127.0.0.1", 0) as server:
        slack.socket_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield sent, acked
        finally:
            ended.set()
            server.shutdown()
            thread.join()
