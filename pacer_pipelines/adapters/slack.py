"""The door to Slack: one message per experiment and day, and one per alert, each posted exactly once.

An outbox file is written before each call. After an unclear end (a dropped connection, a server error) the
message is looked up by its verdict_id before anything is sent again: Slack may have stored it.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pacer_pipelines.adapters.letters import Address, Delivery, Letter, Status
from pacer_pipelines.adapters.slack_outbox import OutboxEntry, read_entry, write_entry, write_if_new
from pacer_pipelines.errors import DeliveryFailed

if TYPE_CHECKING:
    from slack_sdk import WebClient

_log = logging.getLogger(__name__)

EVENT_TYPE = "pacer_verdict"
TIMEOUT_SECONDS = 10
ATTEMPTS = 2
HISTORY_PAGES, PAGE_SIZE = 5, 200

_HINTS = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid",
    "not_authed": "SLACK_BOT_TOKEN is empty",
    "token_revoked": "SLACK_BOT_TOKEN was revoked",
    "channel_not_found": "the plan's slack_channel does not exist, or the bot cannot see it",
    "not_in_channel": "invite the bot to the plan's slack_channel",
    "missing_scope": "the bot needs chat:write and channels:history, and channels:read unless the plan gives "
    "the channel's id (C…)",
    "ratelimited": "Slack asks to wait; the next run tries again",
}
# answers after which Slack may have done it all the same
_UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# the earlier message of the day can never be changed again: the day gets a new one
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class _Unclear(Exception):
    """Nobody knows whether Slack did it; ``again`` says whether asking at once can tell."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class _Refused(Exception):
    """Slack did not do it, and says why by a code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code} ({_HINTS[code]})" if code in _HINTS else code)
        self.code = code


class Slack:
    """Delivers letters, or renders them to files when there is no token."""

    def __init__(self, token: str | None, outbox: Path, base_url: str | None = None) -> None:
        """Open the door.

        Args:
            token: bot token with chat:write and channels:history; None renders to files only.
            outbox: folder of the outbox; made when missing.
            base_url: Slack's Web API by default; anything that speaks it, for tests.
        """
        self._token, self._outbox, self._base_url = token, outbox, base_url

    @property
    def has_token(self) -> bool:
        """Whether messages go to Slack, and not only to files."""
        return bool(self._token)

    def deliver(self, letter: Letter, address: Address) -> Delivery:
        """Make Slack show this letter as the message of this experiment, day and topic.

        The same words again change nothing; others of the same day and topic update the same message. A topic that was
        rendered to a file is not rendered again.

        Args:
            letter: what to say.
            address: where to, and by what it is known again.

        Returns:
            posted, updated or already_posted with ``channel/ts``; rendered or already_rendered with the file.

        Raises:
            DeliveryFailed: Slack does not show it, or nobody knows; the outbox keeps it pending.
        """
        path = self._outbox / f"{address.name}.json"
        before = read_entry(path)
        rendered = before is not None and before.state == "rendered" and before.verdict_id == address.says
        if address.topic and rendered:
            return Delivery("already_rendered", str(path.with_suffix(".txt")))
        entry = _entry(letter, address)
        return self._deliver(path, entry, letter.text)

    def hold(self, letter: Letter, address: Address) -> bool:
        """Put the letter in the outbox without sending it: it waits for an earlier one.

        Returns:
            Whether it waits; not when Slack shows it already.

        Raises:
            DeliveryFailed: its outbox file is damaged.
        """
        path, entry = self._outbox / f"{address.name}.json", _entry(letter, address)
        before = read_entry(path)
        if before and before.state == "posted" and before.verdict_id == entry.verdict_id:
            return False
        known = (before.channel_id, before.ts) if before else (None, None)
        write_entry(path, replace(entry, channel_id=known[0], ts=known[1]))
        return True

    def _deliver(self, path: Path, new: OutboxEntry, text: str) -> Delivery:
        before = read_entry(path)
        entry = replace(
            new,
            channel_id=before.channel_id if before else None,
            ts=before.ts if before else None,
        )
        if before and before.state == "posted" and before.verdict_id == entry.verdict_id:
            return Delivery("already_posted", f"{before.channel_id}/{before.ts}")
        was_sent = before is not None and before.state == "pending"
        if not self._token:
            return _render(path, entry if was_sent else replace(entry, state="rendered"), text)
        write_entry(path, entry)
        try:
            return self._send(path, entry, may_be_there=was_sent)
        except (_Unclear, _Refused) as error:
            raise DeliveryFailed(
                f"Slack, {entry.experiment} {entry.topic or entry.date}: {error}; the outbox keeps it: {path.name}",
                blocks=True,
            ) from error

    def _send(self, path: Path, entry: OutboxEntry, *, may_be_there: bool) -> Delivery:
        api = self._client()
        for attempt in range(ATTEMPTS):
            if entry.ts is None and (may_be_there or attempt):
                entry, found = self._found(api, entry)
                if found == entry.verdict_id:
                    return _done(path, entry, "posted" if attempt else "already_posted")
            try:
                return self._put(api, path, entry)
            except _Unclear as error:
                if attempt + 1 == ATTEMPTS or not error.again:
                    raise
        raise AssertionError("every attempt returns or raises")

    def _put(self, api: "WebClient", path: Path, entry: OutboxEntry) -> Delivery:
        quiet = {"unfurl_links": False, "unfurl_media": False, "link_names": False}
        if entry.ts is not None:
            try:
                _call(
                    api.chat_update, channel=entry.channel_id, ts=entry.ts, link_names=False, **entry.message
                )
                return _done(path, entry, "updated")
            except _Refused as error:
                if error.code not in _GONE:
                    raise
                entry = replace(entry, ts=None)
                write_entry(path, entry)
        answer = _call(
            api.chat_postMessage, channel=entry.channel_id or entry.channel, **quiet, **entry.message
        )
        return _done(path, replace(entry, channel_id=answer["channel"], ts=answer["ts"]), "posted")

    def _found(self, api: "WebClient", entry: OutboxEntry) -> tuple[OutboxEntry, str | None]:
        """The entry with the day's message if Slack has one, and the verdict_id that this message shows."""
        channel_id, cursor = entry.channel_id or self._channel_id(api, entry.channel), ""
        entry = replace(entry, channel_id=channel_id)
        for _ in range(HISTORY_PAGES):
            answer = _call(
                api.conversations_history,
                channel=channel_id,
                include_all_metadata=True,
                limit=PAGE_SIZE,
                cursor=cursor,
            )
            for posted in answer["messages"]:
                metadata = posted.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                about = (payload.get("experiment"), payload.get("date"), payload.get("topic", ""))
                same = about == (entry.experiment, entry.date, entry.topic)
                if metadata.get("event_type") == EVENT_TYPE and same:
                    return replace(entry, ts=posted["ts"]), payload.get("verdict_id")
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return entry, None

    def _channel_id(self, api: "WebClient", channel: str) -> str:
        """The id of a channel: history can only be asked by id."""
        if not channel.startswith("#"):
            return channel
        cursor = ""
        while True:
            answer = _call(api.conversations_list, exclude_archived=True, limit=PAGE_SIZE, cursor=cursor)
            for known in answer["channels"]:
                if known["name"] == channel.removeprefix("#"):
                    return str(known["id"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                raise _Refused("channel_not_found")

    def _client(self) -> "WebClient":
        from slack_sdk import WebClient
        from slack_sdk.http_retry import RetryHandler
        from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

        # the default handlers repeat a post after a dropped connection, and so post twice
        handlers: list[RetryHandler] = [RateLimitErrorRetryHandler(max_retry_count=2)]
        base_url = (self._base_url or WebClient.BASE_URL).rstrip("/") + "/"
        return WebClient(self._token, base_url, TIMEOUT_SECONDS, retry_handlers=handlers)


def _call(method: Any, **arguments: Any) -> Any:
    """The answer of one call; every other end becomes _Refused or _Unclear."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return method(**{name: value for name, value in arguments.items() if value != ""})
    except SlackApiError as error:
        raise _ended(error) from error
    except TimeoutError as error:
        # Slack may still be at work: asking at once would not tell
        raise _Unclear("no answer in time", again=False) from error
    except (OSError, SlackClientError, ValueError) as error:
        slow = isinstance(getattr(error, "reason", None), TimeoutError)
        raise _Unclear(f"the connection broke ({type(error).__name__})", again=not slow) from error


def _ended(error: Any) -> Exception:
    status = getattr(error.response, "status_code", 0)
    body = getattr(error.response, "data", None)
    code = body.get("error") if isinstance(body, dict) else None
    if status >= 500 or code is None or code in _UNCLEAR:
        return _Unclear(f"Slack answered {code or status}", again=True)
    return _Refused(code)


def _entry(letter: Letter, address: Address) -> OutboxEntry:
    """The message of an address before anything was sent."""
    entry = OutboxEntry(
        experiment=address.experiment, date=address.date.isoformat(), verdict_id=address.says, state="pending",
        channel=address.channel, channel_id=None, ts=None, message=letter.root.message, topic=address.topic,
    )  # fmt: skip
    return replace(entry, message={**entry.message, "metadata": _metadata(entry)})


def _metadata(entry: OutboxEntry) -> dict[str, Any]:
    """By this a message is found again after an unclear end."""
    payload = {"verdict_id": entry.verdict_id, "experiment": entry.experiment, "date": entry.date}
    topic = {"topic": entry.topic} if entry.topic else {}
    return {"event_type": EVENT_TYPE, "event_payload": {**payload, **topic}}


def _done(path: Path, entry: OutboxEntry, status: Status) -> Delivery:
    write_entry(path, replace(entry, state="posted"))
    return Delivery(status, f"{entry.channel_id}/{entry.ts}")


def _render(path: Path, entry: OutboxEntry, said: str) -> Delivery:
    write_entry(path, entry)
    text = path.with_suffix(".txt")
    write_if_new(text, said)
    _log.info("no SLACK_BOT_TOKEN: the message is rendered to %s and %s", path, text.name)
    return Delivery("rendered", str(text))
