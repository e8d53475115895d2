"""Whatever lies in an upload folder: rows in are rows landed plus rows rejected, and nothing is raised."""

import io
import json
import sqlite3
import zipfile

from anki_samples import FILES, STUDENT, content, edited, legacy, parsed
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer_pipelines.ingest.anki_export import AnkiExport
from pacer_pipelines.ingest.tables import TABLES

SETTINGS = settings(derandomize=True, deadline=None, max_examples=150)
SAMPLES = {path.name: path.read_bytes() for path in sorted(FILES.glob("stuA_*"))}
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=20),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=30,
)


def adds_up(export: AnkiExport) -> None:
    for table, part in (("anki_reviews", export.reviews), ("anki_card_links", export.links)):
        assert part.rows_in == len(part.rows) + len(part.rejects)
        required = {column.name for column in TABLES[table] if column.required}
        names = {column.name for column in TABLES[table]}
        for row in part.rows:
            assert row.keys() == names
            assert all(row[name] is not None for name in required)
            assert row["student_key"] == STUDENT.key
    assert export.reviews.rows_in or export.links.rows_in


@SETTINGS
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_sample_cut_anywhere_adds_up(name, data):
    adds_up(parsed(SAMPLES[name][: data.draw(st.integers(0, len(SAMPLES[name]) - 1))], name=name))


@SETTINGS
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_sample_with_flipped_bytes_adds_up(name, data):
    spoilt = bytearray(SAMPLES[name])
    places = st.tuples(st.integers(0, len(spoilt) - 1), st.integers(1, 255))
    for place, flip in data.draw(st.lists(places, min_size=1, max_size=30)):
        spoilt[place] ^= flip
    adds_up(parsed(bytes(spoilt), name=name))


@settings(SETTINGS, max_examples=500)
@given(st.data())
def test_a_legacy_collection_with_flipped_bytes_in_its_package_adds_up(data):
    """Flips inside the database, under a checksum that fits."""
    image = bytearray(legacy())
    places = st.tuples(st.integers(0, len(image) - 1), st.integers(1, 255))
    for place, flip in data.draw(st.lists(places, min_size=1, max_size=30)):
        image[place] ^= flip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("meta", b"\x08\x02")
        package.writestr("collection.anki21", bytes(image))
    adds_up(parsed(out.getvalue()))


def filled(table: str, rows: list[tuple], keep: str) -> bytes:
    """The legacy collection with a table of the same columns and anything in them."""
    image = edited(f"DROP TABLE {table}", f"CREATE TABLE {table} ({keep})")
    db = sqlite3.connect(":memory:")
    db.deserialize(image)
    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(keep.split(',')))})", rows)
    db.commit()
    return db.serialize()


@SETTINGS
@given(st.lists(st.tuples(*[VALUES] * 8), max_size=8))
def test_any_content_of_the_review_log_adds_up(rows):
    export = parsed(filled("revlog", rows, "id, cid, ease, ivl, lastIvl, factor, time, type"))
    adds_up(export)
    assert export.reviews.rows_in == max(len(rows), 1)


@settings(SETTINGS, max_examples=50)
@given(st.lists(st.tuples(*[VALUES] * 5), max_size=8), st.lists(st.tuples(VALUES, VALUES), max_size=8))
def test_any_content_of_notes_and_cards_costs_no_review(notes, cards):
    with_notes = filled("notes", notes, "id, mid, guid, tags, flds")
    export = parsed(edited("DELETE FROM cards", image=with_notes))
    adds_up(export)
    assert len(export.reviews.rows) == 53
    export = parsed(
        filled(
            "cards",
            [*cards, (2**63 - 1, 1793613602841), (-1, 1793613602841), ("x", 1793613602841)],
            "id, nid",
        )
    )
    adds_up(export)
    assert len(export.reviews.rows) == 53
    assert 2**63 - 1 in {row["anki_card_id"] for row in export.links.rows}


@SETTINGS
@given(st.dictionaries(st.sampled_from(["result", "error"]), JSON) | st.lists(JSON, max_size=10))
def test_any_json_adds_up(answer):
    adds_up(parsed(json.dumps(answer).encode()))


@SETTINGS
@given(st.lists(st.lists(st.integers(-5, 2**64) | JSON, min_size=9, max_size=9), max_size=6))
def test_any_rows_of_card_reviews_add_up(rows):
    adds_up(parsed(json.dumps({"result": rows, "error": None}).encode()))


@SETTINGS
@given(st.binary(max_size=200))
def test_any_wal_file_beside_a_collection_adds_up(wal):
    adds_up(parsed(content("stuA_raw_collection.anki2"), wal=wal))


@SETTINGS
@given(st.binary(max_size=300))
def test_any_bytes_behind_a_known_beginning_add_up(tail):
    for start in (b"SQLite format 3\x00", b"PK\x03\x04", b"PK\x05\x06", b"[", b"{", b""):
        adds_up(parsed(start + tail))
