"""Append-only JSON Lines that survive workers, kill -9 and full disks, and that never fail a request.

Each process writes files of its own, ``<folder>/<name>-<UTC day>-<token>-<number>.jsonl``, so no lock is shared with
anybody, a torn line can be taken back, and rotation is a new name. What is promised, and what is not, stands in
docs/serving.md.
"""

import atexit
import json
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_log = logging.getLogger(__name__)
DAY = 86_400
_encode = json.JSONEncoder(allow_nan=False).encode
# after a failed write, lines wait this long for the next try, so that a dead disk does not slow each request
RETRY_SECONDS = 1.0
# how often it is asked whether the day is over or somebody has deleted the file
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """When a file is full, how much may wait for a disk, and how soon the disk must have it.

    ``fsync_seconds``: 0 asks the disk for each line, before the request goes on; None leaves it to the operating
    system; otherwise a thread asks it that often. It matters when the machine dies, never when only the process does.
    """

    max_bytes: int = 64 << 20
    buffer_lines: int = 10_000
    fsync_seconds: float | None = 1.0


@dataclass(frozen=True, slots=True)
class LogState:
    """What became of the lines since the process began: written, waiting in memory, lost, and the last failure."""

    written: int
    waiting: int
    lost: int
    problem: str


class LineLog:
    """Appends one JSON object per line, each handed to the operating system before ``append`` returns."""

    def __init__(self, folder: Path | str, name: str, policy: LogPolicy | None = None) -> None:
        """Take the folder, which may be shared with other processes and hosts, and how its files are called."""
        self.folder, self.name, self._policy = Path(folder), name, policy or LogPolicy()
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._written = self._lost = 0
        self._problem = ""
        self._retry_at = 0.0
        self._stop = threading.Event()
        self._syncer: threading.Thread | None = None
        self._begin()
        # a source that is there and empty is a quiet one; one that is missing fails the pipeline's checks
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
        # a fork copies the open file and the waiting lines: the child must write neither
        os.register_at_fork(after_in_child=self._forked)
        atexit.register(self.close)

    @property
    def path(self) -> Path | None:
        """The file that is written now; none before the first line."""
        return self._path

    @property
    def state(self) -> LogState:
        """What became of the lines, for a health page or an alarm."""
        with self._lock:
            return LogState(self._written, len(self._waiting), self._lost, self._problem)

    def append(self, record: Mapping[str, object]) -> bool:
        """Append one line.

        Args:
            record: What the line says; values that JSON does not know make the line count as lost.

        Returns:
            Whether the operating system has the whole line. If not, it waits in memory (or is lost, when too many
            wait already); nothing is ever raised: a full disk must not keep a student from an answer.
        """
        try:
            line = _encode(record).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            with self._lock:
                self._lose(f"a record is no JSON ({type(error).__name__})")
            return False
        with self._lock:
            if not self._caught_up() or not self._write(line):
                self._wait(line)
                return False
            return True

    def close(self) -> None:
        """Write what waits, give everything to the disk and close the file; a later line opens a new one."""
        with self._lock:
            self._retry_at = 0.0
            if not self._caught_up():
                _log.error("%s: %d lines are lost at the end", self.name, len(self._waiting))
                self._lost += len(self._waiting)
                self._waiting.clear()
            self._leave()
            self._stop.set()
            self._syncer = None

    def _begin(self) -> None:
        self._token, self._number = secrets.token_hex(4), 0
        self._handle: int | None = None
        self._path: Path | None = None
        self._size, self._day, self._looked_at = 0, -1, 0.0
        self._syncer = None
        self._unsynced = False

    def _forked(self) -> None:
        """Begin anew in a child process; the lines that wait are the parent's."""
        if self._handle is not None:
            os.close(self._handle)
        self._lock = threading.Lock()
        self._waiting.clear()
        self._written = self._lost = 0
        self._begin()

    def _caught_up(self) -> bool:
        """Write the lines that wait, oldest first; whether none waits any more."""
        if not self._waiting:
            return True
        if time.monotonic() < self._retry_at:
            return False
        while self._waiting:
            if not self._write(self._waiting[0]):
                return False
            self._waiting.popleft()
        _log.warning("%s: writing again after %s; %d lines lost so far", self.name, self._problem, self._lost)
        self._problem = ""
        return True

    def _write(self, line: bytes) -> bool:
        """Hand one line to the operating system with one call; a part of a line is taken back."""
        try:
            handle = self._file_for(len(line))
            written = os.write(handle, line)
            if written < len(line):
                self._take_back(handle)
                raise OSError(f"{written} of {len(line)} bytes written")
            self._size += written
            self._written += 1
            self._unsynced = True
        except OSError as error:
            self._failed(error)
            return False
        if self._policy.fsync_seconds == 0:
            # the line is written whatever the disk says now: to write it again would double it
            self._ask_the_disk(handle)
            self._unsynced = False
        return True

    def _file_for(self, length: int) -> int:
        """Give the file for the next line: the same, unless it is full, of yesterday, or was deleted."""
        now = time.time()
        if self._handle is not None:
            full = self._size and self._size + length > self._policy.max_bytes
            if not full and (0 <= now - self._looked_at < LOOK_SECONDS or self._is_current(now)):
                return self._handle
            self._leave()
        return self._open(now)

    def _is_current(self, now: float) -> bool:
        """Whether the file is of this day in UTC and still has a name."""
        assert self._handle is not None
        self._looked_at = now
        return int(now) // DAY == self._day and os.fstat(self._handle).st_nlink > 0

    def _open(self, now: float) -> int:
        """Open the next file."""
        day = int(now) // DAY
        self.folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        date = datetime.fromtimestamp(day * DAY, UTC).strftime("%Y%m%d")
        path = self.folder / f"{self.name}-{date}-{self._token}-{self._number:04d}.jsonl"
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
        self._path, self._size, self._day, self._looked_at = path, 0, day, now
        self._start_syncing()
        return self._handle

    def _take_back(self, handle: int) -> None:
        """Remove half a line from the end; nobody else writes this file. If that fails too, go on in another."""
        try:
            os.ftruncate(handle, self._size)
        except OSError:
            self._leave()

    def _leave(self) -> None:
        """Close the file, whatever the disk says."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if self._policy.fsync_seconds is not None and self._unsynced:
            self._ask_the_disk(handle)
        self._unsynced = False
        os.close(handle)

    def _ask_the_disk(self, handle: int) -> None:
        try:
            os.fsync(handle)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if not self._problem:
            # the line stays out of the message: it names a student
            _log.error("%s: cannot be written, lines wait in memory: %s", self.name, type(error).__name__)
        self._problem = error.strerror or str(error)

    def _wait(self, line: bytes) -> None:
        if len(self._waiting) < self._policy.buffer_lines:
            self._waiting.append(line)
        else:
            self._lose(f"{self._policy.buffer_lines} lines wait already")

    def _lose(self, why: str) -> None:
        self._lost += 1
        # the first of a series, and then now and again
        if self._lost & (self._lost - 1) == 0:
            _log.error("%s: a line is lost (%d so far): %s", self.name, self._lost, why)

    def _start_syncing(self) -> None:
        if self._policy.fsync_seconds and self._syncer is None:
            self._stop = threading.Event()
            self._syncer = threading.Thread(
                target=self._keep_syncing,
                args=(self._stop, self._policy.fsync_seconds),
                name=f"{self.name}-fsync",
                daemon=True,
            )
            self._syncer.start()

    def _keep_syncing(self, stop: threading.Event, seconds: float) -> None:
        while not stop.wait(seconds):
            self.sync()

    def sync(self) -> None:
        """Ask the disk to keep what was written so far; requests go on meanwhile."""
        with self._lock:
            if self._handle is None or not self._unsynced:
                return
            # a file of its own for the call, so that nobody waits for the disk and rotation may close the other
            handle, self._unsynced = os.dup(self._handle), False
        try:
            os.fsync(handle)
        except OSError as error:
            with self._lock:
                self._failed(error)
        else:
            with self._lock:
                # lines that wait have a problem of their own
                self._problem = self._problem if self._waiting else ""
        finally:
            os.close(handle)
