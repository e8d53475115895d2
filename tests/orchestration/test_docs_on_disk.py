"""Data Docs on disk: where they lie, which pages a run writes, and how they are reached."""

from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.values import Check
from pacer_pipelines.orchestration.data_docs import docs_folder, keep, link_to, page_of, write_docs

DAY = date(2026, 11, 13)
CHECK = Check("exposures_present", "exposures", "critical", True, "7 exposures", "at least 1", "", "why")


def pages(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in docs_folder(home).glob("*")}


def test_what_is_kept_is_what_the_page_shows(tmp_path: Path) -> None:
    keep(tmp_path, DAY, [Explained(CHECK, "somebody", 7.0, low=1, suite={"meta": {"frame": "f"}}, rows=())])
    write_docs(tmp_path, [DAY])
    assert "7 exposures" in page_of(tmp_path, DAY).read_text()
    assert "2026-11-13.html" in (docs_folder(tmp_path) / "index.html").read_text()


def test_the_same_checks_give_the_same_bytes_in_whatever_order_they_come(tmp_path: Path) -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    for home, order in ((tmp_path / "a", days), (tmp_path / "b", days[::-1])):
        for number, day in enumerate(order):
            keep(home, day, [Explained(CHECK, value=float(day.day))])
            write_docs(home, [day])
            assert len(pages(home)) == number + 2
    assert pages(tmp_path / "a") == pages(tmp_path / "b")


def test_a_repaired_day_changes_the_trends_of_the_days_after_it(tmp_path: Path) -> None:
    for n in range(20):
        keep(tmp_path, DAY + timedelta(days=n), [Explained(CHECK, value=float(n))])
    write_docs(tmp_path, [DAY + timedelta(days=n) for n in range(20)])
    before = pages(tmp_path)
    keep(tmp_path, DAY, [Explained(CHECK, value=100.0)])
    write_docs(tmp_path, [DAY])
    changed = {name for name, content in pages(tmp_path).items() if before[name] != content}
    # the day itself and the 13 that show it; the index says nothing of numbers
    assert changed == {f"{DAY + timedelta(days=n)}.html" for n in range(14)}


def test_a_day_whose_checks_broke_has_a_page_too(tmp_path: Path) -> None:
    broke = Check(
        "checks_ran", "expectations", "critical", False, "no result", "a result", "broke: OSError", "why"
    )
    keep(tmp_path, DAY, [Explained(broke)])
    write_docs(tmp_path, [DAY])
    assert "broke: OSError" in page_of(tmp_path, DAY).read_text()


def test_an_address_leads_to_the_check_and_a_file_to_the_page(tmp_path: Path) -> None:
    url = "https://pacer.example.org"
    assert (
        link_to(tmp_path, url, DAY, CHECK) == f"{url}/data-docs/2026-11-13.html#exposures.exposures_present"
    )
    assert link_to(tmp_path, url, DAY) == f"{url}/data-docs/2026-11-13.html"
    assert link_to(tmp_path, None, DAY, CHECK) == str(page_of(tmp_path, DAY))
