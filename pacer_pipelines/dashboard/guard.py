"""Who may read: on loopback everybody on the machine; elsewhere whoever has the token, or whom a proxy let in."""

from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE, QUESTION = "pacer_dashboard", "token"
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
REFUSED = "Not allowed. Open the address with ?token=… once, or come through the proxy.\n"


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request must bring: a token, or a header that only a proxy with a login sets; empty asks for nothing."""

    token: str = ""
    header: str = ""

    def admits(self, request: Request) -> bool:
        """Whether a request may read."""
        if not self.token and not self.header:
            return True
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = (bearer, request.cookies.get(COOKIE, ""))
        return (bool(self.token) and any(self.is_token(one) for one in given)) or (
            bool(self.header) and bool(request.headers.get(self.header))
        )

    def is_token(self, given: str) -> bool:
        """Whether somebody knows the token; takes as long for a near miss as for a far one."""
        return compare_digest(given.encode(), self.token.encode())


class Guarded:
    """The application behind a guard. A token in the address becomes a cookie, and leaves the address."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        """Put the guard before the application."""
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        asked = parse_qs(request.url.query)
        given = asked.pop(QUESTION, [""])[0]
        if self._guard.token and self._guard.is_token(given):
            # also of who has the cookie already: a token does not stay in an address
            await self._enter(request, given, asked)(scope, receive, send)
        elif self._guard.admits(request):
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(REFUSED, 401, HEADERS)(scope, receive, send)

    def _enter(self, request: Request, token: str, asked: dict[str, list[str]]) -> Response:
        rest = urlencode(asked, doseq=True)
        # never to another host, as two slashes would lead
        path = "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303, HEADERS)
        # lax: whoever comes from a link in Slack has been here before
        answer.set_cookie(
            COOKIE, token, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
        )
        return answer
