"""PACER behind a real server: uvicorn in a process of its own, with worker processes that share nothing but files."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from .app import Place

ROOT = Path(__file__).parents[2]
WORKERS, CLIENTS_PER_WORKER, ATTEMPTS = 2, 4, 400
KEEP_ALIVE_SECONDS = 600
# uvicorn's own words, one line for each worker
STARTED = "Application startup complete"


@dataclass(frozen=True, slots=True)
class Server:
    """Its address, and clients that keep a connection each, so that every worker has its share of them."""

    address: str
    clients: list[httpx.Client]

    @property
    def port(self) -> int:
        """The port, for a client that speaks to it without HTTP's manners."""
        return httpx.URL(self.address).port or 80

    def healths(self) -> dict[int, dict[str, dict[str, object]]]:
        """What each worker process says of its logs."""
        said = [client.get("/health").json() for client in self.clients]
        return {one["process"]: one["logs"] for one in said}


@contextmanager
def running(place: Place) -> Iterator[Server]:
    """Start the server, and stop it as an operator would; workers end the requests that they have begun."""
    words = ["--factory", "--workers", str(WORKERS), "--port", "0", "--no-access-log"]
    words += ["--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "pacer.app:from_environment", *words],
        env={**os.environ, **place.environment(), "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        clients: list[httpx.Client] = []
        # a pipe that nobody empties would make the server wait
        listener = threading.Thread(target=process.stderr.read if process.stderr else None)
        try:
            address = _address(process.stderr or [])
            listener.start()
            clients += _clients(address)
            yield Server(address, clients)
        finally:
            for client in clients:
                client.close()
            process.send_signal(signal.SIGTERM)
            process.wait()
            if listener.ident:
                listener.join()


def _address(words: Iterable[str]) -> str:
    """Read what the server says until all workers are there."""
    said = ""
    for line in words:
        said += line
        if said.count(STARTED) == WORKERS:
            return str(re.findall(r"running on (http://\S+:\d+)", said)[0])
    raise RuntimeError(said)


def _clients(address: str) -> list[httpx.Client]:
    """Open connections until each worker has taken some; which one takes a connection is the kernel's choice."""
    of_worker: dict[int, list[httpx.Client]] = {}
    spare: list[httpx.Client] = []
    for _ in range(ATTEMPTS):
        client = httpx.Client(base_url=address, timeout=60, limits=httpx.Limits(max_connections=1))
        worker = of_worker.setdefault(client.get("/health").json()["process"], [])
        (worker if len(worker) < CLIENTS_PER_WORKER else spare).append(client)
        if [len(some) for some in of_worker.values()] == [CLIENTS_PER_WORKER] * WORKERS:
            break
    for client in spare:
        client.close()
    return [client for some in of_worker.values() for client in some]
