"""A pressed button as plain values, apart from Slack's own way to say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Click:
    """Who pressed what, and where: ids of Slack, none of its names.

    ``value`` is the verdict or journal entry that the button is about. ``channel`` and ``ts`` name the message;
    ``clicked`` is Slack's own mark of this very click. ``foreign`` is True when it comes from another workspace than
    the token's, or from a message of another app.
    """

    user: str
    action: str
    value: str
    channel: str
    ts: str
    clicked: str
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told, the outcome in one word, and the experiment that it concerns, if one is known."""

    text: str
    outcome: str
    experiment: str = ""

    @property
    def accepted(self) -> bool:
        """Whether something was recorded."""
        return self.outcome == "accepted"
