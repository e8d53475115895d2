"""Real Anki exports in every format Anki offers, compared with what the student did (truth.json)."""

import io
import json
import sqlite3
import zipfile
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest.anki_export import parse_anki_export, private_name
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import TABLES

FILES = Path(__file__).parents[1] / "fixtures" / "anki"
KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
ORIGIN = Origin("export", KEYS, ZoneInfo("Asia/Seoul"))
TRUTH = json.loads((FILES / "truth.json").read_text())["students"]["stuA"]
DELETED = 1793613602844  # truth.json, events: the note of log 101 was deleted on day 5
PACKAGES = ["stuA_deck_latest.apkg", "stuA_deck_legacy.apkg"]
COLLECTIONS = ["stuA_latest.colpkg", "stuA_legacy.colpkg", "stuA_raw_collection.anki2"]


def parse(name: str, **options):
    return parse_anki_export((FILES / name).read_bytes(), ORIGIN, "stuA", **options)


def repacked(name: str, **members: bytes | None) -> bytes:
    """A package with members replaced, or left out where None; '__' stands for '.'."""
    changes = {key.replace("__", "."): value for key, value in members.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / name) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        content = {member: old.read(member) for member in old.namelist()} | changes
        for member, data in content.items():
            if data is not None:
                new.writestr(member, data)
    return out.getvalue()


def answered(rows):
    return {
        row["review_id"]: (
            row["anki_card_id"],
            row["ease"],
            row["log_id"],
            row["interval_days"],
            row["last_interval_days"],
            row["factor"],
            row["taken_ms"],
            row["review_type"],
        )
        for row in rows
        if row["ease"] > 0
    }


def days(interval: int) -> float:
    return interval if interval >= 0 else -interval / 86_400


def true_reviews(unlinked: int | None = None, without: int | None = None):
    return {
        r["id"]: (
            r["cid"],
            r["ease"],
            None if r["cid"] == unlinked else r["log_id"],
            days(r["ivl"]),
            days(r["lastIvl"]),
            r["factor"],
            r["time"],
            r["type"],
        )
        for r in TRUTH["reviews"]
        if r["cid"] != without
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_a_deck_package_gives_the_true_reviews_but_those_of_deleted_notes(name):
    parsed = parse(name)
    assert parsed.rejects == []
    assert answered(parsed.rows) == true_reviews(without=DELETED)
    assert len(answered(parsed.rows)) == 41  # facts: 41 of 51 left


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_gives_all_true_reviews_with_orphans_of_deleted_notes(name):
    parsed = parse(name)
    assert parsed.rejects == []
    assert answered(parsed.rows) == true_reviews(unlinked=DELETED)
    assert len(answered(parsed.rows)) == 51


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_an_earlier_export_knew_links_the_orphans(name):
    assert answered(parse(name, known_links={DELETED: 101}).rows) == true_reviews()


@pytest.mark.parametrize("name", PACKAGES + COLLECTIONS)
def test_every_row_has_the_columns_of_its_table_and_the_student_of_the_folder(name):
    names = {column.name for column in TABLES["anki_reviews"]}
    rows = parse(name).rows
    assert all(row.keys() == names for row in rows)
    assert {row["student_key"] for row in rows} == {KEYS.student("stuA")}


def test_a_reset_and_a_set_due_date_are_kept_but_are_not_answers():
    others = [row for row in parse("stuA_latest.colpkg").rows if row["ease"] == 0]
    assert [(row["review_type"], row["anki_card_id"]) for row in others] == [(4, 1793613602843), (4, DELETED)]


def test_a_review_at_half_past_one_counts_for_the_evening_before():
    # sessions of truth.json: day 1 at 21:30 and day 2 at 01:30 in Seoul fall on one Anki day
    by_id = {row["review_id"]: row["reviewed_date"] for row in parse("stuA_latest.colpkg").rows}
    sessions = {r["day"]: by_id[r["id"]] for r in TRUTH["reviews"]}
    assert [sessions[day] for day in range(6)] == [date(2026, 11, d) for d in (2, 3, 3, 5, 7, 9)]


@pytest.mark.parametrize("name", ["stuA_deck_latest_nosched.apkg", "stuA_deck_legacy_nosched.apkg"])
def test_an_export_without_scheduling_tells_which_box_to_tick(name):
    parsed = parse(name)
    assert (parsed.rows_in, parsed.rows) == (1, [])
    assert parsed.rejects[0].reason == "export without reviews"
    assert "'Include scheduling information'" in parsed.rejects[0].detail


def test_the_dummy_collection_is_never_read():
    data = repacked("stuA_deck_latest.apkg", collection__anki21b=None)
    (reject,) = parse_anki_export(data, ORIGIN, "stuA").rejects
    assert reject.detail == "collection.anki21b is not inside"


def test_a_very_old_package_without_meta_is_read():
    with zipfile.ZipFile(FILES / "stuA_deck_legacy.apkg") as package:
        image = package.read("collection.anki21")
    data = repacked("stuA_deck_legacy.apkg", meta=None, collection__anki21=None, collection__anki2=image)
    assert answered(parse_anki_export(data, ORIGIN, "stuA").rows) == true_reviews(without=DELETED)


def edited(*statements: str) -> bytes:
    """The legacy collection after some edits."""
    with zipfile.ZipFile(FILES / "stuA_legacy.colpkg") as package:
        image = package.read("collection.anki21")
    db = sqlite3.connect(":memory:")
    db.deserialize(image)
    for statement in statements:
        db.execute(statement)
    db.commit()
    image = db.serialize()
    db.close()
    return image


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE notes SET guid = 'pacer-7', tags = ' pacer::log::8 '"], 100),
        (["UPDATE notes SET flds = 'q', guid = 'pacer-7', tags = ' pacer::log::8 '"], 7),
        (["UPDATE notes SET flds = 'q', guid = 'xyz', tags = ' a pacer::log::8 '"], 8),
        (["UPDATE notes SET flds = 'pacer:9', guid = 'xyz', tags = ''"], None),
    ],
    ids=["hidden field wins", "then the guid", "then the tag", "a typed pacer:9 is no link"],
)
def test_the_strongest_link_wins(statements, expected):
    rows = parse_anki_export(edited(*statements), ORIGIN, "stuA").rows
    assert {row["log_id"] for row in rows if row["anki_card_id"] == 1793613602843} == {expected}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE revlog SET ease = 9 WHERE id = 1793613602862", "out of range"),
        ("UPDATE revlog SET ivl = 'x' WHERE id = 1793613602862", "wrong type"),
        ("UPDATE revlog SET id = 5 WHERE id = 1793613602862", "out of range"),
        ("UPDATE revlog SET id = 9e18 WHERE id = 1793613602862", "out of range"),
    ],
)
def test_one_bad_review_is_refused_and_the_others_land(statement, reason):
    parsed = parse_anki_export(edited(statement), ORIGIN, "stuA")
    assert ([r.reason for r in parsed.rejects], len(parsed.rows)) == ([reason], 52)


def test_reviews_still_in_the_wal_file_are_found_when_it_comes_along(tmp_path):
    live = tmp_path / "collection.anki2"
    live.write_bytes(edited("DELETE FROM revlog"))
    db = sqlite3.connect(live)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO revlog VALUES (1793613602862, 1793613602843, -1, 3, -600, 0, 0, 8000, 0)")
    db.commit()
    data, wal = live.read_bytes(), live.with_name("collection.anki2-wal").read_bytes()
    db.close()
    assert parse_anki_export(data, ORIGIN, "stuA").rejects[0].reason == "export without reviews"
    assert [row["log_id"] for row in parse_anki_export(data, ORIGIN, "stuA", wal=wal).rows] == [100]


LATEST = (FILES / "stuA_deck_latest.apkg").read_bytes()
UNUSABLE = {
    "empty": (b"", "not an Anki export"),
    "a picture": (b"\x89PNG" + b"x" * 500, "not an Anki export"),
    "upload cut in half": (LATEST[: len(LATEST) // 2], "not an Anki export"),
    "newer Anki": (repacked("stuA_deck_latest.apkg", meta=b"\x08\x04"), "unknown Anki export version"),
    "zstd cut": (
        repacked("stuA_deck_latest.apkg", collection__anki21b=b"\x28\xb5\x2f\xfd"),
        "damaged Anki export",
    ),
    "not zstd": (repacked("stuA_deck_latest.apkg", collection__anki21b=b"hello"), "damaged Anki export"),
    "another database": (
        repacked("stuA_deck_legacy.apkg", collection__anki21=b"SQLite format 3\x00" + b"y" * 4096),
        "damaged Anki export",
    ),
    "no review log": (edited("DROP TABLE revlog"), "damaged Anki export"),
    "a view as review log": (
        edited("DROP TABLE revlog", "CREATE VIEW revlog AS SELECT 1 AS id"),
        "damaged Anki export",
    ),
    "broken models": (edited("UPDATE col SET models = '[]'"), "damaged Anki export"),
}


@pytest.mark.parametrize(("data", "reason"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_file_is_one_reject_with_its_reason(data, reason):
    parsed = parse_anki_export(data, ORIGIN, "stuA")
    assert (parsed.rows_in, [(r.line, r.reason) for r in parsed.rejects]) == (1, [(0, reason)])


@pytest.mark.parametrize("name", PACKAGES)
def test_a_file_that_unpacks_beyond_the_cap_is_refused(name):
    assert parse(name, cap=100_000).rejects[0].reason == "Anki export too large"


def test_an_upload_is_named_after_neither_the_student_nor_the_file():
    student, shown = private_name("stu0042/김민수 deck.APKG", KEYS)
    assert student == "stu0042"
    assert shown == f"{KEYS.student('stu0042')}/{KEYS.file('김민수 deck.APKG')}.apkg"


def test_an_upload_outside_a_students_folder_is_refused():
    with pytest.raises(ValueError, match="folder named after its student"):
        private_name("deck.apkg", KEYS)
