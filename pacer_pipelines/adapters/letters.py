"""What a door to people delivers: a message, the replies in its thread, and the pictures beside them."""

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """One message: ``text`` and ``blocks`` as ``chat.postMessage`` takes them.

    ``plain`` says the same with blocks that every workspace knows; it is sent when the newest are refused.
    """

    message: dict[str, Any]
    plain: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG for the thread; ``name`` is its file's name, unique for what it shows, ``alt`` what it says in words."""

    name: str
    title: str
    alt: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with all that belongs into its thread, and as a text for a file or a terminal."""

    root: Part
    text: str
    replies: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a letter goes, and by what it is known again.

    There is one message per experiment, date and topic (none for the verdict of the day). ``says`` is the identity of
    what it says: the same again posts nothing, another one changes the same message.
    """

    channel: str
    experiment: str
    date: date
    says: str
    topic: str = ""
