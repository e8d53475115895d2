"""A hundred days of verdicts with their threads, delivered while a server does what servers do."""

import dataclasses
from datetime import date, timedelta
from typing import Any, Protocol

from slack_reports import hold

from pacer_pipelines.adapters.letters import Address, Letter, Picture
from pacer_pipelines.adapters.slack import Slack
from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.errors import DeliveryFailed

FIRST = date(2026, 11, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(100)]
# one of these meets the fault on every third day, and twice in a row on every ninth
METHODS = ("chat.postMessage", "conversations.history", "files.completeUploadExternal")


class Faulty(Protocol):
    """A server of faults: (method, fault), used up in order."""

    faults: list[tuple[str, Any]]


def made(day: date, channel: str = "#pacer-experiments") -> tuple[Letter, Address]:
    told = dataclasses.replace(hold(), date=day, verdict_id=f"{day.toordinal():016x}")
    picture = Picture(f"effect-{day}.png", "Effect", "words", b"\x89PNG")
    return letter(told, [picture]), Address(channel, told.experiment, day, told.verdict_id)


def deliver_each_morning(
    slack: Slack, server: Faulty, fault: Any, channel: str = "#pacer-experiments"
) -> None:
    """Each day's run delivers what waits first, and stops at the first that fails."""
    waiting: list[date] = []
    for number, day in enumerate(DAYS):
        if number % 3 == 0:
            server.faults = [(METHODS[number // 3 % 3], fault)] * (2 if number % 9 == 0 else 1)
        waiting.append(day)
        while waiting:
            try:
                slack.deliver(*made(waiting[0], channel))
            except DeliveryFailed:
                break
            waiting.pop(0)
        server.faults = []
