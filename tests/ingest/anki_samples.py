"""Real exports of one student in every format Anki offers, what the student did (truth.json), and edits of them."""

import io
import json
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from pacer_pipelines.ingest.anki_export import AnkiExport, parse_anki_export
from pacer_pipelines.ingest.anki_rows import Student
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin

FILES = Path(__file__).parents[1] / "fixtures" / "anki"
KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
ORIGIN = Origin("export", KEYS, ZoneInfo("Asia/Seoul"))
STUDENT = Student(KEYS.student("stuA"))
TRUTH = json.loads((FILES / "truth.json").read_text())["students"]["stuA"]
DELETED = 1793613602844  # truth.json, events: the note of log 101 was deleted on day 5
PACKAGES = ["stuA_deck_latest.apkg", "stuA_deck_legacy.apkg"]
COLLECTIONS = ["stuA_latest.colpkg", "stuA_legacy.colpkg", "stuA_raw_collection.anki2"]


def content(name: str) -> bytes:
    return (FILES / name).read_bytes()


def parsed(data: bytes, wal: bytes | None = None, student: Student = STUDENT, **options) -> AnkiExport:
    """Parse bytes as an upload; ``name`` is what the file is called."""
    origin = Origin(options.pop("name", "export"), KEYS, options.pop("tz", ORIGIN.tz))
    with tempfile.TemporaryDirectory() as folder:
        upload, beside = Path(folder) / "upload", Path(folder) / "upload-wal"
        upload.write_bytes(data)
        if wal is not None:
            beside.write_bytes(wal)
        return parse_anki_export(upload, origin, student, beside if wal is not None else None, **options)


def reason(export: AnkiExport) -> str:
    """Give the reason of a file that was refused as a whole."""
    (reject,) = export.reviews.rejects
    assert (export.reviews.rows, export.links.rows, reject.line) == ([], [], 0)
    return reject.reason


def repacked(name: str, **members: bytes | None) -> bytes:
    """A package with members replaced, or left out where None; '__' stands for '.'."""
    changes = {key.replace("__", "."): value for key, value in members.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(FILES / name) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        inside = {member: old.read(member) for member in old.namelist()} | changes
        for member, data in inside.items():
            if data is not None:
                new.writestr(member, data)
    return out.getvalue()


def legacy() -> bytes:
    """The student's collection in schema 11."""
    with zipfile.ZipFile(FILES / "stuA_legacy.colpkg") as package:
        return package.read("collection.anki21")


def edited(*statements: str, image: bytes | None = None) -> bytes:
    """A collection after some edits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collection.anki2"
        path.write_bytes(image or legacy())
        with closing(sqlite3.connect(path)) as db:
            db.create_collation(
                "unicase", lambda a, b: (a.casefold() > b.casefold()) - (a.casefold() < b.casefold())
            )
            for statement in statements:
                db.execute(statement)
            db.commit()
        return path.read_bytes()


def days(interval: int) -> float:
    return interval if interval >= 0 else -interval / 86_400


def answered(export: AnkiExport) -> dict[int, tuple]:
    """Every answered review and everything that Anki says of it."""
    names = (
        "anki_card_id",
        "ease",
        "interval_days",
        "last_interval_days",
        "factor",
        "taken_ms",
        "review_type",
    )
    rows = [row for row in export.reviews.rows if row["ease"] > 0]
    found = {row["review_id"]: tuple(row[name] for name in names) for row in rows}
    assert len(found) == len(rows)
    return found


def true_reviews(without: int | None = None) -> dict[int, tuple]:
    return {
        r["id"]: (r["cid"], r["ease"], days(r["ivl"]), days(r["lastIvl"]), r["factor"], r["time"], r["type"])
        for r in TRUTH["reviews"]
        if r["cid"] != without
    }


def links(export: AnkiExport) -> dict[int, int]:
    return {row["anki_card_id"]: row["log_id"] for row in export.links.rows}


def true_links(without: int | None = DELETED) -> dict[int, int]:
    """Every card of truth.json that leads to PACER; the deleted note is in no export."""
    notes = [note for note in TRUTH["notes"] if note["log_id"] is not None and note["cid"] != without]
    return {note["cid"]: note["log_id"] for note in notes}
