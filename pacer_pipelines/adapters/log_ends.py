"""How far a log file has got, from its last line and its last change, without reading the rest."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_TAIL = 1 << 17
_PACKED = (".gz", ".zst")


def still_open(path: Path, until: datetime, now: datetime, settle: timedelta) -> bool:
    """Whether a log file may still get lines from before a moment.

    It may not once its last whole line is of that moment or later, since a log is written in order, or once nobody has
    written to it for a while. A packed file is told by the second alone.

    Args:
        path: the file.
        until: the moment, naive UTC.
        now: naive UTC.
        settle: how long a file has to lie still.

    Raises:
        OSError: the file is gone or cannot be read.
    """
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    if now - changed >= settle:
        return False
    last = None if path.suffix.lower() in _PACKED else last_moment(path)
    return last is None or last < until


def last_moment(path: Path) -> datetime | None:
    """Give the time (naive UTC) of the last whole line that has one; None when there is none near the end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL), os.SEEK_SET)
        whole, _, _ = file.read().rpartition(b"\n")
    for line in reversed(whole.split(b"\n")):
        try:
            moment = datetime.fromisoformat(json.loads(line)["ts"])
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(tzinfo=None)
    return None
