"""An append-only JSON Lines file that many threads and processes write, and that never fails a request."""

import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path

_log = logging.getLogger(__name__)


class LineLog:
    """Appends one JSON object per line, each with a single write.

    The file is opened anew for each line, so that it may be moved away (rotated) at any time.
    """

    def __init__(self, path: Path) -> None:
        """Take the file to append to; it and its folder appear with the first line."""
        self.path = path
        self._lock = threading.Lock()
        self._lost = 0
        self._torn = False

    @property
    def lost(self) -> int:
        """How many lines could not be written since the start."""
        return self._lost

    def append(self, record: Mapping[str, object]) -> bool:
        """Append one line.

        Args:
            record: What the line says; values that JSON does not know make the line count as lost.

        Returns:
            Whether the whole line was written. A failure is counted and logged, and never raised: a full disk
            must not keep a student from an answer.
        """
        try:
            line = json.dumps(record, allow_nan=False).encode() + b"\n"
            with self._lock:
                self._write(line)
        except (OSError, TypeError, ValueError) as error:
            with self._lock:
                self._lost += 1
            # the record stays out of the message: it names a student
            _log.error("%s: a line is lost (%d so far): %s", self.path.name, self._lost, type(error).__name__)
            return False
        return True

    def _write(self, line: bytes) -> None:
        """Write the line in one call, so that lines of other processes cannot come between."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # after half a line, the next one starts afresh: one line is lost, not two
        content = b"\n" + line if self._torn else line
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            written = os.write(handle, content)
        finally:
            os.close(handle)
        self._torn = written < len(content)
        if self._torn:
            raise OSError(f"{written} of {len(content)} bytes written")
