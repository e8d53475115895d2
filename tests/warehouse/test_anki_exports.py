"""Real exports of one student through the real landing and the real models, in whatever order they arrive."""

import json
import random
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pipeline.worlds import EXAMPLE, PLAN, ROOT, toml_of

from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.ingest.anki_export import NO_WAL
from pacer_pipelines.orchestration.anki_uploads import land_anki
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.ingestion import (
    SourceReport,
    land_card_reviews,
    land_exposures,
    land_feedback,
    land_plans,
    land_roster,
)
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource

FILES = ROOT / "tests" / "fixtures" / "anki"
TRUTH = json.loads((FILES / "truth.json").read_text())["students"]["stuA"]
ANSWERS = {review["id"]: review["log_id"] for review in TRUTH["reviews"]}
EXPORTS = sorted(path.name for path in FILES.glob("stuA_*"))


class Uploads:
    """A world with an upload folder of one student, and what its landing and staging say."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(EXAMPLE / "flags", folder / "flags")
        shutil.copy(EXAMPLE / "flags" / "v2.json", folder / "pacer.flagd.json")
        (folder / "experiments").mkdir()
        shutil.copy(PLAN, folder / "experiments")
        settings = {
            "home": "home", "experiments": "experiments", "flag_file": "pacer.flagd.json", "synthetic": True,
            "sources": {"anki": "anki", "roster": "roster.csv"},
        }  # fmt: skip
        (folder / "pacer.toml").write_text(toml_of(settings))
        (folder / "roster.csv").write_text("student_id\nstuA\n")
        self.folder, self.inbox = folder, folder / "anki" / "stuA"
        self.inbox.mkdir(parents=True)
        self.resource = WorldResource(config_file=str(folder / "pacer.toml"))

    def deliver(self, name: str, data: bytes) -> tuple[SourceReport, SourceReport]:
        """Upload a file and land it; gives the reports of reviews and links."""
        (self.inbox / name).write_bytes(data)
        reviews, links = land_anki(self.resource)
        return reviews, links

    def staged(self) -> list[dict[str, Any]]:
        """What the staging models make of it, run as plain SQL, which takes no second."""
        land_roster(self.resource)
        with duckdb.connect() as db:
            db.execute("create schema landing")
            for table in ("anki_reviews", "anki_card_links", "roster"):
                files = f"'{self.resource.home}/landing/{table}/**/*.parquet', hive_partitioning = false"
                db.execute(f"create view landing.{table} as from read_parquet({files}, union_by_name = true)")
            for model in ("roster/stg_roster", "anki/stg_anki_card_links", "anki/stg_anki_reviews"):
                sql = (DBT_PROJECT / "models" / "staging" / f"{model}.sql").read_text()
                sql = re.sub(r"{{ source\('landing', '(\w+)'\) }}", r"landing.\1", sql)
                sql = re.sub(r"{{ ref\('(\w+)'\) }}", r"\1", sql)
                db.execute(f"create view {Path(model).name} as {sql}")
            return rows_of(db, "stg_anki_reviews")


def rows_of(db: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """All rows of staged reviews in one order, without where they came from."""
    db.execute(f"select * exclude (source_file, source_line) from {table} order by review_id, anki_card_id")
    names = [column[0] for column in db.description or ()]
    return [dict(zip(names, row, strict=True)) for row in db.fetchall()]


def answers(staged: list[dict[str, Any]]) -> dict[int, int | None]:
    """Review -> judgement, of the answers."""
    return {row["review_id"]: row["log_id"] for row in staged if row["is_answer"]}


@pytest.fixture
def uploads(environment: None, tmp_path: Path) -> Uploads:
    return Uploads(tmp_path)


def deliveries() -> dict[str, bytes]:
    """Every sample, and what an earlier answer of AnkiConnect knew of the note that is deleted in all of them."""
    note = {"noteId": 1793613602844, "cards": [1793613602844], "tags": ["pacer::log::101"], "fields": {}}
    known = json.dumps({"result": [note], "error": None}).encode()
    return {name: (FILES / name).read_bytes() for name in EXPORTS} | {"before_the_deletion.json": known}


@pytest.mark.parametrize("name", ["stuA_latest.colpkg", "stuA_legacy.colpkg", "stuA_raw_collection.anki2"])
def test_a_collection_lands_and_stages_exactly_the_true_reviews(uploads, name):
    reviews, links = uploads.deliver(name, (FILES / name).read_bytes())
    # 51 answers, a set due date and a reset; 11 cards of PACER that still exist
    assert [(f.landed, f.rejected) for f in (*reviews.files, *links.files)] == [(53, 0), (11, 0)]
    # the deleted note's card is known from no delivery yet
    unlinked = {review: None if log == 101 else log for review, log in ANSWERS.items()}
    assert answers(uploads.staged()) == unlinked


def test_all_formats_together_in_any_order_and_twice_are_each_review_once_with_its_link(
    tmp_path, environment
):
    files, staged = deliveries(), []
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        uploads = Uploads(tmp_path / str(seed))
        for name in 2 * random.Random(seed).sample(sorted(files), len(files)):
            reports = uploads.deliver(name, files[name])
        assert all(file.rows_in == file.landed + file.rejected for report in reports for file in report.files)
        assert {report.problem for report in reports} == {""}
        staged.append(uploads.staged())
    assert staged[1:] == staged[:1] * 2
    assert answers(staged[0]) == ANSWERS
    assert len(staged[0]) == len(ANSWERS) + 2  # and the set due date and the reset of truth.json


def test_a_link_that_arrives_after_its_reviews_links_them(uploads):
    files = deliveries()
    uploads.deliver("a.colpkg", files["stuA_latest.colpkg"])
    assert 101 not in answers(uploads.staged()).values()
    uploads.deliver("b.json", files["before_the_deletion.json"])
    assert answers(uploads.staged()) == ANSWERS


def test_nothing_of_a_students_private_text_or_name_is_landed(uploads):
    for name, data in deliveries().items():
        uploads.deliver(name, data)
    home = uploads.resource.home
    # Parquet is packed, so what it holds is read back
    with duckdb.connect() as db:
        rows = [
            db.execute(f"select * from read_parquet('{home}/{files}', union_by_name = true)").fetchall()
            for files in (
                "landing/anki_reviews/**/*.parquet",
                "landing/anki_card_links/**/*.parquet",
                "rejects/anki_*/*",
            )
        ]
    paths = [path for path in home.rglob("*") if path.is_file()]
    written = repr(rows).encode() + b"".join(str(path).encode() + path.read_bytes() for path in paths)
    for private in ("stuA", "질문", "학생이", "그림", "deck_latest"):
        assert private.encode() not in written


def test_a_wal_file_that_comes_beside_an_unchanged_collection_is_read_with_it(uploads):
    (reviews, _) = uploads.deliver("collection.anki2", (FILES / "stuA_raw_collection.anki2").read_bytes())
    assert [list(file.warnings) for file in reviews.files] == [[NO_WAL]]
    (reviews, _) = uploads.deliver("collection.anki2-wal", b"")
    assert [list(file.warnings) for file in reviews.files] == [[NO_WAL], []]
    assert answers(uploads.staged()).keys() == ANSWERS.keys()


def test_an_upload_that_nobody_owns_is_refused_under_a_private_name(uploads):
    shutil.copy(FILES / "stuA_latest.colpkg", uploads.inbox.parent / "김민수.colpkg")
    reviews, links = land_anki(uploads.resource)
    assert [(file.rows_in, file.rejected) for file in reviews.files] == [(1, 1)]
    assert links.landed == 0
    assert "김민수" not in repr(reviews)


def test_a_student_in_another_time_zone_has_another_anki_day(uploads):
    uploads.deliver("a.colpkg", (FILES / "stuA_latest.colpkg").read_bytes())
    first = min(ANSWERS)  # truth.json: day 0 is 19:00 in Seoul of 2 November, midnight in Honolulu
    by_plan = {row["review_id"]: row["anki_date"] for row in uploads.staged()}
    (uploads.folder / "roster.csv").write_text("student_id,timezone\nstuA,Pacific/Honolulu\n")
    by_student = {row["review_id"]: row for row in uploads.staged()}
    assert (by_plan[first], by_student[first]["anki_date"]) == (date(2026, 11, 2), date(2026, 11, 1))
    assert by_student[first]["reviewed_date"] == date(2026, 11, 2)


def test_the_warehouse_stages_the_same(uploads):
    for name, data in sorted(deliveries().items(), reverse=True):
        uploads.deliver(name, data)
    for source in (land_plans, land_exposures, land_feedback, land_database, land_card_reviews, land_roster):
        source(uploads.resource)
    warehouse = Warehouse(uploads.resource.home, DBT_PROJECT)
    warehouse.build(date(2026, 11, 2), date(2026, 11, 2))
    with duckdb.connect(str(warehouse.file), read_only=True) as db:
        staged = rows_of(db, "staging.stg_anki_reviews")
    assert staged == uploads.staged()
    assert answers(staged) == ANSWERS
