"""How far a log file has got, from its last line and its last change, without reading the rest."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pacer_pipelines.adapters.object_storage import changed_at
from pacer_pipelines.adapters.source_files import SourceFile

_TAIL = 1 << 17
_PACKED = (".gz", ".zst")


def still_open(source: str, file: SourceFile, until: datetime, now: datetime, settle: timedelta) -> bool:
    """Whether a file of a log may still get lines from before a moment.

    It may not once its last whole line is of that moment or later, since a log is written in order, or once nobody has
    written to it for a while. A packed file, and one in object storage, is told by the second alone.

    Args:
        source: Name of the source, for messages.
        file: The file.
        until: The moment, naive UTC.
        now: Naive UTC.
        settle: How long a file has to lie still.

    Raises:
        SourceUnreadable: If object storage does not answer.
        OSError: If a file is gone or cannot be read.
    """
    if file.stored is not None:
        return now - changed_at(source, file.display_name, file.stored) < settle
    changed = datetime.fromtimestamp(file.path.stat().st_mtime, UTC).replace(tzinfo=None)
    if now - changed >= settle:
        return False
    last = None if file.path.suffix.lower() in _PACKED else last_moment(file.path)
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
