"""The app behind the buttons: acknowledges a click at once, then answers it; in Socket Mode or over HTTP.

It knows nothing of verdicts: what a click does is the business of whoever makes the app.
"""

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pacer_pipelines.adapters.clicks import Answer, Click
from pacer_pipelines.adapters.slack_blocks import escape
from pacer_pipelines.errors import ConfigInvalid

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler
    from starlette.applications import Starlette

_log = logging.getLogger(__name__)

PREFIX, BLOCK = "pacer_", "pacer_actions"
ACTIONS = ("approve", "hold", "roll_back", "acknowledge")
TIMEOUT_SECONDS = 10
LARGEST = 1_000_000
BROKEN = (
    "Pacer could not do this, and nobody knows whether it was recorded. Look at pacer history on the machine."
)


@dataclass(frozen=True, slots=True)
class Doing:
    """What a click does: ``answer`` records it, ``after`` follows once the person has the answer."""

    answer: Callable[[Click], Answer]
    after: Callable[[Answer], None]


def make_app(token: str, signing_secret: str, doing: Doing, base_url: str | None = None) -> "App":
    """The app, once Slack knows its token.

    Args:
        token: bot token.
        signing_secret: of the app, for HTTP; Socket Mode needs none.
        doing: what a click does.
        base_url: Slack's Web API by default; anything that speaks it, for tests.

    Raises:
        ConfigInvalid: Slack refuses the token, or does not answer.
    """
    from slack_bolt import App
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackClientError

    url = (base_url or WebClient.BASE_URL).rstrip("/") + "/"
    client = WebClient(token, url, TIMEOUT_SECONDS)
    try:
        us = client.auth_test()
    except (SlackClientError, OSError) as error:
        code = getattr(getattr(error, "response", None), "data", None)
        said = code.get("error") if isinstance(code, dict) else type(error).__name__
        raise ConfigInvalid(f"SLACK_BOT_TOKEN: Slack does not take it: {said}") from error
    # bolt finds the token in the environment as well, and says that it does not need it
    logging.getLogger("slack_bolt.App").addFilter(_wanted)
    app = App(client=client, signing_secret=signing_secret, token_verification_enabled=False)
    known = (str(us["team_id"]), str(us.get("bot_id") or ""))
    # an update may wait for a run; the next click must not wait for the update
    later = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pacer-update")

    @app.action(re.compile(f"^{PREFIX}"))
    def pressed(ack: Callable[[], None], body: dict[str, Any], respond: Callable[..., Any]) -> None:
        ack()
        click = click_of(body, known)
        if click is not None:
            answer = _answered(doing, click, respond)
            if answer.accepted:
                later.submit(_follow, doing, answer)

    return app


def _wanted(record: logging.LogRecord) -> bool:
    return "`token` will be unused" not in record.getMessage()


def click_of(body: dict[str, Any], known: tuple[str, str]) -> Click | None:
    """The click that Slack tells of; None for a button that is only a link.

    Args:
        body: a ``block_actions`` payload.
        known: team_id and bot_id of our token.
    """
    action = body["actions"][0]
    name = action["action_id"].removeprefix(PREFIX)
    if name not in ACTIONS or action.get("block_id") != BLOCK:
        return None
    container, message = body.get("container") or {}, body.get("message") or {}
    team, bot = (body.get("team") or {}).get("id"), message.get("bot_id")
    return Click(
        user=str(body["user"]["id"]),
        action=name,
        value=str(action.get("value") or ""),
        channel=str(container.get("channel_id") or ""),
        ts=str(container.get("message_ts") or ""),
        clicked=str(action.get("action_ts") or ""),
        foreign=team != known[0] or (bool(known[1]) and bot is not None and bot != known[1]),
    )


def _answered(doing: Doing, click: Click, respond: Callable[..., Any]) -> Answer:
    """Record, then answer: a person whose answer gets lost has been heard all the same."""
    try:
        answer = doing.answer(click)
    except Exception:
        _log.exception("a click broke")
        answer = Answer(BROKEN, "broken")
    try:
        respond(text=escape(answer.text), response_type="ephemeral", replace_original=False)
    except Exception as error:
        lost = type(error).__name__
        _log.error("a click was answered (%s), and the answer did not arrive: %s", answer.outcome, lost)
    return answer


def _follow(doing: Doing, answer: Answer) -> None:
    try:
        doing.after(answer)
    except Exception:
        _log.exception("the message of %s was not updated; the watch does it", answer.experiment)


def socket_handler(app: "App", app_token: str) -> "SocketModeHandler":
    """The app on a connection that it opens itself, so that nothing has to reach this machine."""
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    return SocketModeHandler(app, app_token)


def http_app(app: "App") -> "Starlette":
    """The app as a web application; each request must bear Slack's signature of the last five minutes."""
    from slack_bolt.adapter.starlette import SlackRequestHandler
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    handler = SlackRequestHandler(app)

    async def events(request: Request) -> Response:
        # Slack's payload of one message is far smaller, and nothing has been verified yet
        if int(request.headers.get("content-length") or LARGEST + 1) > LARGEST:
            return Response(status_code=413)
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", events, methods=["POST"])])
