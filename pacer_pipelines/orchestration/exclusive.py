"""One writer at a time per world, whoever starts it: a terminal, the schedule, the UI."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# flock belongs to an open file, so a process that holds it would wait for itself
_HELD: set[Path] = set()
_OURS = threading.RLock()


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the world's lock; a second process waits, and then finds the work done.

    Within a process it may be entered again by whoever holds it.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    with _OURS:
        if home in _HELD:
            yield
            return
        with (home / "run.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _HELD.add(home)
            try:
                yield
            finally:
                _HELD.remove(home)
