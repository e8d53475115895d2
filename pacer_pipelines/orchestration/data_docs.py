"""The Data Docs of each day: what explains its checks is kept beside them, and its page beside the reports."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.dashboard.data_docs import DAYS_SHOWN, day_page, docs_index
from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.values import Check


def keep(home: Path, day: date, checks: Sequence[Explained]) -> None:
    """Keep what explains the checks of a day."""
    content = [one.as_dict() for one in checks]
    replace_text(_kept(home, day), json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_docs(home: Path, days: Iterable[date]) -> None:
    """Write the pages of some days, of the days whose trends show them, and the index."""
    known = {date.fromisoformat(path.stem): path for path in _folder(home).glob("*.json")}
    touched = {day + timedelta(days=later) for day in days for later in range(DAYS_SHOWN)} & known.keys()
    found = {day: _read(known[day]) for day in sorted(known)}
    for day in sorted(touched):
        before = {each: found[each] for each in found if day - timedelta(days=DAYS_SHOWN) < each < day}
        replace_text(page_of(home, day), day_page(day, found[day], before))
    if touched:
        replace_text(docs_folder(home) / "index.html", docs_index(found))


def page_of(home: Path, day: date) -> Path:
    """The page of a day."""
    return docs_folder(home) / f"{day}.html"


def docs_folder(home: Path) -> Path:
    """Where the pages lie."""
    return home / "reports" / "data-docs"


def link_to(home: Path, public_url: str | None, day: date, check: Check | None = None) -> str:
    """Where a reader finds the page of a day: an address if one is configured, else the file.

    Args:
        home: the world's home.
        public_url: where the dashboard is reachable.
        day: the day.
        check: the check to jump to; it is named only in an address.
    """
    if public_url is None:
        return str(page_of(home, day))
    return f"{public_url}/data-docs/{day}.html" + (f"#{check.source}.{check.name}" if check else "")


def _read(path: Path) -> list[Explained]:
    return [Explained.from_dict(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def _kept(home: Path, day: date) -> Path:
    return _folder(home) / f"{day}.json"


def _folder(home: Path) -> Path:
    return home / "checks" / "explained"
