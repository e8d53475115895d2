"""The history of the flag file: a copy of every version, and ``log.jsonl`` that says who changed what, and why.

A change is announced before the file is replaced (``.unfinished``) and logged after it. Whoever comes next, after
a crash between any two steps, finishes what was begun: the file tells whether it was replaced.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.errors import FlagRefused

LOG = "log.jsonl"
UNFINISHED = ".unfinished"
BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class FlagChange:
    """One line of the log: how the flag file went from one version to the next.

    ``share`` is the percent of ``variant`` of ``flag`` afterwards; all three are empty when an edit changed something
    else, or cannot be read. ``sha256`` is the digest of the file afterwards. Lines of older versions of this project
    lack variant, digest and verdict; even older ones the time.
    """

    at: datetime | None
    flag: str
    from_version: str
    to_version: str
    share: float | None
    who: str
    why: str
    verdict_id: str = ""
    note: str = ""
    variant: str = ""
    sha256: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether a person changed the file without this project's door."""
        return self.who == BY_HAND

    def as_line(self) -> str:
        """The line of the log."""
        content = asdict(self)
        content["at"] = self.at.isoformat() + "Z" if self.at else None
        content["from"], content["to"] = content.pop("from_version"), content.pop("to_version")
        return json.dumps(content, ensure_ascii=False) + "\n"


def flag_changes(history: Path, flag_key: str | None = None) -> list[FlagChange]:
    """Every change of the flag file that is known, oldest first; a torn line is left out.

    Args:
        history: folder of the earlier versions and the log; it need not exist.
        flag_key: only changes of this flag, and those that cannot be told apart by flag; None takes all.
    """
    path = history / LOG
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    changes = [change for line in lines if (change := _change(line)) is not None]
    return [change for change in changes if flag_key is None or change.flag in (flag_key, "")]


def only_others_moved(history: Path, since: str, live: str, flag_key: str, variant: str) -> bool:
    """Whether every change between two versions was the door's own and moved another flag or another treatment.

    Several experiments, and several treatments of one, share a file and its version: what one of them wins does not
    concern the others.

    Args:
        history: folder of the earlier versions and the log.
        since: the version to start from.
        live: the version to arrive at.
        flag_key: the flag in question.
        variant: the treatment in question.
    """
    version = live
    for change in reversed(flag_changes(history)):
        if version == since:
            return True
        if change.to_version != version:
            continue
        own = change.flag == flag_key and change.variant in (variant, "")
        if change.by_hand or own or change.from_version == version:
            return False
        version = change.from_version
    return version == since


def digest(content: bytes) -> str:
    """Identity of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def keep(history: Path, version: str, content: bytes) -> None:
    """Copy a version, byte for byte, to the history; other bytes of the same version lie beside it."""
    kept = history / f"v{version}.json"
    if kept.exists() and kept.read_bytes() != content:
        kept = history / f"v{version}-{digest(content)[:8]}.json"
    if not kept.exists():
        replace_text(kept, content.decode("utf-8"))


def kept_copy(history: Path, sha256: str) -> bytes | None:
    """The copy with this digest, if there is one."""
    contents = (path.read_bytes() for path in sorted(history.glob("*.json")))
    return next((content for content in contents if digest(content) == sha256), None)


@contextmanager
def one_writer(history: Path) -> Iterator[None]:
    """Wait until nobody else writes the flag file or its history; the folder is made when missing."""
    history.mkdir(parents=True, exist_ok=True)
    with (history / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put(path: Path, history: Path, old: str, text: str, change: FlagChange) -> None:
    """Keep the version that is live, put the new one in its place, and log it: all of it or, later, the rest.

    Args:
        path: the live flag file.
        history: folder of the earlier versions and the log.
        old: the file that the change was made on.
        text: the new file.
        change: the line for the log.

    Raises:
        FlagRefused: the live file is another one by now.
    """
    live = path.read_bytes()
    if live != old.encode():
        raise FlagRefused(f"{path.name}: somebody edited it at this very moment; a human edit wins")
    keep(history, change.from_version, live)
    announced = {"line": change.as_line(), "text": text, "replaces": digest(live)}
    replace_text(history / UNFINISHED, json.dumps(announced))
    replace_text(path, text)
    finish(path, history)


def finish(path: Path, history: Path) -> None:
    """Finish a change that was announced: log it when the file was replaced, forget it when it was not.

    Args:
        path: the live flag file.
        history: folder of the earlier versions and the log.
    """
    announced = history / UNFINISHED
    if not announced.exists():
        return
    content = json.loads(announced.read_text(encoding="utf-8"))
    live = digest(path.read_bytes()) if path.exists() else ""
    # anything but the file from before: it was replaced, and perhaps edited since
    if live != content["replaces"]:
        change = _change(content["line"])
        if change is not None and flag_changes(history)[-1:] != [change]:
            keep(history, change.to_version, content["text"].encode())
            append(history, change)
    announced.unlink()


def append(history: Path, *changes: FlagChange) -> None:
    """Add lines to the log, on disk before this returns; a torn line before them ends first."""
    with (history / LOG).open("a+b") as log:
        log.seek(max(log.seek(0, os.SEEK_END) - 1, 0))
        torn = log.read() not in (b"", b"\n")
        log.write(b"\n" * torn + "".join(change.as_line() for change in changes).encode())
        log.flush()
        os.fsync(log.fileno())


def _change(line: str) -> FlagChange | None:
    try:
        row: dict[str, Any] = json.loads(line)
        at = row.get("at")
        known = {field.name for field in fields(FlagChange)} & row.keys()
        values = {name: row[name] for name in known}
        values |= {"at": datetime.fromisoformat(at.removesuffix("Z")) if at else None}
        values |= {"from_version": str(row["from"]), "to_version": str(row["to"])}
        return FlagChange(**{"flag": "", "share": None, "who": "", "why": ""} | values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
