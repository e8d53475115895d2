"""What people did to the flag file without this project's door: found by digest, kept, and logged once."""

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.flags.core import Document
from pacer_pipelines.adapters.flags.log import (
    BY_HAND,
    FlagChange,
    append,
    digest,
    finish,
    flag_changes,
    keep,
    kept_copy,
    one_writer,
)
from pacer_pipelines.adapters.flags.regions import regions
from pacer_pipelines.adapters.flags.rules import treatment_share
from pacer_pipelines.errors import FlagRefused

_log = logging.getLogger(__name__)
Shares = dict[tuple[str, str], float]


def note_edits(path: Path, history: Path, at: datetime) -> tuple[FlagChange, ...]:
    """Log an edit by hand, with a copy of the file as it was found; finish first what a crash has left behind.

    The first look at a flag file is logged too, since somebody wrote it. What cannot be noted is a warning in the
    log of the run: an edit never makes a day fail.

    Args:
        path: the live flag file; a missing one is not noted.
        history: folder of the earlier versions and the log.
        at: now, naive UTC.

    Returns:
        The lines that were added; none when the file is what the log knows.
    """
    try:
        with one_writer(history):
            finish(path, history)
            return note_within(path, history, at, first=True)
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("flag history: an edit of %s could not be noted: %s", path.name, error)
        return ()


def note_within(path: Path, history: Path, at: datetime, *, first: bool = False) -> tuple[FlagChange, ...]:
    """:func:`note_edits` for a caller that holds the lock; ``first`` also logs the first look at the file."""
    content = path.read_bytes() if path.exists() else None
    last = next(reversed(flag_changes(history)), None)
    if content is None or (last is None and not first) or (last and last.sha256 == digest(content)):
        return ()
    document = _document(content)
    version = _version(document)
    if last and not last.sha256 and last.to_version == version:
        # a line without a digest: only the version can be compared
        return ()
    _keep_found(history, version, content)
    changes = _changes(_known(history, last), document, last, version, digest(content), at)
    append(history, *changes)
    return changes


def edited_in_place(history: Path, version: str, content: bytes) -> bool:
    """Whether a version is not what it was when the door wrote it or first saw it.

    A version whose first line has no digest counts as untouched.
    """
    known = [change.sha256 for change in flag_changes(history) if change.to_version == version]
    return bool(known) and known[0] not in ("", digest(content))


def _changes(
    old: Document, new: Document, last: FlagChange | None, version: str, sha256: str, at: datetime
) -> tuple[FlagChange, ...]:
    before, after = _shares(old, new), _shares(new, old)
    moved = {key: share for key, share in after.items() if before.get(key) != share}
    note = "" if new else "the file cannot be read"
    if last and new and last.to_version == version:
        note = "without a new metadata.version"
    if not moved:
        touched = _touched(old, new)
        rows: list[tuple[str, str, float | None]] = [(touched[0] if len(touched) == 1 else "", "", None)]
    else:
        rows = [(flag, variant, share) for (flag, variant), share in moved.items()]
    return tuple(
        FlagChange(
            at=at, flag=flag, variant=variant, share=share, note=note, sha256=sha256, who=BY_HAND,
            from_version=last.to_version if last else "", to_version=version,
            why="found edited" if last else "first seen",
        )
        for flag, variant, share in rows
    )  # fmt: skip


def _shares(document: Document, other: Document) -> Shares:
    """Percent of each variant that has a region of buckets in either document, where it can be read."""
    pairs = sorted(
        {
            (key, region.variant)
            for flags in (_flags(document), _flags(other))
            for key, flag in flags.items()
            for region in regions(flag.get("targeting"))
        }
    )
    shares = {}
    for key, variant in pairs:
        try:
            shares[key, variant] = treatment_share(document, key, variant)
        except FlagRefused:
            continue
    return shares


def _touched(old: Document, new: Document) -> list[str]:
    before, after = _flags(old), _flags(new)
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _flags(document: Document) -> dict[str, dict[str, Any]]:
    flags = document.get("flags")
    return (
        {key: flag for key, flag in flags.items() if isinstance(flag, dict)}
        if isinstance(flags, dict)
        else {}
    )


def _known(history: Path, last: FlagChange | None) -> Document:
    content = kept_copy(history, last.sha256) if last and last.sha256 else None
    return _document(content) if content else {}


def _document(content: bytes) -> Document:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _version(document: Document) -> str:
    metadata = document.get("metadata")
    version = metadata.get("version") if isinstance(metadata, dict) else None
    return str(version) if isinstance(version, str | int) and not isinstance(version, bool) else ""


def _keep_found(history: Path, version: str, content: bytes) -> None:
    if version and "/" not in version:
        keep(history, version, content)
    else:
        text = content.decode("utf-8", errors="replace")
        replace_text(history / f"unreadable-{digest(content)[:8]}.txt", text)
