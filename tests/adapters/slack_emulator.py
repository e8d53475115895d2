"""A small Slack that keeps state and can fail on purpose: enough of its Web API for one channel."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs

Server = TypeVar("Server", bound=ThreadingHTTPServer)
CHANNEL = {"id": "C0PACER", "name": "pacer-experiments"}


class Emulator(ThreadingHTTPServer):
    """Slack's Web API on a loopback port.

    ``faults`` is a list of (method, fault): the next call of that method meets the fault, once. Faults:
    ``drop_after`` (done, connection cut), ``drop_before`` (not done, connection cut), an HTTP status (429,
    500), ``500_after`` (done, answered 500), ``hang_after`` (done, silent until ``released``), or an error
    code such as ``invalid_auth``.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: list[tuple[str, str | int]] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.posted = 0
        self.retry_after = "0"
        # Slack may return fewer than asked for: one message a page makes every client turn pages
        self.page_size = 1
        # blocks that this workspace does not take yet
        self.unknown_blocks: set[str] = set()
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/api/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut connections are what this server is for."""

    def fault(self, method: str) -> str | int | None:
        """The fault that this call meets, taken from the list."""
        for index, (name, fault) in enumerate(self.faults):
            if name == method:
                del self.faults[index]
                return fault
        return None

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do what the method does."""
        if method == "conversations.list":
            return {"ok": True, "channels": [CHANNEL]}
        known = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "files.getUploadURLExternal": self._place,
            "files.completeUploadExternal": self._share,
            "files.delete": self._delete_file,
        }
        return known[method](arguments)

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["channel"] not in (CHANNEL["id"], "#" + CHANNEL["name"]):
            return {"ok": False, "error": "channel_not_found"}
        if refused := self._refuses(arguments):
            return {"ok": False, "error": refused}
        self.posted += 1
        ts = f"1799999999.{self.posted:06d}"
        self.messages.insert(0, {**arguments, "ts": ts})
        return {"ok": True, "channel": CHANNEL["id"], "ts": ts}

    def _refuses(self, arguments: dict[str, Any]) -> str:
        """What Slack says to a message that it does not take."""
        types = {block["type"] for block in arguments.get("blocks") or ()}
        return "invalid_blocks" if types & self.unknown_blocks else ""

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if refused := self._refuses(arguments):
            return {"ok": False, "error": refused}
        for message in self.messages:
            if message["ts"] == arguments["ts"] and arguments["channel"] == CHANNEL["id"]:
                message.update(arguments)
                return {"ok": True, "channel": CHANNEL["id"], "ts": message["ts"]}
        return {"ok": False, "error": "message_not_found"}

    def _delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        before = len(self.messages)
        self.messages[:] = [message for message in self.messages if message["ts"] != arguments["ts"]]
        return {"ok": True} if len(self.messages) < before else {"ok": False, "error": "message_not_found"}

    def _place(self, arguments: dict[str, Any]) -> dict[str, Any]:
        number = f"F0{len(self.files):06d}"
        self.files[number] = {"id": number, "name": arguments["filename"], "content": b""}
        return {
            "ok": True,
            "upload_url": f"{self.url.removesuffix('/api/')}/upload/{number}",
            "file_id": number,
        }

    def _share(self, arguments: dict[str, Any]) -> dict[str, Any]:
        (told,) = arguments["files"]
        if not self.files.get(told["id"], {}).get("content"):
            return {"ok": False, "error": "file_not_found"}
        file = {"id": told["id"], "name": self.files[told["id"]]["name"], "title": told["title"]}
        said = {"text": arguments["initial_comment"], "thread_ts": arguments["thread_ts"], "files": [file]}
        self._post({"channel": arguments["channel_id"], **said})
        return {"ok": True, "files": [file]}

    def _delete_file(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.files.pop(arguments["file"], None) is None:
            return {"ok": False, "error": "file_not_found"}
        kept = [m for m in self.messages if arguments["file"] not in [f["id"] for f in m.get("files", ())]]
        self.messages[:] = kept
        return {"ok": True}

    def roots(self) -> list[dict[str, Any]]:
        """Messages of the channel itself, the newest first."""
        return [message for message in self.messages if not message.get("thread_ts")]

    def thread(self, ts: str) -> list[dict[str, Any]]:
        """Messages in the thread of one, the oldest first."""
        return [message for message in self.messages if message.get("thread_ts") == ts][::-1]

    def _history(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._page(self.roots(), arguments)

    def _replies(self, arguments: dict[str, Any]) -> dict[str, Any]:
        root = [message for message in self.messages if message["ts"] == arguments["ts"]]
        if not root:
            return {"ok": False, "error": "thread_not_found"}
        return self._page(root + self.thread(arguments["ts"]), arguments)

    def _page(self, messages: list[dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["channel"] != CHANNEL["id"]:
            return {"ok": False, "error": "channel_not_found"}
        start = int(arguments.get("cursor") or 0)
        page = messages[start : start + self.page_size]
        if not arguments.get("include_all_metadata"):
            page = [{key: value for key, value in message.items() if key != "metadata"} for message in page]
        after = start + self.page_size
        more = str(after) if after < len(messages) else ""
        return {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}


class _Handler(BaseHTTPRequestHandler):
    server: Emulator

    def do_POST(self) -> None:
        """Answer one call, or fail as told."""
        if self.path.startswith("/upload/"):
            self._upload(self.path.removeprefix("/upload/"))
            return
        method = self.path.partition("?")[0].removeprefix("/api/")
        arguments = self._arguments()
        fault = self.server.fault(method)
        self.server.calls.append((method, arguments))
        if fault is None or fault in ("drop_after", "500_after", "hang_after"):
            answer = self.server.answer(method, arguments)
        if fault == "hang_after":
            self.server.released.wait(10)
        if fault in ("drop_after", "drop_before", "hang_after"):
            self.close_connection = True
            self.connection.close()
        elif fault == "500_after" or isinstance(fault, int):
            self._reply(500 if fault == "500_after" else int(fault), {})
        else:
            self._reply(200, {"ok": False, "error": fault} if fault else answer)

    do_GET = do_POST

    def _upload(self, number: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.fault("upload") is not None:
            self._reply(500, {})
            return
        self.server.files[number]["content"] = content
        self._reply(200, {"ok": True})

    def _arguments(self) -> dict[str, Any]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if (self.headers.get("Content-Type") or "").startswith("application/json"):
            arguments: dict[str, Any] = json.loads(body or "{}")
        else:
            query = body or self.path.partition("?")[2]
            arguments = {name: values[0] for name, values in parse_qs(query).items()}
        return {name: _decoded(value) for name, value in arguments.items()}

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode() if content else b""
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _decoded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        return json.loads(value)
    return value


@contextmanager
def slack_emulator() -> Iterator[Emulator]:
    """An emulator that runs until the block ends."""
    with running(Emulator()) as server:
        yield server


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server that runs until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
