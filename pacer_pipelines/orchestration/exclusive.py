"""One writer at a time per world, whoever starts it: a terminal, the schedule, the UI."""

import fcntl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# a run of the pipeline; what people say between two verdicts, which waits for no run
RUN, HANDS = "run.lock", "hands.lock"

# flock belongs to an open file, so a process that holds it would wait for itself
_HELD: set[Path] = set()
_OURS: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)


@contextmanager
def alone(home: Path, name: str = RUN) -> Iterator[None]:
    """Hold a lock of the world; a second process waits, and then finds the work done.

    Within a process it may be entered again by whoever holds it.
    """
    with _entered(home, name, wait=True):
        yield


@contextmanager
def alone_if_free(home: Path, name: str = RUN) -> Iterator[bool]:
    """Hold a lock of the world if nobody else does; gives whether it is held."""
    with _entered(home, name, wait=False) as entered:
        yield entered


@contextmanager
def _entered(home: Path, name: str, *, wait: bool) -> Iterator[bool]:
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    path = home / name
    ours = _OURS[path]
    if not ours.acquire(blocking=wait):
        yield False
        return
    try:
        if path in _HELD:
            yield True
            return
        with path.open("w") as lock:
            yield from _flocked(path, lock.fileno(), wait)
    finally:
        ours.release()


def _flocked(path: Path, lock: int, wait: bool) -> Iterator[bool]:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        yield False
        return
    _HELD.add(path)
    try:
        yield True
    finally:
        _HELD.remove(path)
