"""A deletion that is killed at any point is finished by the next one; what it touches outside the tables."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import zstandard
from pipeline.worlds import World, dated_database, log_sources

from pacer_pipelines.adapters.deletions import Traces, under_way
from pacer_pipelines.adapters.scrubbing import cut_evidence, scrub
from pacer_pipelines.adapters.watch_store import open_store
from pacer_pipelines.config import SYNTHETIC_KEY
from pacer_pipelines.ingest.forgotten import LINKS, OWNERS
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.tables import TABLES
from pacer_pipelines.orchestration import forgetting, ingestion
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.resources import WorldResource

STUDENT = "stu0182"
KEY = Pseudonyms(SYNTHETIC_KEY).student(STUDENT)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def landed(new_world: Callable[..., World]) -> World:
    """A few lines of one student and some others, landed; nothing is built."""
    world = new_world(sources={**log_sources(), "database": []})
    for name in ("exposures.jsonl.gz", "feedback_events.jsonl.gz", "card_reviews.jsonl.gz"):
        world.edit_lines(
            name, lambda lines: [*lines[:40], *[line for line in lines if STUDENT.encode() in line][:3]]
        )
    resource = WorldResource(config_file=str(world.config))
    for land in (
        ingestion.land_exposures,
        ingestion.land_feedback,
        ingestion.land_card_reviews,
        ingestion.land_roster,
    ):
        land(resource)
    return world


def copy_of(world: World, folder: Path) -> WorldResource:
    shutil.copytree(world.folder, folder)
    return WorldResource(config_file=str(folder / "pacer.toml"))


def content(home: Path) -> dict[str, str]:
    """Hash of each file that a deletion leaves, but for the report, which has its time."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.match("forgotten/20*.json")
    }


def test_killed_before_any_step_it_is_finished_by_whoever_comes_next(
    landed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file that is put in place or removed is such a step; they are found by counting."""
    whole = copy_of(landed, tmp_path / "whole")
    report, _ = forgetting.forget(whole, [STUDENT])
    wanted, rows, at, kills = content(whole.home), report.rows, 0, 0
    while True:
        at += 1
        resource = copy_of(landed, tmp_path / f"killed-{at}")
        with monkeypatch.context() as patch:
            steps = dying_at(at, patch)
            try:
                forgetting.forget(resource, [STUDENT])
            except Killed:
                kills += 1
        if steps[0] < at:
            break
        begun = under_way(resource.home) is not None
        done = forgetting.finish_begun(resource)
        assert (done is not None) == begun
        if done is None:
            # killed before the deletion was on disk, or after its report was
            forgetting.forget(resource, [STUDENT])
        else:
            # the report of the one who finishes counts what the one who was killed had removed
            assert done[0].rows == rows, at
        assert content(resource.home) == wanted, at
    assert kills > 10


def dying_at(number: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Count the files that are put in place or removed, and die before one of them."""
    count = [0]

    def guarded(name: str) -> Callable[..., object]:
        real = getattr(Path, name)

        def step(self: Path, *arguments: object, **named: object) -> object:
            if "/home/" in str(self):
                count[0] += 1
                if count[0] == number:
                    raise Killed
            return real(self, *arguments, **named)

        return step

    for name in ("replace", "unlink"):
        patch.setattr(Path, name, guarded(name))
    return count


def test_what_lands_after_a_deletion_is_what_would_have_been_left(landed: World, tmp_path: Path) -> None:
    """The landing stays a function of what was delivered and of who is forgotten: byte for byte."""
    first, other = copy_of(landed, tmp_path / "first"), copy_of(landed, tmp_path / "other")
    forgetting.forget(first, [STUDENT])
    forgetting.forget(other, [STUDENT])
    for folder in ("landing", "rejects"):
        shutil.rmtree(other.home / folder, ignore_errors=True)
    for land in (
        ingestion.land_exposures,
        ingestion.land_feedback,
        ingestion.land_card_reviews,
        ingestion.land_roster,
    ):
        land(other)
    assert content(other.home / "landing") == content(first.home / "landing")


def test_a_rating_that_comes_later_of_a_call_that_comes_later_finds_nobody(
    landed: World, tmp_path: Path
) -> None:
    """Its log id is in no list yet: the dropped call teaches it."""
    resource = copy_of(landed, tmp_path / "later")
    world = World(tmp_path / "later")
    forgetting.forget(resource, [STUDENT])
    call = next(
        json.loads(line)
        for line in gzip.decompress(world.exposure_log.read_bytes()).splitlines()
        if STUDENT.encode() in line
    )
    new = {**call, "exposure_id": "11111111-1111-4111-8111-111111111111", "log_id": 987_654}
    world.edit_lines("exposures.jsonl.gz", lambda lines: [*lines, json.dumps(new).encode()])
    rating = {"ts": new["ts"], "log_id": 987_654, "feedback": "GOOD", "coach_id": "coach01"}
    world.edit_lines("feedback_events.jsonl.gz", lambda lines: [*lines, json.dumps(rating).encode()])
    before = {table: world.ledger(table)[0]["forgotten"] for table in ("exposures", "feedback_events")}
    ingestion.land_exposures(resource)
    ingestion.land_feedback(resource)
    for table, forgotten in before.items():
        assert world.ledger(table)[0]["forgotten"] == forgotten + 1, table


def test_the_next_copy_of_the_database_brings_nobody_back(
    new_world: Callable[..., World],
) -> None:
    """PACER still has the student: each copy counts the rows again, as forgotten, and the rest as unchanged."""
    world = new_world(sources={"database": dated_database()})
    resource = WorldResource(config_file=str(world.config))
    land_database(resource)
    (before,) = world.ledger("llm_logs")
    done, _ = forgetting.forget(resource, [STUDENT])
    theirs = done.rows["llm_logs"]
    assert theirs > 0
    text = world.config.read_text(encoding="utf-8")
    world.config.write_text(text.replace("2026-11-21", "2026-11-22"), encoding="utf-8")
    land_database(WorldResource(config_file=str(world.config)))
    _, after = world.ledger("llm_logs")
    assert (after["landed"], after["forgotten"]) == (0, theirs)
    assert after["warnings"]["unchanged since the copy before"] == before["landed"] - theirs


def test_every_landed_table_can_be_searched_for_a_student() -> None:
    for table, columns in TABLES.items():
        assert {column.name for column in columns} & {*OWNERS, *LINKS}, table


def test_the_watch_forgets_too(landed: World, tmp_path: Path) -> None:
    resource = copy_of(landed, tmp_path / "watched")
    row = {
        "experiment_id": "exp", "exposure_id": "e", "exposed_date": date(2026, 11, 2), "flag_variant": "B",
        "exposed_at": resource.now(), "log_id": 1, "error_type": None, "latency_ms": 1.0, "flag_version": "1",
    }  # fmt: skip
    with open_store(resource.home) as store:
        theirs, others = {**row, "unit_key": KEY}, {**row, "exposure_id": "f", "unit_key": "k1_b"}
        store.add_exposures([(theirs, False), (others, False)])
    memory = resource.home / "state" / "watch.db"
    assert KEY.encode() in memory.read_bytes()
    report, _ = forgetting.forget(resource, [STUDENT])
    assert report.removed["rows of the watch"] == 1
    assert KEY.encode() not in memory.read_bytes()
    assert b"k1_b" in memory.read_bytes()


def test_records_of_runs_are_scrubbed_in_rows_and_in_free_pages(tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    path = tmp_path / "dagster" / "runs.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table events (id integer, event text)")
        db.executemany(
            "insert into events values (?, ?)", [(n, f'{{"file": "{KEY}/x"}}') for n in range(500)]
        )
        db.execute("delete from events where id > 250")
    (tmp_path / "dagster" / "run.log").write_text(f"cannot read {KEY}/x.apkg")
    assert scrub(tmp_path, (KEY,)) == 2
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("select distinct event from events").fetchall() == [('{"file": "forgotten/x"}',)]


def test_records_that_somebody_has_open_stay_whole(tmp_path: Path) -> None:
    """Dagster's page keeps its files open, with the newest rows in a write-ahead log beside them."""
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as page:
        page.execute("pragma journal_mode = wal")
        page.execute("create table events (event text)")
        page.execute("insert into events values (?)", (f"cannot read {KEY}",))
        assert KEY.encode() in (tmp_path / "runs.db-wal").read_bytes()
        assert scrub(tmp_path, (KEY,)) == 1
        assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.iterdir())
        assert page.execute("select event from events").fetchall() == [("cannot read forgotten",)]
        assert page.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_evidence_of_a_verdict_loses_the_student_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "verdicts" / "slug" / "2026-11-02"
    folder.mkdir(parents=True)
    path = folder / "0123456789abcdef.made_of.json.zst"
    rows = {
        "students": [
            ["1", "c", KEY, "good_rate", "control", 1, 1],
            ["1", "c", "k1_b", "good_rate", "control", 1, 1],
        ]
    }
    path.write_bytes(zstandard.ZstdCompressor().compress(json.dumps({"rows": rows}).encode()))
    assert cut_evidence(tmp_path, Traces((KEY,)), "2026-11-20") == ("0123456789abcdef",)
    left = json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))
    assert [row[2] for row in left["rows"]["students"]] == ["k1_b"]
    assert left["cut_at"] == "2026-11-20"
    assert cut_evidence(tmp_path, Traces((KEY,)), "2026-11-21") == ()


def retained(resource: WorldResource, monkeypatch: pytest.MonkeyPatch, today: date) -> WorldResource:
    """The same world with 30 days of retention, on a day."""
    config = Path(resource.config_file)
    text = config.read_text(encoding="utf-8")
    config.write_text(f"{text}\n[retention]\nlanding_days = 30\n", encoding="utf-8")
    monkeypatch.setattr(WorldResource, "today", lambda _: today)
    return WorldResource(config_file=str(config))


def test_what_is_too_old_goes_and_does_not_land_again(
    landed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan's 42 days end on 13 December; on 3 February nobody needs 2 November any more."""
    resource = retained(copy_of(landed, tmp_path / "old"), monkeypatch, date(2027, 2, 3))
    world = World(tmp_path / "old")
    before = world.ledger("exposures")[0]
    done = forgetting.retain(resource)
    assert done is not None
    assert done[0].rows["exposures"] == before["landed"]
    assert not list((resource.home / "landing" / "exposures").glob("day=*/*.parquet"))
    world.edit_lines("exposures.jsonl.gz", lambda lines: [*lines, b"not json"])
    ingestion.land_exposures(resource)
    after = world.ledger("exposures")[0]
    assert (after["landed"], after["rejected"], after["forgotten"]) == (
        0,
        before["rejected"] + 1,
        before["landed"],
    )
    assert forgetting.retain(resource) is None


@pytest.mark.parametrize(
    ("today", "first"), [(date(2027, 1, 20), date(2026, 11, 2)), (date(2027, 1, 21), date(2026, 12, 22))]
)
def test_a_running_experiment_keeps_its_days(
    landed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, today: date, first: date
) -> None:
    """38 days after its last day, 13 December, ratings and reviews of it are over."""
    resource = retained(copy_of(landed, tmp_path / "running"), monkeypatch, today)
    assert forgetting.expired_before(resource) == first


def test_without_a_setting_everything_is_kept(landed: World, tmp_path: Path) -> None:
    resource = copy_of(landed, tmp_path / "kept")
    assert forgetting.expired_before(resource) is None
    refused = World(tmp_path / "kept").pacer("retain")
    assert refused.exit_code == 2
    assert "landing_days is not set" in refused.output
