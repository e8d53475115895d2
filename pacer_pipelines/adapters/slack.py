"""The door to Slack: one message per experiment and day, and one per alert, each posted exactly once.

An outbox file is written before each call. After an unclear end (a dropped connection, a server error) the
message is looked up by its metadata before anything is sent again: Slack may have stored it. What belongs into the
thread follows in slack_thread.py.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.alarm_webhook import AlarmWebhook
from pacer_pipelines.adapters.letters import Address, Delivery, Letter, Part, Status
from pacer_pipelines.adapters.slack_calls import GONE, Calls, Refused, Unclear, failed
from pacer_pipelines.adapters.slack_forms import QUIET, in_some_form
from pacer_pipelines.adapters.slack_outbox import Form, OutboxEntry, read_entry, write_entry, write_if_new
from pacer_pipelines.adapters.slack_thread import complete

_log = logging.getLogger(__name__)

EVENT_TYPE = "pacer_verdict"
ATTEMPTS = 2
# clocks of two houses may differ by so much
CLOCKS = timedelta(hours=1)
# a message that waits for so long is worth the alarm, loud or not
TOO_LONG = timedelta(days=1)


class Slack:
    """Delivers letters, or renders them to files when there is no token."""

    def __init__(
        self,
        token: str | None,
        outbox: Path,
        base_url: str | None = None,
        at: datetime | None = None,
        sleep: Callable[[float], None] = time.sleep,
        alarm: AlarmWebhook | None = None,
    ) -> None:
        """Open the door.

        Args:
            token: bot token with chat:write, channels:history and files:write; None renders to files only.
            outbox: folder of the outbox; made when missing.
            base_url: Slack's Web API by default; anything that speaks it, for tests.
            at: now, naive UTC; kept with a message until it has arrived.
            sleep: waits for so many seconds when Slack asks for it.
            alarm: rings when Slack does not take a loud letter, or any for a day.
        """
        self._token, self._outbox, self._base_url = token, outbox, base_url
        self._at, self._sleep, self._alarm = at, sleep, alarm

    @property
    def has_token(self) -> bool:
        """Whether messages go to Slack, and not only to files."""
        return bool(self._token)

    def waiting_since(self, address: Address) -> datetime | None:
        """When the message of an address was first tried, naive UTC, if it has not arrived since.

        Raises:
            DeliveryFailed: its outbox file is damaged.
        """
        before = read_entry(self._path(address))
        return before.tried_at if before and before.state == "pending" else None

    def shows(self, address: Address) -> bool:
        """Whether Slack shows this already, with its whole thread.

        Raises:
            DeliveryFailed: its outbox file is damaged.
        """
        before = read_entry(self._path(address))
        return before is not None and _says(before, address, "posted") and not before.missing

    def deliver(self, letter: Letter, address: Address) -> Delivery:
        """Make Slack show this letter as the message of this experiment, day and topic, with its thread.

        The same words again change nothing; others of the same day and topic update the same message. A topic that was
        rendered to a file is not rendered again.

        Args:
            letter: what to say.
            address: where to, and by what it is known again.

        Returns:
            posted, updated or already_posted with ``channel/ts``, and what its thread still lacks; rendered or
            already_rendered with the file.

        Raises:
            DeliveryFailed: Slack does not show it, or nobody knows; the outbox keeps it pending.
        """
        path = self._path(address)
        before = read_entry(path)
        if address.topic and _says(before, address, "rendered"):
            return Delivery("already_rendered", str(path.with_suffix(".txt")))
        if before and self.shows(address):
            return Delivery("already_posted", before.where)
        if before and _says(before, address, "posted"):
            return self._completed(path, before, letter, "already_posted")
        entry, was_sent = (
            self._entry(letter, address, before),
            before is not None and before.state == "pending",
        )
        if not self._token:
            return _render(
                path, entry if was_sent else replace(entry, state="rendered", first_tried=""), letter.text
            )
        write_entry(path, entry)
        try:
            entry, status = self._send(path, entry, letter.root, may_be_there=was_sent)
        except (Unclear, Refused) as error:
            what = f"Slack, {entry.experiment} {entry.topic or entry.date}"
            rang = self._rang(letter, address, entry, error)
            raise failed(what, path.name + rang, error) from error
        return self._completed(path, entry, letter, status)

    def hold(self, letter: Letter, address: Address) -> bool:
        """Put the letter in the outbox without sending it: it waits for an earlier one.

        Returns:
            Whether it waits; not when Slack shows it already.

        Raises:
            DeliveryFailed: its outbox file is damaged.
        """
        before = read_entry(self._path(address))
        if _says(before, address, "posted"):
            return False
        write_entry(self._path(address), self._entry(letter, address, before))
        return True

    def _rang(self, letter: Letter, address: Address, entry: OutboxEntry, error: Exception) -> str:
        """What became of the last-resort alarm, if there is one and it is worth one."""
        waits = self._at - entry.tried_at if self._at and entry.tried_at else timedelta(0)
        if self._alarm is None or not (letter.loud or waits >= TOO_LONG):
            return ""
        return f"; {self._alarm.ring(letter, address, str(error))}"

    def _path(self, address: Address) -> Path:
        return self._outbox / f"{address.name}.json"

    def _entry(self, letter: Letter, address: Address, before: OutboxEntry | None) -> OutboxEntry:
        """The message of an address before it is sent, with what is known of an earlier one."""
        entry = OutboxEntry(
            experiment=address.experiment, date=address.date.isoformat(), verdict_id=address.says, state="pending",
            channel=address.channel, channel_id=None, ts=None, message=letter.root.message, topic=address.topic,
            first_tried=self._at.isoformat() if self._at else "",
        )  # fmt: skip
        entry = replace(entry, message={**entry.message, "metadata": _metadata(entry)})
        if before is None:
            return entry
        tried = before.first_tried if before.state == "pending" else ""
        return replace(
            entry, channel_id=before.channel_id, ts=before.ts, replies=before.replies, pictures=before.pictures,
            first_tried=tried or entry.first_tried,
        )  # fmt: skip

    def _calls(self) -> Calls:
        return Calls(self._token or "", self._base_url, self._sleep)

    def _completed(self, path: Path, entry: OutboxEntry, letter: Letter, status: Status) -> Delivery:
        """The thread behind a message that is there; what fails in it is told, and tried again by the next run."""
        if self._token:
            entry = complete(self._calls(), path, entry, letter)
        missing = tuple(f"{name} ({entry.problem or 'not known to be there'})" for name in entry.missing)
        return Delivery(status, f"{entry.channel_id}/{entry.ts}", missing)

    def _send(
        self, path: Path, entry: OutboxEntry, root: Part, *, may_be_there: bool
    ) -> tuple[OutboxEntry, Status]:
        calls = self._calls()
        for attempt in range(ATTEMPTS):
            if entry.ts is None and (may_be_there or attempt):
                entry, found = _found(calls, entry)
                if found == entry.verdict_id:
                    return _posted(path, entry, "found"), "posted" if attempt else "already_posted"
            try:
                return _put(calls, path, entry, root)
            except Unclear as error:
                if attempt + 1 == ATTEMPTS or not error.again:
                    raise
        raise AssertionError("every attempt returns or raises")


def _says(entry: OutboxEntry | None, address: Address, state: str) -> bool:
    return entry is not None and entry.state == state and entry.verdict_id == address.says


def _put(calls: Calls, path: Path, entry: OutboxEntry, root: Part) -> tuple[OutboxEntry, Status]:
    metadata = entry.message["metadata"]
    if entry.ts is not None:
        try:
            place = {"channel": entry.channel_id, "ts": entry.ts, "link_names": False, "metadata": metadata}
            form, _ = in_some_form(calls, "chat.update", root, place)
            return _posted(path, entry, form), "updated"
        except Refused as error:
            if error.code not in GONE:
                raise
            # a thread hangs on its message
            entry = replace(entry, ts=None, replies={}, pictures={})
            write_entry(path, entry)
    place = {"channel": entry.channel_id or entry.channel, "metadata": metadata, **QUIET}
    form, answer = in_some_form(calls, "chat.postMessage", root, place)
    return _posted(path, replace(entry, channel_id=answer["channel"], ts=answer["ts"]), form), "posted"


def _found(calls: Calls, entry: OutboxEntry) -> tuple[OutboxEntry, str | None]:
    """The entry with the day's message if Slack has one, and the verdict_id that this message shows."""
    channel_id = entry.channel_id or _channel_id(calls, entry.channel)
    entry = replace(entry, channel_id=channel_id)
    since = str((entry.tried_at - CLOCKS - datetime(1970, 1, 1)).total_seconds()) if entry.tried_at else ""
    for posted in calls.pages(
        "conversations.history", "messages", channel=channel_id, include_all_metadata=True, oldest=since
    ):
        metadata = posted.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        about = (payload.get("experiment"), payload.get("date"), payload.get("topic", ""))
        same = about == (entry.experiment, entry.date, entry.topic) and not payload.get("part")
        if metadata.get("event_type") == EVENT_TYPE and same:
            return replace(entry, ts=posted["ts"]), payload.get("verdict_id")
    return entry, None


def _channel_id(calls: Calls, channel: str) -> str:
    """The id of a channel: history can only be asked by id."""
    if not channel.startswith("#"):
        return channel
    for known in calls.pages("conversations.list", "channels", exclude_archived=True):
        if known["name"] == channel.removeprefix("#"):
            return str(known["id"])
    raise Refused("channel_not_found")


def _metadata(entry: OutboxEntry) -> dict[str, Any]:
    """By this a message is found again after an unclear end."""
    payload = {"verdict_id": entry.verdict_id, "experiment": entry.experiment, "date": entry.date}
    topic = {"topic": entry.topic} if entry.topic else {}
    return {"event_type": EVENT_TYPE, "event_payload": {**payload, **topic}}


def _posted(path: Path, entry: OutboxEntry, form: Form) -> OutboxEntry:
    entry = replace(entry, state="posted", form=form, first_tried="", problem="")
    write_entry(path, entry)
    return entry


def _render(path: Path, entry: OutboxEntry, said: str) -> Delivery:
    write_entry(path, entry)
    text = path.with_suffix(".txt")
    write_if_new(text, said)
    _log.info("no SLACK_BOT_TOKEN: the message is rendered to %s and %s", path, text.name)
    return Delivery("rendered", str(text))
