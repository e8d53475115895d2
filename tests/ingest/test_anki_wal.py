"""A collection copied while Anki was open: its newest reviews are in the `-wal` file beside it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from anki_samples import answered, content, edited, legacy, links, parsed, reason, true_links, true_reviews

from pacer_pipelines.ingest.anki_export import NO_WAL

REVIEW = "INSERT INTO revlog VALUES ({}, 1793613602843, -1, 3, -600, 0, 0, 8000, 0)"
MANY = "INSERT INTO revlog SELECT 1794300000000 + value, 1, -1, 3, 1, 1, 2500, 1, 1 FROM json_each('{}')"
FIRST = 1793613602862


def live(folder: Path, image: bytes, *transactions: str) -> tuple[bytes, bytes]:
    """What lies in a profile while Anki is open: the collection, and its log of these transactions."""
    folder.mkdir(exist_ok=True)
    path = folder / "collection.anki2"
    path.write_bytes(image)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.create_collation("unicase", lambda a, b: (a > b) - (a < b))
        db.execute("PRAGMA journal_mode = WAL")
        for transaction in transactions:
            db.execute(transaction)
        return path.read_bytes(), path.with_name("collection.anki2-wal").read_bytes()


def query(image: bytes, sql: str) -> str:
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(image)
        return db.execute(sql).fetchone()[0]


@pytest.fixture
def emptied() -> bytes:
    return edited("DELETE FROM revlog")


@pytest.fixture
def four(tmp_path, emptied) -> tuple[bytes, bytes]:
    """Four answers that are only in the log (facts: a live copy without it has 0 of 4)."""
    return live(tmp_path / "live", emptied, *(REVIEW.format(FIRST + n) for n in range(4)))


def test_reviews_still_in_the_wal_file_are_found_when_it_comes_along(four):
    export = parsed(four[0], wal=four[1])
    assert [row["review_id"] - FIRST for row in export.reviews.rows] == [0, 1, 2, 3]
    assert export.reviews.warnings == {}
    assert links(export) == true_links()


def test_without_its_wal_file_a_collection_without_reviews_says_why(four):
    (reject,) = parsed(four[0]).reviews.rejects
    assert reject.reason == "export without reviews"
    assert "close Anki and export a .colpkg" in reject.detail


def test_without_its_wal_file_the_older_reviews_are_read_with_a_word(tmp_path):
    collection, _ = live(tmp_path, legacy(), REVIEW.format(1794300000000))
    export = parsed(collection)
    assert (answered(export), export.reviews.warnings) == (true_reviews(), {NO_WAL: 1})


def test_a_collection_that_anki_closed_cannot_be_told_from_one_without_its_log_and_gets_the_same_word():
    export = parsed(content("stuA_raw_collection.anki2"))
    assert (answered(export), export.reviews.warnings) == (true_reviews(), {NO_WAL: 1})


def test_an_empty_wal_file_says_that_nothing_is_missing():
    export = parsed(content("stuA_raw_collection.anki2"), wal=b"")
    assert (answered(export), export.reviews.warnings) == (true_reviews(), {})


@pytest.mark.parametrize("lost", [1, 100, 4096 + 24 - 1, 4096 + 24])
def test_a_wal_file_cut_within_a_transaction_is_refused(tmp_path, emptied, lost):
    # one transaction of several pages, so that a cut after a whole page is one within the transaction
    collection, wal = live(tmp_path, emptied, MANY.format(list(range(500))))
    assert len(parsed(collection, wal=wal).reviews.rows) == 500
    export = parsed(collection, wal=wal[:-lost])
    assert reason(export) == "damaged Anki export"
    assert "torn" in export.reviews.rejects[0].detail


@pytest.mark.parametrize("place", [0, 8, 18, 33, 40, 45, 60, 3000, 4120 + 41, -30])
def test_a_wal_file_with_a_flipped_byte_is_refused(four, place):
    wal = bytearray(four[1])
    wal[place] ^= 0x40
    assert reason(parsed(four[0], wal=bytes(wal))) == "damaged Anki export"


@pytest.mark.parametrize("wal", [b"x", b"x" * 5000, b"\0" * 5000, b"\x37\x7f\x06\x82"])
def test_something_else_beside_a_collection_is_refused(four, wal):
    assert reason(parsed(four[0], wal=wal)) == "damaged Anki export"


def test_a_wal_file_that_began_anew_over_an_older_one_is_whole(tmp_path, emptied):
    path = tmp_path / "collection.anki2"
    path.write_bytes(emptied)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for n in range(20):
            db.execute(REVIEW.format(FIRST + n))
        db.execute("PRAGMA wal_checkpoint(RESTART)")
        db.execute(REVIEW.format(FIRST + 20))
        collection, wal = path.read_bytes(), path.with_name("collection.anki2-wal").read_bytes()
    assert len(parsed(collection, wal=wal).reviews.rows) == 21


def test_the_wal_file_of_another_student_is_refused_though_it_is_whole_in_itself(tmp_path, four):
    """VACUUM writes every page into the log, so the merged file would be the other's collection, sound and complete."""
    types = sorted(json.loads(query(legacy(), "SELECT models FROM col")))
    others = f"UPDATE col SET models = replace(models, '{types[0]}', '1793613999999')"  # PACER's own type is shared
    _, wal = live(tmp_path / "other", edited(others), "VACUUM", REVIEW.format(FIRST + 99))
    export = parsed(four[0], wal=wal)
    assert reason(export) == "damaged Anki export"
    assert "another collection" in export.reviews.rejects[0].detail


def test_the_wal_file_of_a_database_with_other_pages_is_refused(tmp_path, four):
    _, wal = live(tmp_path / "other", edited("PRAGMA page_size = 8192", "VACUUM"), REVIEW.format(FIRST + 9))
    assert reason(parsed(four[0], wal=wal)) == "damaged Anki export"


def test_a_wal_file_beyond_the_cap_is_refused(four):
    assert reason(parsed(four[0], wal=four[1] * 50, cap=len(four[0]))) == "Anki export too large"


def test_a_copy_taken_while_pages_moved_is_refused():
    """Half of the pages from before a day of reviews, half from after it."""
    grown = edited(MANY.format(list(range(3000))))
    middle = len(legacy()) // 2
    assert reason(parsed(grown[:middle] + legacy()[middle:])) == "damaged Anki export"
