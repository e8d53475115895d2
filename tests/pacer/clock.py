"""The time of a request: the wall's, unless the request says another, so that a day of November passes in seconds."""

from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = "X-Now"
_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def now() -> datetime:
    """Give the time of the request that is being answered."""
    return _told.get() or datetime.now(UTC)


class ToldTime:
    """Hears each request's time; threads that answer it hear it too, since they copy the context."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the app behind it."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request at its own time."""
        said = dict(scope.get("headers") or []).get(HEADER.lower().encode())
        _told.set(datetime.fromisoformat(said.decode()) if said else None)
        await self._app(scope, receive, send)
