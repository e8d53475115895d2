"""Data Docs: what a reader of a day's page learns, and that the page needs nothing but itself."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

from pacer_pipelines.dashboard.data_docs import day_page, docs_index
from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.values import Check

DAY = date(2026, 11, 13)


def explained(
    name: str = "coach_present", *, passed: bool = True, severity: str = "critical", **other
) -> Explained:
    observed = other.pop("observed", "99.91%")
    detail = "" if passed else "12.00% of 1796 exposures have a coach"
    check = Check(name, "exposures", severity, passed, observed, "coach in at least 99%", detail, "clusters")  # type: ignore[arg-type]
    suite = {"type": "expect_column_values_to_be_between", "meta": {"frame": "exposures_day", "name": name}}
    rows = () if passed else (detail,)
    plain = {"owner": "the team of the client", "value": 0.9991, "low": 0.99, "percent": True}
    return Explained(check, suite=suite, rows=rows, result={"element_count": 1}, **(plain | other))


def test_the_first_line_is_the_answer() -> None:
    fine = day_page(DAY, [explained()], {})
    assert '<div class="word">All 1 checks passed</div>' in fine
    both = [explained(passed=False), explained("school_present", passed=False, severity="warning")]
    assert "2 of 2 checks failed, 1 of them critical: the day holds" in day_page(DAY, both, {})
    assert "1 of 1 checks failed, none critical" in day_page(DAY, both[1:], {})


def test_each_check_can_be_linked_to_and_says_everything_about_itself() -> None:
    page = day_page(DAY, [explained()], {})
    card = page[page.index('id="exposures.coach_present"') : page.index("</article>")]
    for told in (
        "99.91%", "coach in at least 99%", "clusters", "expectations/exposures.json, frames/exposures_day.sql",
        "&quot;element_count&quot;: 1", "at least 99.0 %",
    ):  # fmt: skip
        assert told in card
    assert "owner: the team of the client" in page


def test_what_failed_stands_above_everything_with_its_rows() -> None:
    page = day_page(DAY, [explained(), explained("z", passed=False)], {})
    assert (
        page.index('href="#exposures.z"')
        < page.index('id="exposures.z"')
        < page.index('id="exposures.coach_present"')
    )
    assert page.count("12.00% of 1796 exposures have a coach") == 2


def test_a_check_with_nothing_to_judge_does_not_count_as_seen() -> None:
    page = day_page(DAY, [explained(observed="nothing to judge", value=None)], {})
    assert '<span class="tone">nothing to judge</span>' in page
    assert "1 nothing to judge" in page
    assert "<svg" not in page


def test_the_trend_ends_today_and_begins_at_most_thirteen_days_before() -> None:
    earlier = {DAY - timedelta(days=back): [explained(value=back / 100)] for back in range(1, 30)}
    title = re.findall(r"<title>([^<]+)</title>", day_page(DAY, [explained()], earlier))[1]
    assert [part.split()[0] for part in title.split(", ")] == [
        f"{DAY - timedelta(days=n):%m-%d}" for n in range(13, -1, -1)
    ]
    later = {DAY + timedelta(days=1): [explained(value=0.1)]}
    assert day_page(DAY, [explained()], later) == day_page(DAY, [explained()], {})


class _Asked(HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [tag] if tag in ("script", "link", "img", "iframe", "form") else []
        self.found += [name for name in values if name.startswith("on") or name in ("src", "style")]
        self.found += [str(values["href"])] if str(values.get("href", "")).startswith(("http", "//")) else []


def test_a_page_fetches_nothing_runs_nothing_and_has_each_anchor_once() -> None:
    page = day_page(DAY, [explained(), explained("z", passed=False)], {})
    parser = _Asked()
    parser.feed(page)
    assert parser.found == []
    assert "@import" not in page
    assert "url(" not in page
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_what_comes_from_the_data_is_text() -> None:
    bad = replace(explained(passed=False), rows=("<script>alert(1)</script>",))
    assert "<script>" not in day_page(DAY, [bad], {})


def test_the_index_has_the_newest_day_first_and_leads_to_what_failed() -> None:
    index = docs_index({DAY: [explained(passed=False)], DAY + timedelta(days=1): [explained()]})
    assert index.index("2026-11-14") < index.index("2026-11-13")
    assert 'href="2026-11-13.html#exposures.coach_present"' in index
    assert "No day has been checked yet" in docs_index({})
