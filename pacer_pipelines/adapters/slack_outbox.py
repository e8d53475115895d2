"""The outbox: one file per message, which says how far it got: of a day, or of an alert that cannot wait for one."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.errors import DeliveryFailed

State = Literal["pending", "posted", "rendered"]


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """The message of one experiment and day, or with a topic an alert of that day.

    ``pending``: a call was begun and nobody knows its end. ``channel_id`` and ``ts`` name the message in
    Slack as soon as there is one, also while a later verdict of the same day waits to replace it.
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


def read_entry(path: Path) -> OutboxEntry | None:
    """The entry in the file, or None when there is no file.

    Raises:
        DeliveryFailed: the file is damaged, so nobody knows whether its message was sent.
    """
    if not path.exists():
        return None
    try:
        return OutboxEntry(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DeliveryFailed(f"the outbox file {path} is damaged ({error}); nothing is sent twice") from error


def write_entry(path: Path, entry: OutboxEntry) -> None:
    """Put the entry on disk, before the call that it announces."""
    write_if_new(path, json.dumps(asdict(entry), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def write_if_new(path: Path, text: str) -> None:
    """Write the text unless the file already says it: the same message again touches no file."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)
