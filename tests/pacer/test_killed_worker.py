"""A worker process dies in the midst of its requests: what was answered is in the log."""

import json
import os
import queue
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from .clock import HEADER
from .lived import DAYS, found
from .server import Server, running
from .town import Work, works


def answered(server: Server, asked: list[Work]) -> Iterator[int]:
    """Give the log_id of each judgement that a client was told; a worker is killed after a third of them."""
    clients: queue.SimpleQueue[httpx.Client] = queue.SimpleQueue()
    for client in server.clients:
        clients.put(client)
    victim = min(server.healths())

    def ask(number: int) -> int | None:
        if number == len(asked) // 3:
            os.kill(victim, signal.SIGKILL)
        client, work, told = clients.get(), asked[number], None
        # its connections break; the next request on them goes to a worker that lives
        with suppress(httpx.TransportError):
            answer = client.post("/judge", json=work.asked(), headers={HEADER: work.at.isoformat()})
            told = answer.json().get("log_id")
        clients.put(client)
        return told

    with ThreadPoolExecutor(len(server.clients)) as threads:
        yield from (log_id for log_id in threads.map(ask, range(len(asked))) if log_id)


def test_a_killed_worker_loses_no_line_of_a_judgement_that_was_answered_and_tears_none(environment, tmp_path):
    lived = found(tmp_path)
    with running(lived.place) as server:
        told = set(answered(server, works(DAYS[0], 600, start=10_000)))
    files = list((lived.world.folder / "logs" / "exposures").glob("*.jsonl"))
    assert all(file.read_bytes().endswith(b"\n") for file in files)
    logged = {json.loads(line).get("log_id") for file in files for line in file.read_bytes().splitlines()}
    assert len(told) > 500
    assert told <= logged
