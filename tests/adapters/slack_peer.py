"""Another project's emulator of Slack (tests/peers), and a server of faults in front of it."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PEER = Path(__file__).parents[1] / "peers"
sys.path.insert(0, str(PEER))
from install import NODE  # noqa: E402

TOKEN = "xoxb-of-the-peer"
SEED = f"""
tokens:
  {TOKEN}: {{login: pacer, scopes: [chat:write, channels:read, channels:history, files:read, files:write]}}
slack:
  strict_scopes: true
  users: [{{name: pacer, real_name: Pacer}}]
  channels: [{{name: pacer-experiments, topic: verdicts}}]
"""


class Peer:
    """A running emulator: its address, and what it holds, asked through its own API."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/api/"

    def call(self, method: str, **arguments: object) -> dict[str, Any]:
        body = urlencode({name: str(value) for name, value in arguments.items()}).encode()
        request = urllib.request.Request(self.url + method, body, {"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request) as answer:
            content: dict[str, Any] = json.load(answer)
        assert content["ok"], (method, content)
        return content

    def channel(self) -> str:
        (found,) = [
            each["id"]
            for each in self.call("conversations.list")["channels"]
            if each["name"] == "pacer-experiments"
        ]
        return str(found)

    def roots(self) -> list[dict[str, Any]]:
        """Messages of the channel outside threads, oldest first."""
        found = self.call(
            "conversations.history", channel=self.channel(), limit=999, include_all_metadata=True
        )
        assert not found.get("has_more")
        return [message for message in reversed(found["messages"]) if "files" not in message]

    def thread(self, ts: str) -> list[dict[str, Any]]:
        return list(
            self.call("conversations.replies", channel=self.channel(), ts=ts, limit=999)["messages"][1:]
        )


@contextmanager
def peer(folder: Path) -> Iterator[Peer]:
    """The emulator, until the block ends; fails when it is not installed."""
    program = PEER / "node_modules" / "emulate" / "dist" / "index.js"
    assert program.exists(), "the independent emulator of Slack is not installed: make .venv/.peers"
    seed = folder / "seed.yaml"
    seed.write_text(SEED, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(NODE), str(program), "start", "-s", "slack", "-p", str(port), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            said = ""
            # it prints its addresses once it listens
            while f":{port}" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            # a full pipe would stop it
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield Peer(port)
        finally:
            process.terminate()


class FaultServer(ThreadingHTTPServer):
    """Hands calls on to a peer, but for those that meet a fault; ``faults`` are used up in order."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Between)
        self.peer_port = port
        self.faults: list[tuple[str, str]] = []
        self.met: list[str] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has hung up is no news."""


class _Between(BaseHTTPRequestHandler):
    server: FaultServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = self.path.rpartition("/")[2]
        fault = ""
        if self.server.faults and self.server.faults[0][0] == method:
            fault = self.server.faults.pop(0)[1]
            self.server.met.append(fault)
        when, _, what = fault.partition(" ")
        if when == "before":
            return self._fail(what)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        there = http.client.HTTPConnection("127.0.0.1", self.server.peer_port)
        there.request("POST", self.path, body, headers)
        answer = there.getresponse()
        status, content = answer.status, answer.read()
        there.close()
        return self._fail(what) if when == "after" else self._say(status, content)

    def _fail(self, what: str) -> None:
        if what == "hang":
            self.released.wait(60)
        if what in ("drop", "hang"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif what == "429":
            self._say(429, b'{"ok":false,"error":"ratelimited"}', {"Retry-After": "7"})
        elif what == "500":
            self._say(500, b"upstream error")
        else:
            self._say(200, json.dumps({"ok": False, "error": what}).encode())

    def _say(self, status: int, content: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
