"""The load: threads that ask, rate and review over real HTTP, and clients that hang up."""

import json
import queue
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

import httpx

from .clock import HEADER
from .server import Server
from .stand_in import STALLS
from .town import Judgement, Work, ratings, reviews

DOORS = ("/judge", "/judge-async")
MALFORMED = 502
Headers = dict[str, str]
Due = tuple[datetime, str, dict[str, object]]


@dataclass
class Traffic:
    """All that clients did to a server, and what each of them was told."""

    asked: list[str] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    _later: list[list[Due]] = field(default_factory=list)

    @contextmanager
    def against(self, running: AbstractContextManager[Server]) -> Iterator[Server]:
        """Send everything to a server, which ends with the block: then it has answered what it began."""
        with running as server:
            self._server, self._clients = server, queue.SimpleQueue[httpx.Client]()
            for client in server.clients:
                self._clients.put(client)
            yield server

    def ask(
        self,
        works: Iterable[Work],
        headers: Headers | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Ask for judgements, all connections at once; both doors take turns.

        Args:
            works: What is judged.
            headers: What each request says besides.
            meanwhile: Something that happens after the first quarter, while the others are on their way.
        """
        jobs: list[Callable[[], object]] = [
            partial(self._ask, work, DOORS[number % 2], headers or {}) for number, work in enumerate(works)
        ]
        if meanwhile:
            jobs.insert(len(jobs) // 4, meanwhile)
        self._at_once(jobs)

    def follow_up(self, day: date) -> None:
        """Give the ratings and reviews of a day; those of one judgement or card in their order, the rest at once."""
        due = [[one for one in chain if one[0].date() == day] for chain in self._later]
        self._at_once([partial(self._send, chain) for chain in due])

    def _ask(self, work: Work, door: str, headers: Headers) -> None:
        if not work.waits:
            self._hang_up(work, door)
            return
        self.asked.append(work.submission_id)
        answer = self._post(work.at, door, work.asked(), headers)
        if answer.status_code == MALFORMED:
            self.malformed.append(work.submission_id)
            return
        told = answer.raise_for_status().json()
        judgement = Judgement(work, **told)
        self.judgements.append(judgement)
        if headers:
            return
        coach, rate, card = work.student.coach, f"/logs/{judgement.log_id}/feedback", judgement.card_id
        words: list[Due] = [
            (at, rate, {"coach_id": coach, "feedback": said, "reason_code": None if said else "MISTAKEN"})
            for at, said in ratings(judgement)
        ]
        answers: list[Due] = [
            (at, f"/cards/{card}/review", {"quality": quality, "taken_ms": 5000})
            for at, quality in reviews(judgement)
        ]
        self._later += [words, answers]

    def _hang_up(self, work: Work, door: str) -> None:
        """Send a whole request and leave; the asynchronous door would have had no answer for this one anyway."""
        if door == "/judge-async":
            work = replace(work, submission_id=work.submission_id + STALLS)
        self.asked.append(work.submission_id)
        self.hung_up.append(work.submission_id)
        body = json.dumps(work.asked()).encode()
        head = f"POST {door} HTTP/1.1\r\nHost: pacer\r\nContent-Type: application/json\r\n"
        head += f"{HEADER}: {work.at.isoformat()}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self._server.port)) as connection:
            connection.sendall(head.encode() + body)

    def _send(self, chain: Iterable[Due]) -> None:
        for at, path, body in chain:
            self._post(at, path, body, {}).raise_for_status()
            self.events.append(path)

    def _post(self, at: datetime, path: str, body: dict[str, object], headers: Headers) -> httpx.Response:
        client = self._clients.get()
        try:
            return client.post(path, json=body, headers={HEADER: at.isoformat(), **headers})
        finally:
            self._clients.put(client)

    def _at_once(self, jobs: Iterable[Callable[[], object]]) -> None:
        with ThreadPoolExecutor(len(self._server.clients)) as threads:
            for done in [threads.submit(job) for job in jobs]:
                done.result()
