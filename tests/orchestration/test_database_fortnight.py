"""The three copies of the real fortnight: what their history says, in landing and marts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pytest
import zstandard
from pacer_copies import PacerWorld, log

from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.ingest.tables import TABLES
from pacer_pipelines.orchestration.ingestion import land_plans
from pacer_pipelines.orchestration.resources import DBT_PROJECT

FORTNIGHT = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
COPIES = {8: "pacer_night06.db.zst", 12: "pacer_night10.db.zst", 17: "pacer.db.zst"}
PERSONAL = ["010-", "@", "학생", "stu0", "coach0", "https://", "<!"]


def fortnight_world(folder: Path, *days: int) -> PacerWorld:
    """The copies, delivered one after the other in the given order."""
    folder.mkdir(exist_ok=True)
    world = PacerWorld(folder)
    for day in days:
        name = COPIES[day]
        (folder / f"night{day:02}.db").unlink(missing_ok=True)
        with (FORTNIGHT / name).open("rb") as packed, (folder / f"night{day:02}.db").open("wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
        world.deliver(day)
    return world


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> PacerWorld:
    return fortnight_world(tmp_path_factory.mktemp("fortnight"), 8, 12, 17)


def test_the_history_ends_at_what_the_last_copy_says(landed):
    last = dict(landed.versions("log_id, coach_feedback"))
    with closing(sqlite3.connect(landed.folder / "night17.db")) as db:
        assert last == dict(db.execute("SELECT log_id, coach_feedback FROM llm_logs"))


def test_the_first_copy_lands_whole_and_later_ones_only_what_changed(landed):
    with closing(sqlite3.connect(landed.folder / "night08.db")) as db:
        (count,) = db.execute("SELECT count(*) FROM llm_logs").fetchone()
    assert landed.receipt(8).landed == count == 9940
    per_log = Counter(log_id for (log_id,) in landed.versions("log_id"))
    assert len(per_log) == 19_972
    assert sum(per_log.values()) == sum(landed.receipt(day).landed for day in COPIES) < 2 * 19_972


def test_a_rating_is_known_as_an_interval(landed):
    by_copy = set(landed.versions("not_before_at, observed_at"))
    night = {day: datetime(2026, 11, day, 12) for day in COPIES}
    assert by_copy == {(None, night[8]), (night[8], night[12]), (night[12], night[17])}


def test_a_submission_without_a_student_has_none_and_prefixes_stay_apart(landed):
    students = dict(landed.versions("log_id, student_key"))
    keys = landed.resource.pseudonyms
    assert {keys.student("stu0000"), keys.student("stu0000-0")} <= set(students.values())
    # truth.json, submission_api: the 'history-01' rows
    assert list(students.values()).count(None) == 173


def test_no_personal_text_lands(landed):
    for table in ("llm_logs", "anki_cards"):
        said = repr(landed.versions("*", table))
        assert not [text for text in PERSONAL if text in said]


def test_landing_again_and_landing_in_another_order_give_the_same_bytes(landed, tmp_path):
    before = landed.landed_bytes()
    landed.deliver()
    assert landed.landed_bytes() == before
    assert fortnight_world(tmp_path / "late", 17, 8, 12).landed_bytes() == before


def test_a_rating_that_changes_vanishes_and_comes_late_counts_once(tmp_path):
    """Nothing but copies: rated GOOD by the 5th, BAD by the 7th, deleted by the 9th; the copy of the 5th comes last."""
    world = PacerWorld(tmp_path)
    rated = [log(1, coach_id="c1", coach_feedback=said) for said in ("GOOD", "BAD")]
    for day, rows in ((3, [log(1)]), (5, rated[:1]), (7, rated[1:]), (9, [])):
        world.copy(day, rows)
    for days in ((3, 7), (9,), (5,)):
        world.deliver(*days)
    for table, columns in TABLES.items():
        world.resource.landing.ensure_schema(table, columns)
    land_plans(world.resource)
    warehouse = Warehouse(world.folder / "home", DBT_PROJECT)
    warehouse.build(date(2026, 11, 2), date(2026, 11, 12))
    publish(warehouse.file, warehouse.home)
    rows = Published(warehouse.home).rows("metric_sums_daily", "metric = 'good_rate'")
    sums = {row["metric_date"].day: (row["n"], row["y"]) for row in rows}
    # noon UTC is the same day in Seoul; the judgement that was deleted did happen, so its rating stays
    assert sums == {5: (1, 1), 7: (0, -1)}
