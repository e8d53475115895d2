"""Files made to exhaust or mislead the reader: each ends in a named reject, with time, disk and memory bounded."""

import io
import random
import struct
import tempfile
import tracemalloc
import zipfile

import pytest
import zstandard
from anki_samples import answered, content, edited, legacy, parsed, reason, repacked, true_reviews

MIB = 1 << 20
ZEROS = b"SQLite format 3\x00" + bytes(64 * MIB)
HUGE_MEMBERS = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 65_000, 65_000, 1 << 30, 0, 0)
ZIP64_END = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 1 << 45, 0)
ZIP64_LOCATOR = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4, 1)
ZIP64_MARK = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def zstd(data: bytes, sized: bool) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=sized).compress(data)


def window_of_two_gibibytes() -> bytes:
    """A frame that asks the reader to keep 2 GiB before the first byte comes out."""
    return b"\x28\xb5\x2f\xfd" + bytes([0b0000_0000, 21 << 3]) + b"\x01\x00\x00"


def overlapping() -> bytes:
    """A package whose second member is its first one once more, at the same place."""
    data = repacked("stuA_deck_latest.apkg")
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        offsets = {info.filename: info.header_offset for info in package.infolist()}
    one, two = (struct.pack("<L", offsets[name]) for name in ("collection.anki2", "collection.anki21b"))
    start = data.index(b"PK\x01\x02")
    return data[:start] + data[start:].replace(two, one)


def encrypted() -> bytes:
    data = bytearray(repacked("stuA_deck_legacy.apkg"))
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flag] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def twice_inside() -> bytes:
    out = io.BytesIO(content("stuA_deck_legacy.apkg"))
    with zipfile.ZipFile(out, "a") as package, pytest.warns(UserWarning, match="Duplicate name"):
        package.writestr("collection.anki21", edited("DELETE FROM revlog"))
    return out.getvalue()


PACKED = {
    "deflate bomb": (
        lambda: repacked("stuA_deck_legacy.apkg", collection__anki21=ZEROS),
        "Anki export too large",
    ),
    "zstd bomb with its size": (
        lambda: repacked("stuA_deck_latest.apkg", collection__anki21b=zstd(ZEROS, True)),
        "Anki export too large",
    ),
    "zstd bomb without its size": (
        lambda: repacked("stuA_deck_latest.apkg", collection__anki21b=zstd(ZEROS, False)),
        "Anki export too large",
    ),
    "bomb that is no database": (
        lambda: repacked("stuA_deck_latest.apkg", collection__anki21b=zstd(bytes(64 * MIB), False)),
        "damaged Anki export",
    ),
    "zstd window": (
        lambda: repacked("stuA_deck_latest.apkg", collection__anki21b=window_of_two_gibibytes()),
        "damaged Anki export",
    ),
    "huge meta": (lambda: repacked("stuA_deck_latest.apkg", meta=ZEROS), "unknown Anki export version"),
    "huge table of contents": (lambda: b"PK\x03\x04" + HUGE_MEMBERS, "Anki export too large"),
    "trillion members": (
        lambda: b"PK\x03\x04" + ZIP64_END + ZIP64_LOCATOR + ZIP64_MARK,
        "Anki export too large",
    ),
    "zip64 that leads nowhere": (
        lambda: b"PK\x03\x04" + struct.pack("<4sLQL", b"PK\x06\x07", 0, 1 << 60, 1) + ZIP64_MARK,
        "unreadable Anki export",
    ),
    "overlapping members": (overlapping, "damaged Anki export"),
    "encrypted": (encrypted, "unreadable Anki export"),
    "two collections of one name": (twice_inside, "damaged Anki export"),
}


@pytest.mark.parametrize(("make", "why"), PACKED.values(), ids=PACKED.keys())
def test_a_hostile_package_is_refused_within_its_cap(make, why):
    data = make()
    tracemalloc.start()
    try:
        assert reason(parsed(data, cap=8 * MIB)) == why
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def test_names_that_lead_out_of_the_folder_are_never_written(tmp_path, monkeypatch):
    data = io.BytesIO(content("stuA_deck_legacy.apkg"))
    with zipfile.ZipFile(data, "a") as package:
        for name in ("../slipped", f"{tmp_path}/slipped", "..\\slipped", "collection.anki21/../slipped"):
            package.writestr(name, "x")
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(inside))
    assert len(parsed(data.getvalue()).reviews.rows) == 42
    assert list(tmp_path.rglob("*")) == [inside]


FROM_VIEW = (
    "CREATE VIEW {0} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n"
)
ENDLESS = "CREATE TABLE revlog (id INTEGER PRIMARY KEY, cid AS (hex(zeroblob(16000000))), {})"
PLAIN = "ease, ivl, lastIvl, factor, time, type"
DATABASES = {
    "endless view as review log": ["DROP TABLE revlog", FROM_VIEW.format("revlog")],
    "endless view as cards": ["DROP TABLE cards", FROM_VIEW.format("cards")],
    "endless view as notes": ["DROP TABLE notes", FROM_VIEW.format("notes")],
    "view as header": ["DROP TABLE col", FROM_VIEW.format("col")],
    "virtual table": ["DROP TABLE revlog", "CREATE VIRTUAL TABLE revlog USING fts5(id, cid)"],
    "generated column": ["DROP TABLE revlog", ENDLESS.format(PLAIN)],
    "column missing": ["ALTER TABLE revlog DROP COLUMN ease"],
    "note of 20 MB": ["UPDATE notes SET flds = CAST(zeroblob(20000000) AS TEXT) WHERE id = 1793613602841"],
    "deep models": ["UPDATE col SET models = '" + "[" * 100_000 + "'"],
    "number as models": ["UPDATE col SET models = 7"],
    "text as version": ["UPDATE col SET ver = 'x'"],
    "a schema that lies": [
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET rootpage = 1 WHERE name = 'revlog'",
    ],
}


@pytest.mark.parametrize("statements", DATABASES.values(), ids=DATABASES.keys())
def test_a_hostile_database_is_refused(statements):
    assert reason(parsed(edited(*statements))) in ("damaged Anki export", "Anki export too large")


def test_a_trigger_is_never_run():
    trap = "CREATE TRIGGER trap AFTER INSERT ON revlog BEGIN DELETE FROM revlog; END"
    assert answered(parsed(edited(trap))) == true_reviews()


MANY = "INSERT INTO revlog SELECT 1794300000000 + a.value * 1000 + b.value, 5, -1, 3, 1, 1, 2500, 1, 1 FROM {} a, {} b"


def test_a_review_log_beyond_the_cap_is_refused():
    tens, thousands = (f"json_each('{list(range(number))}')" for number in (301, 1000))
    assert reason(parsed(edited(MANY.format(tens, thousands)))) == "Anki export too large"


def test_a_file_that_keeps_the_database_busy_is_stopped(monkeypatch):
    monkeypatch.setattr("pacer_pipelines.ingest.anki_database._STEPS_CAP", 1)
    export = parsed(edited(MANY.format("json_each('[1]')", f"json_each('{list(range(500))}')")))
    assert reason(export) == "Anki export too large"
    assert "steps" in export.reviews.rejects[0].detail


def test_a_json_of_nothing_but_brackets_is_refused_as_one():
    assert reason(parsed(b"[" + b"{}," * 300_000 + b"{}]")) == "Anki export too large"


@pytest.mark.parametrize("name", ["stuA_legacy.colpkg", "stuA_raw_collection.anki2"])
def test_overwritten_pages_never_give_a_review_that_is_not_true_without_a_word(name):
    image = legacy() if name.endswith("colpkg") else content(name)
    truth = true_reviews()
    for seed in range(40):
        rng = random.Random(seed)
        page = rng.randrange(1, len(image) // 4096) * 4096
        export = parsed(image[:page] + rng.randbytes(4096) + image[page + 4096 :])
        if not export.reviews.rejects:
            assert answered(export) == truth, seed
