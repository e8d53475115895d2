"""The pages over HTTP: read-only, on the loopback interface unless told otherwise, under a strict policy."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from threading import Lock

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pacer_pipelines.dashboard.charts import draw
from pacer_pipelines.dashboard.compare import MOST, compare_page
from pacer_pipelines.dashboard.data_docs import SHEET
from pacer_pipelines.dashboard.figures import figures
from pacer_pipelines.dashboard.guard import Guard, Guarded
from pacer_pipelines.dashboard.live import live_object, script
from pacer_pipelines.dashboard.markup import html_page, style_hash
from pacer_pipelines.dashboard.overview import index_page
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.dashboard.seen import Reading, Seen, Shelf
from pacer_pipelines.decisions.values import Verdict, canonical
from pacer_pipelines.errors import PacerError
from pacer_pipelines.plan import Plan

PAGE = re.compile(r"index\.html|\d{4}-\d{2}-\d{2}\.html")
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
OPEN = Guard()
_NOBODY: tuple[Plan | None, Verdict | None] = (None, None)
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def dashboard(
    shelf: Shelf,
    hosts: Sequence[str] = LOOPBACK,
    docs: Path | None = None,
    live: Reading | None = None,
    guard: Guard = OPEN,
) -> Starlette:
    """The dashboard as an ASGI application.

    Args:
        shelf: where the pages read, anew for each.
        hosts: names under which a browser may ask; others are refused, against DNS rebinding.
        docs: folder of the Data Docs, one page per day and an index; None has none.
        live: reads what the logs say of an experiment since a moment; None shows no live strip.
        guard: what a request must bring to be answered.
    """

    def index(request: Request) -> Response:
        return _page(index_page(shelf.latest(), _root(request)))

    # a page of a long season is much to hold: however many look, one is made at a time
    one_at_a_time = Lock()

    def experiment(request: Request) -> Response:
        with one_at_a_time:
            seen = _asked(shelf, request)
            if seen is None:
                return _missing()
            newest = live is not None and "day" not in request.path_params
            return _page(experiment_page(seen, _root(request), live=newest))

    def live_now(request: Request) -> Response:
        plan, verdict = next(
            (one for one in shelf.latest() if one[0].slug == request.path_params["slug"]), _NOBODY
        )
        if live is None or plan is None or verdict is None:
            return _missing()
        return JSONResponse(live_object(live(plan, verdict.as_of), plan.language), headers=HEADERS)

    def live_script(request: Request) -> Response:
        return _plain(script(), "text/javascript")

    def figure(request: Request) -> Response:
        seen = _asked(shelf, request)
        found = figures(seen).get(request.path_params["name"]) if seen else None
        return _plain(found.csv(), "text/csv") if found else _missing()

    def compare(request: Request) -> Response:
        seen = shelf.seen(request.path_params["slug"])
        asked = sorted(set(request.path_params["days"].split(",")))
        days = [one for one in seen.verdicts if one.date.isoformat() in asked] if seen else []
        if seen is None or len(days) != len(asked) or len(days) > MOST:
            return _missing()
        return _page(compare_page(seen.plan, days, _root(request)))

    def verdict(request: Request) -> Response:
        seen = _asked(shelf, request)
        if seen is None or seen.latest is None:
            return _missing()
        return _plain(canonical(seen.latest.as_dict()), "application/json")

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
            Route("/live.js", live_script),
            Route("/experiments/{slug}", experiment),
            Route("/experiments/{slug}/live.json", live_now),
            Route("/experiments/{slug}/compare/{days}", compare),
            Route("/experiments/{slug}/{day}", experiment),
            Route("/experiments/{slug}/{day}/figures/{name}.csv", figure),
            Route("/experiments/{slug}/{day}/verdict.json", verdict),
            Route("/data-docs/", data_docs),
            Route("/data-docs/{name}", data_docs),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(Guarded, guard=guard),
        ],
        exception_handlers={PacerError: unreadable},
    )


def _asked(shelf: Shelf, request: Request) -> Seen | None:
    """The experiment and day that an address names; None where there is none."""
    try:
        day = date.fromisoformat(request.path_params["day"]) if "day" in request.path_params else None
    except ValueError:
        return None
    return shelf.seen(request.path_params["slug"], day)


def _root(request: Request) -> str:
    """Where a proxy has mounted the dashboard."""
    return str(request.scope.get("root_path", ""))


def serve(
    shelf: Shelf,
    host: str = "127.0.0.1",
    port: int = 8050,
    docs: Path | None = None,
    live: Reading | None = None,
    guard: Guard = OPEN,
    names: Sequence[str] = (),
) -> None:
    """Serve the dashboard until it is stopped.

    Args:
        shelf: as for :func:`dashboard`.
        host: interface to listen on; away from loopback there has to be a guard.
        port: TCP port.
        docs: as for :func:`dashboard`.
        live: as for :func:`dashboard`.
        guard: as for :func:`dashboard`.
        names: more names under which a browser may ask.
    """
    import uvicorn

    # the engine of the charts starts slowly: nobody should wait for it
    draw({"title": {"text": ""}, "data": {"values": []}, "mark": "point"}, "first")
    uvicorn.run(
        dashboard(shelf, [*LOOPBACK, host, *names], docs, live, guard),
        host=host,
        port=port,
        log_level="warning",
    )


def _missing() -> Response:
    return _page(html_page("not found", "<h1>No such experiment or day</h1>"), 404)


def _plain(text: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers=HEADERS)


def _page(html: str, status: int = 200) -> Response:
    allowed = f"default-src 'none'; style-src '{style_hash()}' '{style_hash(SHEET)}'; script-src 'self'"
    policy = f"{allowed}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return HTMLResponse(html, status, {**HEADERS, "Content-Security-Policy": policy})
