"""Bad uploads in students' Anki folders, made from one student's real exports."""

from __future__ import annotations

import io
import random
import sqlite3
import struct
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import zstandard

from .cases import Case, bytes_case

FIXTURES = Path(__file__).parents[1] / "fixtures" / "anki"
MEGABYTE = 1 << 20
# of the deck: 41 answers (truth.json without the deleted note's) and one reset
ROWS = 42


def anki_cases() -> list[Case]:
    return [*_files(), *_packages(), *_collections()]


def _export(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def _upload(name: str, content: bytes, *refused: str, suffix: str = ".apkg", lands: int = 0) -> Case:
    return bytes_case("anki_reviews", name, content, lands=lands, refused=refused, suffix=suffix)


def _files() -> Iterator[Case]:
    latest = _export("stuA_latest.colpkg")
    yield _upload("no bytes", b"", "not an Anki export")
    yield _upload("a picture", b"\x89PNG\r\n\x1a\n" + bytes(200), "not an Anki export")
    yield _upload("a text", b"front;back\n", "not an Anki export", suffix=".txt")
    yield _upload("cut in half", latest[: len(latest) // 2], "not an Anki export", suffix=".colpkg")
    yield _upload("first half missing", latest[len(latest) // 2 :], "not utf-8", suffix=".colpkg")
    yield _upload("an empty zip", b"PK\x05\x06" + bytes(18), "damaged Anki export")
    yield _upload("without scheduling", _export("stuA_deck_latest_nosched.apkg"), "export without reviews")
    yield _upload(
        "old without scheduling", _export("stuA_deck_legacy_nosched.apkg"), "export without reviews"
    )


def repacked(changes: dict[str, bytes | None], source: str = "stuA_deck_latest.apkg") -> bytes:
    """A real package with members replaced, added, or left out where None."""
    out = io.BytesIO()
    with zipfile.ZipFile(FIXTURES / source) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        content: dict[str, bytes | None] = {member: old.read(member) for member in old.namelist()}
        for member, data in (content | changes).items():
            if data is not None:
                new.writestr(member, data)
    return out.getvalue()


def _packages() -> Iterator[Case]:
    member = "collection.anki21b"
    zstd = zstandard.ZstdCompressor()
    yield _upload("only the dummy inside", repacked({member: None}), "damaged Anki export")
    yield _upload("meta of a future Anki", repacked({"meta": b"\x08\x09"}), "unknown Anki export version")
    yield _upload("meta of noise", repacked({"meta": b"\xff" * 40}), "unknown Anki export version")
    yield _upload("empty meta", repacked({"meta": b""}), "unknown Anki export version")
    # only its beginning is read
    yield _upload("a meta of a megabyte", repacked({"meta": b"\x08\x03" + bytes(MEGABYTE)}), lands=ROWS)
    yield _upload(
        "a collection that is not packed",
        repacked({member: b"SQLite format 3\x00" + bytes(5000)}),
        "damaged Anki export",
    )
    yield _upload(
        "a collection that is no database",
        repacked({member: zstd.compress(b"hello" * 1000)}),
        "damaged Anki export",
    )
    yield _upload("an empty collection", repacked({member: b""}), "damaged Anki export")
    half = zipfile.ZipFile(FIXTURES / "stuA_deck_latest.apkg").read(member)
    yield _upload("a collection cut short", repacked({member: half[: len(half) // 2]}), "damaged Anki export")
    yield _upload("a bomb in zstd", repacked({member: _zstd_bomb()}), "Anki export too large")
    yield Case("a bomb in zip", "anki_reviews", zip_bomb, refused=("Anki export too large",), suffix=".apkg")
    slip = repacked({"../../../../tmp/pacer-slipped": b"x", "/tmp/pacer-slipped": b"x", "C:\\slipped": b"x"})
    yield _upload("names that climb out", slip, suffix=".apkg", lands=ROWS)
    many = repacked({f"{number}": b"" for number in range(5000)})
    yield _upload("five thousand members", many, suffix=".apkg", lands=ROWS)
    yield _upload("a wrong checksum", _wrong_checksum(), "damaged Anki export")
    yield _upload("a member under a password", _locked(), "unreadable Anki export")


def zip_bomb(path: Path) -> None:
    """A legacy package whose collection unpacks to 1.25 GB: the mark of a database, and NULs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr("meta", b"\x08\x02")
        with package.open("collection.anki21", "w", force_zip64=True) as member:
            member.write(b"SQLite format 3\x00")
            for _ in range(20):
                member.write(bytes(64 * MEGABYTE))


def _zstd_bomb() -> bytes:
    """1.25 GB in one frame that does not say its size, as Anki writes it: the mark of a database, and NULs."""
    packer = zstandard.ZstdCompressor().compressobj()
    head = packer.compress(b"SQLite format 3\x00")
    return b"".join([head, *(packer.compress(bytes(64 * MEGABYTE)) for _ in range(20)), packer.flush()])


def _wrong_checksum() -> bytes:
    """The stored checksum of the collection is off by one bit, in both of its places."""
    content = repacked({})
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        crc = struct.pack("<I", package.getinfo("collection.anki21b").CRC)
    return content.replace(crc, bytes([crc[0] ^ 1]) + crc[1:])


def _locked() -> bytes:
    """The flag that says "encrypted" is set on every member."""
    content = bytearray(repacked({}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


def _collections() -> Iterator[Case]:
    noise = random.Random(7).randbytes(30_000)
    legacy = _member("stuA_legacy.colpkg", "collection.anki21")

    def spoilt(name: str, *statements: str) -> bytes:
        return _package(_edited(legacy, *statements))

    yield _upload(
        "pages of noise", _package(legacy[:8192] + noise + legacy[8192 + len(noise) :]), "damaged Anki export"
    )
    yield _upload("the first page alone", _package(legacy[:4096]), "damaged Anki export")
    yield _upload("no review table", spoilt("none", "DROP TABLE revlog"), "damaged Anki export")
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    columns = "x AS id, x AS cid, 1 AS ease, 1 AS ivl, 1 AS lastIvl, 1 AS factor, 1 AS time, 1 AS type"
    endless = f"CREATE VIEW revlog AS {numbers} SELECT {columns} FROM n"
    yield _upload(
        "a view without end as reviews", spoilt("view", "DROP TABLE revlog", endless), "damaged Anki export"
    )
    yield _upload(
        "models that are no JSON", spoilt("models", "UPDATE col SET models = '{'"), "damaged Anki export"
    )
    yield _upload("no header row", spoilt("header", "DELETE FROM col"), "damaged Anki export")
    yield _upload(
        "a schema version in words", spoilt("ver", "UPDATE col SET ver = 'eleven'"), "damaged Anki export"
    )
    one = "DELETE FROM revlog WHERE id <> (SELECT min(id) FROM revlog)"
    odd = {
        "an answer of nine": ("UPDATE revlog SET ease = 9", "out of range"),
        "an answer before 2000": ("UPDATE revlog SET id = 1000", "out of range"),
        "an answer after 2100": ("UPDATE revlog SET id = 4102444800001", "out of range"),
        "an answer at a negative time": ("UPDATE revlog SET id = -5", "out of range"),
        "a card that is a word": ("UPDATE revlog SET cid = 'card'", "wrong type"),
        "an interval of 2 to the 40": ("UPDATE revlog SET ivl = 1099511627776", "out of range"),
        "a type of 77": ("UPDATE revlog SET type = 77", "out of range"),
    }
    for name, (statement, reason) in odd.items():
        yield _upload(name, spoilt(name, one, statement), reason)


def _member(export: str, member: str) -> bytes:
    with zipfile.ZipFile(FIXTURES / export) as package:
        return package.read(member)


def _package(image: bytes) -> bytes:
    """An export of a middle-aged Anki around a collection."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("meta", b"\x08\x02")
        package.writestr("collection.anki21", image)
    return out.getvalue()


def _edited(image: bytes, *statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(image)
        db.create_collation("unicase", lambda a, b: (a > b) - (a < b))
        for statement in statements:
            db.execute(statement)
        db.commit()
        return db.serialize()
