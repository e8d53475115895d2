"""Students are minors: nothing that names one of them, or a coach, may be in anything that a run writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from .privacy_scan import SHAPES, Secrets, leaks, secrets_of
from .worlds import LAST, SLUG, RanFortnight


@pytest.fixture(scope="module")
def secrets(fortnight: RanFortnight) -> Secrets:
    return secrets_of(fortnight.world.folder)


def test_everything_personal_of_the_input_is_known(secrets: Secrets) -> None:
    """Counts from truth.json and the facts about PACER's free text."""
    assert len(secrets["student"]) >= 480
    assert len(secrets["coach"]) == 24
    assert len(secrets["name"]) == 480
    assert len(secrets["memo"]) > 250
    assert len(secrets["phone"]) > 50
    assert secrets["mail"] == {"kim@example.com"}
    for kind, shape in SHAPES.items():
        assert [value for value in secrets[kind] if not shape.fullmatch(value)] == []


def test_nothing_personal_is_written(fortnight: RanFortnight, secrets: Secrets) -> None:
    """Landing, rejects, ledger, warehouse, published tables, checks, verdicts, outbox, pages, and all logs."""
    home = fortnight.world.home
    for must_be_there in (
        "landing/exposures", "landing/_ledger", "rejects", "warehouse.duckdb", "published", "checks", "verdicts",
        f"outbox/{SLUG}-{LAST}.txt", f"reports/{SLUG}.html", "dagster/history/runs.db", "dbt/logs/dbt.log", "state",
    ):  # fmt: skip
        assert (home / must_be_there).exists(), must_be_there
    assert leaks(home, secrets) == []


def test_nothing_personal_is_printed(fortnight: RanFortnight, secrets: Secrets) -> None:
    assert secrets.pattern().search(fortnight.result.output) is None


def test_the_search_finds_what_is_planted(tmp_path: Path, secrets: Secrets) -> None:
    """A search that cannot find proves nothing: one of each kind, in each kind of file."""
    home = tmp_path / "home"
    (home / "stu0123-4").mkdir(parents=True)
    memo = next(memo for memo in sorted(secrets["memo"]) if memo.startswith("답안 사진"))
    name, phone = min(secrets["name"]), min(secrets["phone"])
    (home / "log.txt").write_text(f"x{memo}y {phone} kim@example.com", encoding="utf-8")
    (home / "event.json").write_text('"' + name.encode("ascii", "backslashreplace").decode() + '"')
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("create table t as select 'sent by coach05-x' as remark")
        db.execute(f"copy (select 'stu0042' as a from range(9000)) to '{home}/part.parquet'")
    found = leaks(home, secrets)
    for where, what in (
        ("name of stu0123-4", "stu0123-4"), ("log.txt", memo), ("log.txt", phone), ("log.txt", "kim@example.com"),
        ("event.json", name), ("warehouse.duckdb main.t", "coach05"), ("part.parquet", "stu0042"),
    ):  # fmt: skip
        assert f"{where}: {what}" in found, found
    shutil.rmtree(home)
