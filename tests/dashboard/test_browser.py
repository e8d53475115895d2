"""The dashboard over the example's fortnight, as a person meets it: in a real Chromium."""

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from browser import AXE, chromium
from click.testing import CliRunner
from orchestration.live_world import calls, write
from pipeline.worlds import SLUG, RanFortnight, World, make_world
from playwright.sync_api import Browser, Page, expect
from stored_days import Kept, plan
from web import served

from pacer_pipelines.cli import main
from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.orchestration.data_docs import docs_folder
from pacer_pipelines.orchestration.live import LiveLog
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.shelf import WorldShelf

VIEWS = {
    "overview": "/",
    "newest": f"/experiments/{SLUG}",
    "day": f"/experiments/{SLUG}/2026-11-10",
    "compare": f"/experiments/{SLUG}/compare/2026-11-08,2026-11-15",
    "data docs": "/data-docs/",
    "data docs of a day": "/data-docs/2026-11-15.html",
}
DESKTOP, PHONE = {"width": 1100, "height": 900}, {"width": 390, "height": 800}
# what is too large to copy and what no page reads
NOT_READ = shutil.ignore_patterns("landing", "warehouse.duckdb*", "dagster", "dbt")
NOW = timedelta(hours=9)
AXE_RUN = "axe.run().then(found => found.violations.map(v => [v.id, v.nodes.map(n => n.target.join(' '))]))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def world(fortnight: RanFortnight, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The judged fortnight, with logs that may grow."""
    made = make_world(tmp_path_factory.mktemp("shown"), {"exposures": "logs"})
    (made.folder / "logs").mkdir()
    shutil.copytree(fortnight.world.home, made.home, ignore=NOT_READ)
    shutil.copy(fortnight.world.flag_file, made.flag_file)
    return made


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    """The address of its dashboard, on the morning after."""
    with pytest.MonkeyPatch.context() as patch:
        shelf = WorldShelf(WorldResource(config_file=str(world.config)).world)
        newest = shelf.verdict(SLUG)
        assert newest is not None
        patch.setattr(WorldResource, "now", lambda _: newest.as_of + NOW)
        live = LiveLog(WorldResource(config_file=str(world.config))).read
        with served(dashboard(shelf, docs=docs_folder(world.home), live=live)) as address:
            yield address


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Open]:
    """Open an address in a fresh context; in the end nothing may have gone wrong or left the machine."""
    wrong: list[str] = []

    def opened(path: str, base: str = site, **context: Any) -> Page:
        page = browser.new_context(viewport=context.pop("viewport", DESKTOP), **context).new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        # a download is no page
        page.on(
            "requestfailed",
            lambda request: request.url.endswith((".csv", ".zip")) or wrong.append(request.url),
        )
        page.on("request", lambda request: request.url.startswith(base) or wrong.append(request.url))
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.status == 200
        return page

    yield opened
    for context in browser.contexts:
        context.close()
    assert wrong == []


def told(page: Page) -> str:
    """What a person reads, but for the live strip."""
    page.evaluate("document.querySelectorAll('.live').forEach(strip => strip.remove())")
    return page.locator("body").inner_text()


def inaccessible(page: Page) -> list[Any]:
    """What axe finds wrong, by rule and place; of folded parts, too."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = page.evaluate(AXE_RUN)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_sound_and_accessible(open_page: Open, view: str, scheme: str) -> None:
    page = open_page(VIEWS[view], color_scheme=scheme)
    assert inaccessible(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_phone_nothing_hangs_over_the_edge(open_page: Open, view: str) -> None:
    page = open_page(VIEWS[view], viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert inaccessible(page) == []


def test_a_korean_page_is_accessible_too(open_page: Open) -> None:
    spoken = plan().model_copy(update={"locale": "ko"})
    with served(dashboard(Kept(plan=spoken))) as address:
        page = open_page(f"/experiments/{SLUG}", base=address)
        assert page.locator("html").get_attribute("lang") == "ko"
        assert inaccessible(page) == []


def test_the_answer_is_seen_without_scrolling(open_page: Open) -> None:
    page = open_page(VIEWS["newest"], viewport=PHONE)
    for part in (".banner .word", ".banner .share", ".banner .why"):
        expect(page.locator(part)).to_be_in_viewport()
    assert page.locator(".banner .word").inner_text() == "PROMOTE"


def test_without_javascript_the_page_is_whole_but_for_the_live_strip(open_page: Open) -> None:
    scripted, plain = open_page(VIEWS["newest"]), open_page(VIEWS["newest"], java_script_enabled=False)
    expect(plain.locator(".live")).to_contain_text("they need JavaScript")
    whole = plain.locator("body").inner_text().replace(plain.locator(".live").inner_text(), "")
    assert whole.split() == told(scripted).split()


def test_a_line_that_is_appended_to_the_log_is_soon_in_the_live_strip(
    open_page: Open, world: World, site: str
) -> None:
    page = open_page(VIEWS["newest"])
    row = page.locator(".live tbody tr").nth(1)
    expect(row).to_contain_text("0")
    expect(page.locator(".live h2")).to_contain_text("not for decisions")
    before = page.locator("footer").inner_text()
    newest = WorldShelf(WorldResource(config_file=str(world.config)).world).verdict(SLUG)
    assert newest is not None
    write(world.folder / "logs" / "exposures.jsonl", calls(newest.as_of + timedelta(hours=8), "B", range(37)))
    # within five seconds, and without loading the page anew
    expect(row.locator("td").first).to_have_text("37", timeout=5000)
    assert page.locator("footer").inner_text() == before


def test_a_day_in_the_history_leads_to_its_own_page_and_the_address_gives_it_again(open_page: Open) -> None:
    page = open_page(VIEWS["newest"])
    page.get_by_role("link", name="2026-11-10", exact=True).click()
    assert page.url.endswith(VIEWS["day"])
    expect(page.locator(".banner")).to_contain_text("2026-11-10 (day 9 of")
    again = open_page(VIEWS["day"])
    assert told(again) == told(page)
    assert "2026-11-11" not in told(again)


def test_a_day_is_put_beside_the_newest_one(open_page: Open) -> None:
    page = open_page(VIEWS["newest"])
    page.get_by_role("row", name=re.compile("2026-11-08")).get_by_role("link", name="beside").click()
    assert page.url.endswith(VIEWS["compare"])
    heads = page.locator("thead").first.inner_text()
    assert "2026-11-08" in heads
    assert "2026-11-15" in heads
    assert told(open_page(VIEWS["compare"])) == told(page)


# figure -> the column that its points are placed by, whether along x (0) or y (1), and the columns of its intervals
PLACED: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "effect": ("effect", 1, ("low", "high")), "strength": ("z", 1, ()), "good_rate": ("rate", 1, ()),
    "guarded": ("effect", 0, ("low", "high")), "planner": ("detectable", 1, ()), "share": ("served", 1, ()),
    "split": ("seen", 0, ("low", "high")), "rating_rate": ("rate", 1, ()), "delay": ("rated", 1, ()),
}  # fmt: skip
PLACE = re.compile(r"translate\(([-\d.e]+),([-\d.e]+)\)")


def test_what_is_drawn_is_what_the_table_and_the_csv_say(open_page: Open) -> None:
    page = open_page(VIEWS["newest"])
    names = page.locator("figure").evaluate_all("all => all.map(each => each.id)")
    assert set(names) == {*PLACED, "funnel", "hours"}
    for name in names:
        figure = page.locator(f"figure#{name}")
        figure.locator("summary").click()
        table = [line.split("\t") for line in figure.locator("table").inner_text().splitlines()]
        with page.expect_download() as download:
            figure.get_by_role("link", name="as CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
        assert table == [list(rows[0]), *(list(row.values()) for row in rows)], name
        marks = figure.locator("svg .role-mark").evaluate_all(
            "all => all.map(each => [each.classList[0], [...each.children].map(part => part.outerHTML)])"
        )
        same_as_drawn(name, rows, marks)


def same_as_drawn(name: str, rows: list[dict[str, str]], marks: list[tuple[str, list[str]]]) -> None:
    """The marks stand where the numbers say: on one straight scale, more to the right or higher up."""
    of_kind = {kind: [parts for each, parts in marks if each == kind] for kind, _ in marks}
    if name == "hours":
        there, missing, odd = of_kind["mark-symbol"]
        assert len(there) == sum(float(row["percent"] or 0) > 0 for row in rows)
        assert len(missing) == sum(row["percent"] == "0" for row in rows)
        assert len(odd) == sum(not row["percent"] and int(row["rows"]) >= 10 for row in rows)
        return
    if name == "funnel":
        numbers = [float(row["percent"]) for row in rows]
        drawn = [float(re.findall(r"h(-?[\d.]+)", bar)[0]) for bar in of_kind["mark-rect"][-1]]
        along = 0
    else:
        column, along, ends = PLACED[name]
        numbers = [float(row[column]) for row in rows if row[column]]
        drawn = [float(PLACE.findall(point)[0][along]) for point in of_kind["mark-symbol"][-1]]
        if ends:
            for row, rule in zip(rows, of_kind["mark-rule"][-1 if name != "split" else 0], strict=True):
                begin = float(PLACE.findall(rule)[0][along])
                length = float(re.findall(r' [xy]2="([-\d.e]+)"', rule)[along])
                numbers += sorted(float(row[end]) for end in ends)
                drawn += sorted((begin, begin + length), reverse=along == 1)
    assert len(drawn) == len(numbers) > 0, name
    scale = np.polynomial.Polynomial.fit(numbers, drawn, 1).convert()
    assert np.abs(scale(np.array(numbers)) - drawn).max() < 0.5, name
    # down is more in the coordinates of a screen
    assert (scale.coef[1] < 0) == (along == 1), name


def test_the_evidence_of_any_day_is_a_file_that_is_judged_again_without_its_world(
    open_page: Open, fortnight: RanFortnight, tmp_path: Path
) -> None:
    exposures = f"{fortnight.world.home}/landing/exposures/**/*.parquet"
    students = duckdb.sql(f"select distinct unit_key from read_parquet('{exposures}')").fetchall()
    assert len(students) > 400
    page, bundles = open_page(VIEWS["newest"]), []
    for day in ("2026-11-02", "2026-11-09", "2026-11-15"):
        page.goto(page.url.partition("/experiments/")[0] + f"/experiments/{SLUG}/{day}")
        with page.expect_download() as download:
            page.get_by_role("link", name="the evidence as a file").click()
        bundles.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(bundles[-1])
        with zipfile.ZipFile(bundles[-1]) as archive:
            everything = b"".join(map(archive.read, archive.namelist())).decode()
            assert not any(student in everything for (student,) in students)
            shown = page.request.get(f"{page.url}/figures/share.csv").body()
            assert archive.read("figures/share.csv") == shown
    assert bundles[-1].name.startswith(f"evidence-{SLUG}-2026-11-15-")
    again = CliRunner().invoke(main, ["replay-bundle", *map(str, bundles)])
    assert again.exit_code == 0, again.output
    assert again.output.count(": identical\n") == 3


def test_the_keyboard_is_enough(open_page: Open) -> None:
    page = open_page(VIEWS["newest"])
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('figure#effect summary') !== null"):
            break
    details = page.locator("figure#effect details")
    expect(details.locator("table")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(details.locator("table")).to_be_visible()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    # on through the wide table to its CSV
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "as CSV"
