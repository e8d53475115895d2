"""The pages over HTTP: read-only, on the loopback interface unless told otherwise, under a strict policy."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pacer_pipelines.dashboard.data_docs import SHEET
from pacer_pipelines.dashboard.page import experiment_page, html_page, index_page, style_hash
from pacer_pipelines.decisions.segments import Segment
from pacer_pipelines.errors import PacerError
from pacer_pipelines.plan import Plan

Explore = Callable[[], Sequence[Segment]]
Shelf = Mapping[str, tuple[Plan, Sequence[Mapping[str, Any]], Explore]]
PAGE = re.compile(r"index\.html|\d{4}-\d{2}-\d{2}\.html")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def dashboard(
    read: Callable[[], Shelf], hosts: Sequence[str] = LOOPBACK, docs: Path | None = None
) -> Starlette:
    """The dashboard as an ASGI application.

    Args:
        read: gives, by slug, each plan, its current verdicts, oldest first, and what reads its segments, which
            only its own page asks for; asked anew for each page.
        hosts: names under which a browser may ask; others are refused, against DNS rebinding.
        docs: folder of the Data Docs, one page per day and an index; None has none.
    """

    def index(request: Request) -> Response:
        shelf = read()
        latest = [(plan, verdicts[-1] if verdicts else None) for plan, verdicts, _ in shelf.values()]
        return _page(index_page(latest))

    def experiment(request: Request) -> Response:
        slug = request.path_params["slug"]
        shelf = read()
        if slug not in shelf:
            return _page(html_page("not found", "<h1>No such experiment</h1>"), 404)
        plan, verdicts, explore = shelf[slug]
        return _page(experiment_page(plan, verdicts, explore(), index_link="../"))

    def data_docs(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        # only names that the pages have: nothing leads out of the folder
        page = docs / name if docs and PAGE.fullmatch(name) else None
        if page is None or not page.is_file():
            return _page(html_page("not found", "<h1>No Data Docs of that day</h1>"), 404)
        return _page(page.read_text(encoding="utf-8"))

    def unreadable(request: Request, error: Exception) -> Response:
        return _page(
            html_page("not readable", "<h1>The verdicts cannot be read; see the server's log</h1>"), 503
        )

    return Starlette(
        routes=[
            Route("/", index),
            Route("/experiments/{slug}", experiment),
            Route("/data-docs/", data_docs),
            Route("/data-docs/{name}", data_docs),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={PacerError: unreadable},
    )


def serve(
    read: Callable[[], Shelf], host: str = "127.0.0.1", port: int = 8050, docs: Path | None = None
) -> None:
    """Serve the dashboard until it is stopped.

    Args:
        read: as for :func:`dashboard`.
        host: interface to listen on; there is no login, so leave it on loopback or put a proxy before it.
        port: TCP port.
        docs: as for :func:`dashboard`.
    """
    import uvicorn

    uvicorn.run(dashboard(read, [*LOOPBACK, host], docs), host=host, port=port, log_level="warning")


def _page(html: str, status: int = 200) -> Response:
    allowed = f"default-src 'none'; style-src '{style_hash()}' '{style_hash(SHEET)}'"
    headers = {
        "Content-Security-Policy": f"{allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status, headers)
