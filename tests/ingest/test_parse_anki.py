"""Real Anki exports in every format Anki offers, compared with what the student did (truth.json)."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from anki_samples import (
    COLLECTIONS,
    DELETED,
    KEYS,
    PACKAGES,
    STUDENT,
    TRUTH,
    answered,
    content,
    edited,
    legacy,
    links,
    parsed,
    reason,
    repacked,
    true_links,
    true_reviews,
)

from pacer_pipelines.ingest.anki_export import NO_WAL, private_name
from pacer_pipelines.ingest.anki_rows import LEFT_OUT, Student
from pacer_pipelines.ingest.tables import TABLES

KNOWN = "stuA_ankiconnect_cardReviews.json"
FOREIGN = 1793709002843  # truth.json: the student's own card, log_id null


@pytest.mark.parametrize("name", PACKAGES)
def test_a_deck_package_gives_the_true_reviews_but_those_of_deleted_notes(name):
    export = parsed(content(name))
    assert (export.reviews.rejects, export.links.rejects) == ([], [])
    assert answered(export) == true_reviews(without=DELETED)
    assert len(answered(export)) == 41  # facts: 41 of 51 left
    assert links(export) == true_links()


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_gives_all_true_reviews_with_orphans_of_deleted_notes(name):
    export = parsed(content(name))
    assert (export.reviews.rejects, export.links.rejects) == ([], [])
    assert answered(export) == true_reviews()
    assert len(answered(export)) == 51
    assert links(export) == true_links()


def very_old() -> bytes:
    """As Anki wrote before there was a `meta`: only collection.anki2, of schema 11."""
    return repacked("stuA_legacy.colpkg", meta=None, collection__anki21=None, collection__anki2=legacy())


def old() -> bytes:
    """As Anki 2.1 wrote at first: no `meta`, collection.anki21 and the dummy."""
    return repacked("stuA_legacy.colpkg", meta=None)


def very_old_with_meta() -> bytes:
    return repacked(
        "stuA_legacy.colpkg", meta=b"\x08\x01", collection__anki21=None, collection__anki2=legacy()
    )


@pytest.mark.parametrize("package", [very_old, old, very_old_with_meta])
def test_a_package_of_an_old_anki_is_read(package):
    export = parsed(package())
    assert answered(export) == true_reviews()
    assert links(export) == true_links()


@pytest.mark.parametrize("name", PACKAGES + COLLECTIONS + [KNOWN])
def test_every_row_has_the_columns_of_its_table_and_the_student_of_the_folder(name):
    export = parsed(content(name))
    for table, rows in (("anki_reviews", export.reviews.rows), ("anki_card_links", export.links.rows)):
        names = {column.name for column in TABLES[table]}
        assert all(row.keys() == names for row in rows)
        assert {row["student_key"] for row in rows} <= {KEYS.student("stuA")}


def test_a_reset_and_a_set_due_date_are_kept_but_are_not_answers():
    rows = [row for row in parsed(content("stuA_latest.colpkg")).reviews.rows if row["ease"] == 0]
    expected = [row for event in TRUTH["events"][:3] for row in event.get("revlog_rows", [])]
    assert [(row["review_id"], row["anki_card_id"], row["review_type"]) for row in rows] == [
        (review, card, kind) for review, card, *_, kind in expected
    ]


def test_an_undone_review_is_in_no_export():
    undone = next(event["id"] for event in TRUTH["events"] if "undone" in event["what"])
    for name in PACKAGES + COLLECTIONS:
        assert undone not in {row["review_id"] for row in parsed(content(name)).reviews.rows}


def test_a_link_survives_the_tag_that_the_student_removed():
    # truth.json, events: the tag of log 103 is gone since day 3; its field and guid are not
    export = parsed(content("stuA_latest.colpkg"))
    assert [row["how"] for row in export.links.rows if row["log_id"] == 103] == ["field"]


@pytest.mark.parametrize("name", ["stuA_deck_latest_nosched.apkg", "stuA_deck_legacy_nosched.apkg"])
def test_an_export_without_scheduling_tells_which_box_to_tick_and_still_links_its_cards(name):
    export = parsed(content(name))
    assert (export.reviews.rows_in, export.reviews.rows) == (1, [])
    assert export.reviews.rejects[0].reason == "export without reviews"
    assert "'Include scheduling information'" in export.reviews.rejects[0].detail
    assert links(export) == true_links()


def test_a_collection_without_any_card_of_pacer_says_so():
    bare = edited("UPDATE notes SET guid = 'x' || id, flds = 'a', tags = ''")
    export = parsed(bare)
    assert len(answered(export)) == 51
    assert [r.reason for r in export.links.rejects] == ["no PACER card inside"]


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"collection__anki21b": None}, "collection.anki21b is not inside"),
        ({"meta": b"\x08\x01"}, "meta names collection.anki2 beside collection.anki21b"),
        ({"meta": b"\x08\x02"}, "meta names collection.anki21 beside collection.anki21b"),
        ({"meta": None}, "meta is not inside"),
    ],
    ids=["member missing", "meta says very old", "meta says legacy", "meta missing"],
)
def test_the_dummy_collection_is_never_read(changes, detail):
    export = parsed(repacked("stuA_deck_latest.apkg", **changes))
    assert reason(export) == "damaged Anki export"
    assert export.reviews.rejects[0].detail == detail


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE notes SET guid = 'pacer-7', tags = ' pacer::log::8 '"], (100, "field")),
        (["UPDATE notes SET flds = 'q', guid = 'pacer-7', tags = ' pacer::log::8 '"], (7, "guid")),
        (["UPDATE notes SET flds = 'q', guid = 'xyz', tags = ' a pacer::log::8 '"], (8, "tag")),
        (["UPDATE notes SET flds = 'pacer:9', guid = 'xyz', tags = ''"], None),
    ],
    ids=["hidden field wins", "then the guid", "then the tag", "a typed pacer:9 is no link"],
)
def test_the_strongest_link_wins(statements, expected):
    rows = parsed(edited(*statements)).links.rows
    found = [(row["log_id"], row["how"]) for row in rows if row["anki_card_id"] == 1793613602843]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE revlog SET ease = 9 WHERE id = 1793613602862", "out of range"),
        ("UPDATE revlog SET ivl = 'x' WHERE id = 1793613602862", "wrong type"),
        ("UPDATE revlog SET id = 5 WHERE id = 1793613602862", "out of range"),
        ("UPDATE revlog SET id = 9e18 WHERE id = 1793613602862", "out of range"),
    ],
)
def test_one_bad_review_is_refused_and_the_others_land(statement, why):
    reviews = parsed(edited(statement)).reviews
    assert ([r.reason for r in reviews.rejects], len(reviews.rows)) == ([why], 52)


def test_a_note_in_another_encoding_costs_no_review():
    export = parsed(edited("UPDATE notes SET flds = CAST(x'b0ed00c3' AS TEXT) WHERE id = 1793613602841"))
    assert (answered(export), links(export)) == (true_reviews(), true_links())  # its guid still links it


def test_private_study_from_before_every_experiment_does_not_land():
    # day 0 of truth.json, 2 November, has nine reviews, all of PACER's cards; one of them is of the deleted card,
    # which this export cannot link
    since = datetime(2026, 11, 3)
    export = parsed(content("stuA_latest.colpkg"), student=Student(STUDENT.key, since))
    before = [r for r in TRUTH["reviews"] if datetime.fromtimestamp(r["id"] / 1000, ZoneInfo("UTC")).day < 3]
    gone = {r["id"] for r in before if r["cid"] == DELETED}
    assert true_reviews().keys() - answered(export).keys() == gone
    assert export.reviews.warnings == {LEFT_OUT: len(gone)}
    late = parsed(content("stuA_latest.colpkg"), student=Student(STUDENT.key, datetime(2026, 11, 30)))
    assert FOREIGN not in {row["anki_card_id"] for row in late.reviews.rows}
    assert {row["anki_card_id"] for row in late.reviews.rows} <= true_links().keys()


def anki_days(data: bytes, **options) -> list[date]:
    """The Anki days of the six sessions of truth.json."""
    by_id = {row["review_id"]: row["reviewed_date"] for row in parsed(data, **options).reviews.rows}
    sessions = {r["day"]: by_id[r["id"]] for r in TRUTH["reviews"]}
    return [sessions[day] for day in range(6)]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_review_at_half_past_one_counts_for_the_evening_before(name):
    # sessions of truth.json: day 1 at 21:30 and day 2 at 01:30 in Seoul fall on one Anki day
    assert anki_days(content(name)) == [date(2026, 11, d) for d in (2, 3, 3, 5, 7, 9)]


def latest() -> bytes:
    return content("stuA_raw_collection.anki2")


@pytest.mark.parametrize(
    ("image", "midnight"),
    [
        (legacy, "UPDATE col SET conf = json_set(conf, '$.rollover', 1)"),
        (latest, "UPDATE config SET val = CAST('1' AS BLOB) WHERE KEY = 'rollover'"),
    ],
)
def test_the_hour_at_which_a_day_begins_is_the_collections_own(image, midnight):
    # the day begins at 01:00 here, so the session of 01:30 is of the new day
    export = edited(midnight, image=image())
    assert anki_days(export) == [date(2026, 11, d) for d in (2, 3, 4, 5, 7, 9)]
    assert {row["rollover_hour"] for row in parsed(export).reviews.rows} == {1}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM config WHERE KEY = 'rollover'",
        "UPDATE config SET val = CAST('\"4\"' AS BLOB)",
        "UPDATE config SET val = CAST('44' AS BLOB)",
        "UPDATE config SET val = x'ff00'",
        "DROP TABLE config",
    ],
)
def test_without_a_usable_hour_a_day_begins_at_four(statement):
    export = edited(statement, image=latest())
    assert anki_days(export) == [date(2026, 11, d) for d in (2, 3, 3, 5, 7, 9)]
    assert {row["rollover_hour"] for row in parsed(export).reviews.rows} == {None}


LATEST = content("stuA_deck_latest.apkg")
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
    "broken models": (edited("UPDATE col SET models = '[]'"), "damaged Anki export"),
    "no collection row": (edited("DELETE FROM col"), "damaged Anki export"),
}


@pytest.mark.parametrize(("data", "why"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_file_is_one_reject_with_its_reason(data, why):
    assert reason(parsed(data)) == why


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("stuA_notes.csv", "a list of notes, without card ids and reviews"),
        ("stuA_research.revlog", "Anki's research export"),
    ],
)
def test_a_file_that_is_no_export_of_a_deck_is_told_what_it_is_and_what_to_send(file, says):
    export = parsed(content(file), name=f"k1_x/k1_y{Path(file).suffix}")
    assert reason(export) == "not an Anki export"
    assert says in export.reviews.rejects[0].detail
    assert "'Include scheduling information'" in export.reviews.rejects[0].detail


@pytest.mark.parametrize("name", PACKAGES)
def test_a_file_that_unpacks_beyond_the_cap_is_refused(name):
    assert reason(parsed(content(name), cap=100_000)) == "Anki export too large"


def test_an_upload_is_named_after_neither_the_student_nor_the_file():
    student, shown = private_name("stu0042/김민수 deck.APKG", KEYS)
    assert student == "stu0042"
    assert shown == f"{KEYS.student('stu0042')}/{KEYS.file('김민수 deck.APKG')}.apkg"


def test_an_upload_outside_a_students_folder_is_refused():
    with pytest.raises(ValueError, match="folder named after its student"):
        private_name("deck.apkg", KEYS)


def test_only_a_bare_collection_without_its_wal_is_read_with_a_word():
    warned = {name for name in PACKAGES + COLLECTIONS if NO_WAL in parsed(content(name)).reviews.warnings}
    assert warned == {"stuA_raw_collection.anki2"}
