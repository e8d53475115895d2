"""The pages over HTTP: read-only, on the loopback interface unless told otherwise, under a strict policy."""

import logging
import re
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import wraps
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pacer_pipelines.dashboard.compare import MOST, compare_page
from pacer_pipelines.dashboard.drawing import draw
from pacer_pipelines.dashboard.figures import figures
from pacer_pipelines.dashboard.guard import Guard, Guarded
from pacer_pipelines.dashboard.live import live_object, script
from pacer_pipelines.dashboard.markup import html_page, style, style_hash
from pacer_pipelines.dashboard.overview import index_page
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.dashboard.seen import Reading, Seen, Shelf
from pacer_pipelines.decisions.values import canonical
from pacer_pipelines.errors import PacerError
from pacer_pipelines.plan import Plan

_log = logging.getLogger(__name__)
STYLES = re.compile("<style>(.*?)</style>", re.DOTALL)
PAGE = re.compile(r"index\.html|\d{4}-\d{2}-\d{2}\.html")
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
OPEN = Guard()
KEPT_PAGES = 8
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
    pages = _Pages(shelf, docs, live)
    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/live.js", pages.live_script),
            Route("/experiments/{slug}", pages.experiment),
            Route("/experiments/{slug}/live.json", pages.live_now),
            Route("/experiments/{slug}/compare/{days}", pages.compare),
            Route("/experiments/{slug}/{day}", pages.experiment),
            Route("/experiments/{slug}/{day}/figures/{name}.csv", pages.figure),
            Route("/experiments/{slug}/{day}/verdict.json", pages.verdict),
            Route("/experiments/{slug}/{day}/evidence.zip", pages.evidence),
            Route("/data-docs/", pages.data_docs),
            Route("/data-docs/{name}", pages.data_docs),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(Guarded, guard=guard),
        ],
        exception_handlers={PacerError: _unreadable},
    )


Answer = Callable[["_Pages", Request], Response]


def _in_turn(make: Answer) -> Callable[["_Pages", Request], Awaitable[Response]]:
    """Make an answer in the one thread that makes pages, and let the others go on meanwhile."""

    @wraps(make)
    async def answered(pages: "_Pages", request: Request) -> Response:
        return await get_running_loop().run_in_executor(pages.maker, make, pages, request)

    return answered


class _Pages:
    """What is answered at each address."""

    def __init__(self, shelf: Shelf, docs: Path | None, live: Reading | None) -> None:
        self._shelf, self._docs, self._live = shelf, docs, live
        # a page of a long season is much to hold, and each thread keeps what it once held: however many look, one
        # thread makes one page at a time
        self.maker = ThreadPoolExecutor(1, "page")
        self._made: dict[str, tuple[Seen, str]] = {}

    @_in_turn
    def index(self, request: Request) -> Response:
        latest = [(plan, self._shelf.verdict(plan.slug)) for plan in self._shelf.plans()]
        return _page(index_page(latest, _root(request)))

    @_in_turn
    def experiment(self, request: Request) -> Response:
        seen = self._shelf.seen(*_asked(request))
        if seen is None:
            return _missing()
        address = f"{_root(request)}{request.url.path}"
        known, html = self._made.pop(address, (None, ""))
        if known != seen:
            newest = self._live is not None and "day" not in request.path_params
            html = experiment_page(seen, _root(request), live=newest)
        # for the next viewer, as long as nothing has changed; the one that nobody asked for longest makes room
        self._made[address] = (seen, html)
        if len(self._made) > KEPT_PAGES:
            del self._made[next(iter(self._made))]
        return _page(html)

    def live_now(self, request: Request) -> Response:
        plan, verdict = self._plan(request), self._shelf.verdict(request.path_params["slug"])
        if self._live is None or plan is None or verdict is None:
            return _missing()
        return JSONResponse(live_object(self._live(plan, verdict.as_of), plan.language), headers=HEADERS)

    def live_script(self, request: Request) -> Response:
        return _plain(script(), "text/javascript")

    @_in_turn
    def figure(self, request: Request) -> Response:
        seen = self._shelf.seen(*_asked(request))
        found = figures(seen).get(request.path_params["name"]) if seen else None
        return _plain(found.csv(), "text/csv") if found else _missing()

    @_in_turn
    def compare(self, request: Request) -> Response:
        plan, asked = self._plan(request), sorted(set(request.path_params["days"].split(",")))
        if plan is None or len(asked) > MOST:
            return _missing()
        found = [self._shelf.verdict(plan.slug, day) if (day := _day(text)) else None for text in asked]
        days = [verdict for verdict in found if verdict is not None]
        return _page(compare_page(plan, days, _root(request))) if len(days) == len(asked) else _missing()

    def verdict(self, request: Request) -> Response:
        verdict = self._shelf.verdict(*_asked(request))
        return _plain(canonical(verdict.as_dict()), "application/json") if verdict else _missing()

    @_in_turn
    def evidence(self, request: Request) -> Response:
        slug, day = _asked(request)
        seen = self._shelf.seen(slug, day)
        if seen is None or seen.latest is None:
            return _missing()
        tables = {name: figure.csv() for name, figure in figures(seen).items()}
        packed = self._shelf.bundle(seen.latest, tables)
        name = f"evidence-{slug}-{seen.latest.date}-{seen.latest.verdict_id}.zip"
        kept = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(packed, media_type="application/zip", headers=kept) if packed else _missing()

    def data_docs(self, request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        # only names that the pages have: nothing leads out of the folder
        page = self._docs / name if self._docs and PAGE.fullmatch(name) else None
        if page is None or not page.is_file():
            return _page(html_page("not found", "<h1>No Data Docs of that day</h1>"), 404)
        html = page.read_text(encoding="utf-8")
        # a page of an older version was written with the style sheets of then
        return _page(html, styles=STYLES.findall(html))

    def _plan(self, request: Request) -> Plan | None:
        return next((plan for plan in self._shelf.plans() if plan.slug == request.path_params["slug"]), None)


def _asked(request: Request) -> tuple[str, date | None]:
    """The experiment and day that an address names; without a day the newest is meant."""
    text = request.path_params.get("day")
    # no day that anybody judged, so it is not found
    return request.path_params["slug"], None if text is None else _day(text) or date.min


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


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


def _unreadable(request: Request, error: Exception) -> Response:
    _log.error("%s: %s", request.url.path, error)
    return _page(html_page("not readable", "<h1>The verdicts cannot be read; see the server's log</h1>"), 503)


def _missing() -> Response:
    return _page(html_page("not found", "<h1>No such experiment or day</h1>"), 404)


def _plain(text: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers=HEADERS)


def _page(html: str, status: int = 200, styles: Sequence[str] = (style(),)) -> Response:
    sheets = " ".join(f"'{style_hash(sheet)}'" for sheet in styles) or "'none'"
    allowed = f"default-src 'none'; style-src {sheets}; script-src 'self'"
    policy = f"{allowed}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return HTMLResponse(html, status, {**HEADERS, "Content-Security-Policy": policy})
