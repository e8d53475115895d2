"""What a door to people is, and what it delivers: a message, the replies in its thread, and pictures."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

Status = Literal["posted", "updated", "already_posted", "rendered", "already_rendered"]


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
    """A message with all that belongs into its thread, and as a text for a file or a terminal.

    ``loud`` asks for somebody now: when it cannot be delivered, the last-resort alarm rings.
    """

    root: Part
    text: str
    replies: tuple[Part, ...] = ()
    pictures: tuple[Picture, ...] = ()
    loud: bool = False


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

    @property
    def name(self) -> str:
        """Name of the message, also of its file in the outbox."""
        return f"{self.experiment}-{self.topic or self.date.isoformat()}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message, and where it is: ``channel/ts`` in Slack, or a file.

    ``missing`` names what belongs into its thread and is not there yet, with the reason; the next run tries again.
    """

    status: Status
    where: str
    missing: tuple[str, ...] = ()


class Door(Protocol):
    """A way to people. Slack is one; e-mail or Microsoft Teams would be another adapter with these two."""

    @property
    def has_token(self) -> bool:
        """Whether letters leave this machine, and are not only rendered to files."""
        ...

    def deliver(self, letter: Letter, address: Address) -> Delivery:
        """Make people see this letter as the message of its address, once.

        Raises:
            DeliveryFailed: nobody sees it, or nobody knows; the next call tries again.
        """
        ...
