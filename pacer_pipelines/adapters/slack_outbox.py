"""The outbox: one file per message, which says how far it got: of a day, or of an alert that cannot wait for one."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.errors import DeliveryFailed

State = Literal["pending", "posted", "rendered"]
# how a message went out: with the newest blocks, the well-known ones, text alone; or found after an unclear end
Form = Literal["", "full", "plain", "text", "found"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How far one piece of a thread got: ``at`` is its ts, or of a picture the id of its file."""

    state: State = "pending"
    at: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """The message of one experiment and day, or with a topic an alert of that day.

    ``pending``: a call was begun, or waits for its turn, and nobody knows its end. ``channel_id`` and ``ts`` name the
    message in Slack as soon as there is one, also while a later verdict of the same day waits to replace it.
    ``first_tried`` (UTC) is kept until the message is there. ``replies`` and ``pictures`` are what belongs into its
    thread, by name; ``problem`` is why something is not there.
    """

    experiment: str
    date: str
    verdict_id: str
    state: State
    channel: str
    channel_id: str | None
    ts: str | None
    message: dict[str, Any]
    topic: str = ""
    form: Form = ""
    first_tried: str = ""
    replies: dict[str, Kept] = field(default_factory=dict)
    pictures: dict[str, Kept] = field(default_factory=dict)
    problem: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what is not known to be there: the message itself, or pieces of its thread."""
        if self.state == "pending":
            return ("message",)
        pieces = {**self.replies, **self.pictures}
        return tuple(name for name, kept in pieces.items() if kept.state == "pending")

    @property
    def where(self) -> str:
        """Where the message is: ``channel/ts`` as far as it is known."""
        return f"{self.channel_id or self.channel}/{self.ts}" if self.ts else self.channel

    @property
    def tried_at(self) -> datetime | None:
        """When it was first tried, naive UTC, as far as that was noted."""
        return datetime.fromisoformat(self.first_tried) if self.first_tried else None


def read_entry(path: Path) -> OutboxEntry | None:
    """The entry in the file, or None when there is no file.

    Raises:
        DeliveryFailed: the file is damaged, so nobody knows whether its message was sent.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        for pieces in ("replies", "pictures"):
            content[pieces] = {name: Kept(**kept) for name, kept in content.get(pieces, {}).items()}
        entry = OutboxEntry(**content)
        _ = entry.tried_at
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DeliveryFailed(
            f"the outbox file {path.name} is damaged ({error}); nothing is sent twice"
        ) from error
    return entry


def entries(folder: Path) -> Iterator[tuple[Path, OutboxEntry | None]]:
    """Every message of an outbox by day, and None for a file that is damaged."""
    found: list[tuple[Path, OutboxEntry | None]] = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append((path, read_entry(path)))
        except DeliveryFailed:
            found.append((path, None))
    yield from sorted(found, key=lambda pair: (pair[1].date if pair[1] else "", pair[0].name))


def write_entry(path: Path, entry: OutboxEntry) -> None:
    """Put the entry on disk, before the call that it announces."""
    content = {name: value for name, value in asdict(entry).items() if value or name not in _LATER}
    write_if_new(path, json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


# fields that came later: left out while they say nothing
_LATER = frozenset({"form", "first_tried", "replies", "pictures", "problem"})


def write_if_new(path: Path, text: str) -> None:
    """Write the text unless the file already says it: the same message again touches no file."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)
