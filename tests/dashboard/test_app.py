"""The dashboard over HTTP: read-only, strict, and calm when something is wrong."""

import asyncio
import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from stored_days import Kept, fortnight, plan, stored, verdict

from pacer_pipelines.dashboard import app as app_module
from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.dashboard.markup import style, style_hash
from pacer_pipelines.dashboard.page import experiment_page
from pacer_pipelines.dashboard.seen import ShareChange
from pacer_pipelines.decisions.live import Live, LiveCount
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.plan import Plan


def ask(
    app: Starlette, path: str, method: str = "GET", host: str = "localhost"
) -> tuple[int, dict[str, str], str]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", host.encode())], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:]).decode()
    return sent[0]["status"], headers, body


def test_index_lists_the_experiments() -> None:
    status, _, body = ask(dashboard(Kept()), "/")
    assert status == 200
    assert 'href="/experiments/judge-model-v2"' in body


def test_experiment_has_its_page_under_a_strict_policy() -> None:
    status, headers, body = ask(dashboard(Kept()), "/experiments/judge-model-v2")
    assert status == 200
    assert '<div class="word">HOLD</div>' in body
    policy = headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src '{style_hash(style())}'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_page_shows_what_is_there_at_that_moment() -> None:
    days = fortnight()
    growing = days[:1]
    app = dashboard(Kept(growing))
    assert "2026-11-03" not in ask(app, "/")[2]
    growing.append(days[1])
    assert "2026-11-03" in ask(app, "/")[2]


def test_unknown_experiment_is_not_found() -> None:
    assert ask(dashboard(Kept()), "/experiments/another")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(method: str) -> None:
    assert ask(dashboard(Kept()), "/", method)[0] == 405


def test_foreign_host_name_is_refused() -> None:
    assert ask(dashboard(Kept()), "/", host="evil.example")[0] == 400


def test_unreadable_verdicts_are_said_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Kept):
        def verdict(self, slug: str, day: date | None = None) -> Any:
            raise SourceUnreadable("verdicts", "/secret/place")

    status, _, body = ask(dashboard(Broken()), "/")
    assert status == 503
    assert "cannot be read" in body
    assert "/secret/place" not in body
    # the page sends to the server's log
    assert "/secret/place" in caplog.text


def test_data_docs_are_served_by_day_under_a_strict_policy(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "2026-11-13.html").write_text("<style>p {}</style><p>the day</p>")
    (tmp_path / "docs" / "index.html").write_text("<p>all days</p>")
    app = dashboard(Kept(), docs=tmp_path / "docs")
    status, headers, body = ask(app, "/data-docs/2026-11-13.html")
    assert (status, body) == (200, "<style>p {}</style><p>the day</p>")
    # what stands in the page, which an older version may have written, and nothing else
    assert f"style-src '{style_hash('p {}')}';" in headers["content-security-policy"]
    assert ask(app, "/data-docs/")[2] == "<p>all days</p>"
    assert ask(app, "/data-docs/index.html")[0] == 200


@pytest.mark.parametrize(
    "name", ["secret.txt", "..%2Fsecret.txt", "../secret.txt", "2026-11-13.html/", "2026-11-14.html"]
)
def test_nothing_but_pages_of_days_leaves_the_folder_of_data_docs(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "secret.txt").write_text("secret")
    status, _, body = ask(dashboard(Kept(), docs=tmp_path / "docs"), f"/data-docs/{name}")
    assert status != 200
    assert "secret" not in body


def test_without_data_docs_there_is_no_page_of_them() -> None:
    assert ask(dashboard(Kept()), "/data-docs/")[0] == 404


def reading(plan: Plan, since: datetime) -> Live:
    return Live(since, datetime(2026, 11, 16, 1, 2, 3), LiveCount(1200, 6, 900.0, 40, 30), LiveCount(4), True)


def test_the_checks_of_a_day_lead_to_its_data_docs() -> None:
    page = ask(dashboard(Kept()), "/experiments/judge-model-v2/2026-11-09")[2]
    assert 'href="/data-docs/2026-11-09.html"' in page
    assert 'href="/data-docs/"' in ask(dashboard(Kept()), "/")[2]


def test_the_live_numbers_are_those_since_the_last_verdict() -> None:
    status, headers, body = ask(dashboard(Kept(), live=reading), "/experiments/judge-model-v2/live.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "variants": {"control": ["1,200", "0.5 %", "900.0 ms", "40", "75.0 %"], "treatment": ["4", "-", "-", "0", "-"]},
        "status": "since 2026-11-15 15:00 UTC, read at 01:02:03 UTC; more lines are being read",
    }  # fmt: skip


def test_only_the_newest_page_is_live_and_says_that_it_decides_nothing() -> None:
    app = dashboard(Kept(), live=reading)
    _, headers, newest = ask(app, "/experiments/judge-model-v2")
    assert "Live, not for decisions" in newest
    assert re.findall(r"<script[^>]*>", newest) == ['<script src="/live.js" defer>']
    assert "script-src 'self'; connect-src 'self'" in headers["content-security-policy"]
    assert "<script" not in ask(app, "/experiments/judge-model-v2/2026-11-09")[2]
    assert "<script" not in ask(dashboard(Kept()), "/experiments/judge-model-v2")[2]


def test_the_script_puts_nothing_into_the_page_but_text() -> None:
    status, headers, body = ask(dashboard(Kept()), "/live.js")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert "textContent" in body
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", body)


@pytest.mark.parametrize("slug", ["another", "judge-model-v2"])
def test_without_a_verdict_or_a_log_there_are_no_live_numbers(slug: str) -> None:
    assert ask(dashboard(Kept([]), live=reading), f"/experiments/{slug}/live.json")[0] == 404
    assert ask(dashboard(Kept()), f"/experiments/{slug}/live.json")[0] == 404


def test_a_page_is_kept_only_as_long_as_nothing_behind_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(
        app_module, "experiment_page", lambda *a, **k: made.append(1) or experiment_page(*a, **k)
    )
    kept = Kept()
    app = dashboard(kept)
    address = "/experiments/judge-model-v2"
    assert ask(app, address) == ask(app, address)
    assert len(made) == 1
    for change in (
        {"splits": {"1": 90.0}},
        {"plan": plan().model_copy(update={"owner": "somebody else"})},
        {"changes": (ShareChange(datetime(2026, 11, 6, 1), "2", 30.0, "ina", "step by hand"),)},
    ):
        before, kept.changes = ask(app, address)[2], change
        assert ask(app, address)[2] != before
    kept.contents = [*kept.contents, *stored(verdict(15, verdict="rollback", rule="alarm"))]
    assert ">ROLLBACK<" in ask(app, address)[2]


def test_however_many_days_are_looked_at_each_shows_itself() -> None:
    app = dashboard(Kept())
    for _ in range(2):
        for day in range(2, 16):
            body = ask(app, f"/experiments/judge-model-v2/2026-11-{day:02}")[2]
            assert f"2026-11-{day:02} (day {day - 1} of 42)" in body
