"""Calls to Slack, and how each may end: an answer, a refusal with its code, or nobody knows."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from pacer_pipelines.errors import DeliveryFailed

TIMEOUT_SECONDS = 10
# all waiting for Slack's rate limit together, so that a day's run does not hang
PATIENCE_SECONDS = 60.0
PAGE_SIZE, PAGES = 200, 50

_HINTS = {
    "invalid_auth": "SLACK_BOT_TOKEN is not valid",
    "not_authed": "SLACK_BOT_TOKEN is empty",
    "token_revoked": "SLACK_BOT_TOKEN was revoked",
    "token_expired": "SLACK_BOT_TOKEN has expired",
    "account_inactive": "the bot of SLACK_BOT_TOKEN was removed",
    "channel_not_found": "the plan's slack_channel does not exist, or the bot cannot see it",
    "not_in_channel": "invite the bot to the plan's slack_channel",
    "is_archived": "the plan's slack_channel is archived",
    "missing_scope": "the bot needs chat:write, channels:history (groups:history in a private channel), files:write "
    "and files:read, and channels:read unless the plan gives the channel's id (C…)",
    "ratelimited": "Slack asks to wait; the next run tries again",
}
# answers after which Slack may have done it all the same
_UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# the earlier message can never be changed again: there has to be a new one
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_CODE = re.compile(r"^[a-z0-9_]+$")
# what is wrong with one message alone: others need not wait for it
_OF_THE_MESSAGE = frozenset(
    {"no_text", "msg_too_long", "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large",
     "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
)  # fmt: skip


class Unclear(Exception):
    """Nobody knows whether Slack did it; ``again`` says whether asking at once can tell."""

    def __init__(self, reason: str, *, again: bool) -> None:
        """Keep the reason for a person."""
        super().__init__(reason)
        self.again = again


class Refused(Exception):
    """Slack did not do it, and says why by a code."""

    def __init__(self, code: str) -> None:
        """Keep the code, and say what to do about it where that is known."""
        super().__init__(f"{code} ({_HINTS[code]})" if code in _HINTS else code)
        self.code = code


def failed(what: str, file: str, error: Unclear | Refused) -> DeliveryFailed:
    """The failure as the rest of the house knows it; ``file`` is the message's in the outbox."""
    alone = isinstance(error, Refused) and error.code in _OF_THE_MESSAGE
    return DeliveryFailed(f"{what}: {error}; the outbox keeps it: {file}", blocks=not alone)


class Calls:
    """Slack's Web API with one token."""

    def __init__(self, token: str, base_url: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
        """Open a client; nothing is called yet.

        Args:
            token: the bot's token.
            base_url: Slack's Web API by default; anything that speaks it, for tests.
            sleep: waits for so many seconds when Slack asks for it.
        """
        from slack_sdk import WebClient

        # no retry handlers: the default ones repeat a post after a dropped connection, and so post twice
        url = (base_url or WebClient.BASE_URL).rstrip("/") + "/"
        self._client = WebClient(token, url, TIMEOUT_SECONDS, retry_handlers=[])
        self._sleep, self._patience = sleep, PATIENCE_SECONDS

    def write(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that changes something, sent as JSON.

        Raises:
            Unclear: the call has no answer.
            Refused: the answer is a no.
        """
        return self._patiently(method, json={**arguments})

    def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that takes a form; raises as :meth:`write` does."""
        return self._patiently(
            method, params={name: value for name, value in arguments.items() if value != ""}
        )

    def pages(self, method: str, field: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """All that a method lists, page by page.

        Raises:
            Unclear: there is more than anybody should read, so what was not found may still be there.
            Refused: the answer is a no.
        """
        cursor = ""
        for _ in range(PAGES):
            answer = self.read(method, limit=PAGE_SIZE, cursor=cursor, **arguments)
            yield from answer[field]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise Unclear(f"{method} gives more than {PAGES} pages", again=False)

    def upload(self, url: str, content: bytes) -> None:
        """Send a file's content to where Slack wants it; raises as :meth:`write` does."""
        request = urllib.request.Request(
            url, content, {"Content-Type": "application/octet-stream"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            raise Unclear(f"the upload was answered {error.code}", again=True) from error
        except OSError as error:
            raise Unclear(f"the upload broke ({type(error).__name__})", again=True) from error

    def _patiently(self, method: str, **body: Any) -> dict[str, Any]:
        while True:
            try:
                return _called(self._client, method, body)
            except _Wait as wait:
                if wait.seconds > self._patience:
                    raise Refused("ratelimited") from wait
                # a second at least, so that a Retry-After of 0 cannot loop for ever
                self._patience -= max(wait.seconds, 1.0)
                self._sleep(wait.seconds)


class _Wait(Exception):
    """Slack asks to come again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def _called(client: Any, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of one call; every other end becomes _Wait, Refused or Unclear."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        answer = client.api_call(method, **body)
    except SlackApiError as error:
        raise _ended(error.response) from error
    except TimeoutError as error:
        # Slack may still be at work: asking at once would not tell
        raise Unclear("no answer in time", again=False) from error
    except (OSError, SlackClientError, ValueError) as error:
        slow = isinstance(getattr(error, "reason", None), TimeoutError)
        raise Unclear(f"the connection broke ({type(error).__name__})", again=not slow) from error
    return dict(answer.data)


def _ended(response: Any) -> Exception:
    status, body = getattr(response, "status_code", 0), getattr(response, "data", None)
    code = str(body.get("error") or "") if isinstance(body, dict) else ""
    if status == 429:
        return _Wait(_seconds(response.headers))
    if status >= 500 or code in _UNCLEAR or not _CODE.match(code):
        # also what is no code: a proxy's page, of which nobody knows what stands behind it
        return Unclear(f"Slack answered {code if _CODE.match(code) else status}", again=True)
    return Refused(code)


def _seconds(headers: dict[str, Any]) -> float:
    said: Any = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    said = said[0] if isinstance(said, list) and said else said
    try:
        return max(0.0, float(said))
    except (TypeError, ValueError):
        return PATIENCE_SECONDS + 1
