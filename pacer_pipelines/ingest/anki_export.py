"""A student's own Anki reviews, from every format Anki exports.

References:
    Anki's file formats: rslib/src/import_export/package/ and rslib/src/storage/ of github.com/ankitects/anki.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

from pacer_pipelines.ingest.anki_package import SIZE_CAP, collection_bytes, opened
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    INTEGER_MAX,
    FieldError,
    Origin,
    Parsed,
    Record,
    Reject,
    Row,
    in_years,
    integer,
    optional_integer,
    refused,
)

LINK_FIELD = "pacercard"
DAY_STARTS = timedelta(hours=4)
TICK_THE_BOX = (
    "no review history inside: export again from the Anki desktop program and tick "
    "'Include scheduling information'"
)
_SUFFIXES = (".apkg", ".colpkg", ".anki2")
_REVLOG = ("id", "cid", "ease", "ivl", "lastIvl", "factor", "time", "type")
_LINKS = (
    ("field", re.compile(r"pacer:(\d{1,18})")),
    ("guid", re.compile(r"pacer-(\d{1,18})")),
    ("tag", re.compile(r"pacer::log::(\d{1,18})")),
)


def private_name(relative: str, pseudonyms: Pseudonyms) -> tuple[str, str]:
    """Give (student id, display name) of an upload `<student_id>/…/<file>`, the name free of both.

    Students name their files after themselves, so the file name becomes a pseudonym too; its suffix stays.

    Raises:
        ValueError: If the file does not lie in a student's folder: then nobody knows whose it is.
    """
    path = PurePosixPath(relative)
    if len(path.parts) < 2:
        raise ValueError("an Anki export lies in a folder named after its student; this one does not")
    suffix = path.suffix.lower() if path.suffix.lower() in _SUFFIXES else ""
    student_id = path.parts[0]
    inside = pseudonyms.file("/".join(path.parts[1:]))
    return student_id, f"{pseudonyms.student(student_id)}/{inside}{suffix}"


def parse_anki_export(
    data: bytes,
    origin: Origin,
    student_id: str,
    known_links: Mapping[int, int] | None = None,
    wal: bytes | None = None,
    cap: int = SIZE_CAP,
) -> Parsed:
    """Give the review log of an Anki export.

    Args:
        data: The uploaded file: .apkg, .colpkg or collection.anki2.
        origin: Display name (already private), pseudonyms and time zone.
        student_id: Whose export it is; the file does not say.
        known_links: card id -> log id from earlier exports of this student, for reviews whose card has
            since been deleted.
        wal: The `-wal` file of a bare collection, if it came along.
        cap: Largest unpacked size in bytes.

    Returns:
        Rows of the landing table `anki_reviews` (ease 0 included: a reset is part of the history), and
        rejects. A file that cannot be used is one reject on line 0.
    """
    try:
        with opened(collection_bytes(data, cap), wal) as db:
            links = {**(known_links or {}), **_card_links(db)}
            reviews = _select(db, "revlog", _REVLOG, "ORDER BY id")
    except FieldError as error:
        return refused(error.reason, error.detail)
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        return refused("damaged Anki export", type(error).__name__)
    if not reviews:
        return refused("export without reviews", TICK_THE_BOX)
    return _reviews(reviews, origin, origin.pseudonyms.student(student_id), links)


def _reviews(reviews: Iterable[Record], origin: Origin, student_key: str, links: Mapping[int, int]) -> Parsed:
    rows: list[Row] = []
    rejects: list[Reject] = []
    for position, review in enumerate(reviews, start=1):
        try:
            rows.append(_review(review, origin, student_key, links) | {"source_line": position})
        except FieldError as error:
            rejects.append(Reject(position, error.reason, error.detail))
    return Parsed(rows, rejects, len(rows) + len(rejects))


def _review(review: Record, origin: Origin, student_key: str, links: Mapping[int, int]) -> Row:
    review_id = integer(review, "id", 0, BIGINT_MAX)
    card_id = integer(review, "cid", 0, BIGINT_MAX)
    try:
        reviewed_at = datetime.fromtimestamp(review_id // 1000, UTC).replace(
            tzinfo=None, microsecond=review_id % 1000 * 1000
        )
    except (ValueError, OverflowError, OSError):
        raise FieldError("out of range", "id: allowed epoch milliseconds of 2000..2099") from None
    return {
        "student_key": student_key,
        "review_id": review_id,
        "anki_card_id": card_id,
        "log_id": links.get(card_id),
        "reviewed_at": in_years(reviewed_at, "id"),
        "reviewed_date": _anki_day(reviewed_at, origin),
        "ease": integer(review, "ease", 0, 4),
        "interval_days": _days(review, "ivl"),
        "last_interval_days": _days(review, "lastIvl"),
        "factor": optional_integer(review, "factor", 0, INTEGER_MAX),
        "taken_ms": optional_integer(review, "time", 0, INTEGER_MAX),
        "review_type": optional_integer(review, "type", 0, 5),
        "source_file": origin.source_file,
    }


def _anki_day(reviewed_at: datetime, origin: Origin) -> date:
    """Give the day a review counts for in Anki, which turns over at 04:00 on the student's clock."""
    return (reviewed_at.replace(tzinfo=UTC).astimezone(origin.tz) - DAY_STARTS).date()


def _days(review: Record, field: str) -> float:
    """Give an interval in days; Anki stores days as positive, seconds as negative numbers."""
    value = integer(review, field, -INTEGER_MAX, INTEGER_MAX)
    return float(value) if value >= 0 else -value / 86_400


def _select(db: sqlite3.Connection, table: str, columns: tuple[str, ...], tail: str = "") -> list[Row]:
    """Read columns of a real table; a view under that name is not Anki's and is refused."""
    kind = db.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    if kind != ("table",):
        raise FieldError("damaged Anki export", f"no table {table}")
    found = db.execute(f"SELECT {', '.join(columns)} FROM {table} {tail}")
    return [dict(zip(columns, row, strict=True)) for row in found]


def _card_links(db: sqlite3.Connection) -> dict[int, int]:
    """Give card id -> PACER log id, by the strongest link its note carries."""
    places = _link_places(db)
    notes = {}
    for note in _select(db, "notes", ("id", "mid", "guid", "tags", "flds")):
        log_id = _log_of(note, places.get(note["mid"]))
        if log_id is not None:
            notes[note["id"]] = log_id
    cards = _select(db, "cards", ("id", "nid"))
    return {card["id"]: notes[card["nid"]] for card in cards if card["nid"] in notes}


def _log_of(note: Row, place: int | None) -> int | None:
    if not all(isinstance(note[name], str) for name in ("guid", "tags", "flds")):
        return None
    fields = note["flds"].split("\x1f")
    linked = [fields[place].strip()] if place is not None and place < len(fields) else []
    candidates = {"field": linked, "guid": [note["guid"]], "tag": note["tags"].split()}
    for where, pattern in _LINKS:
        for candidate in candidates[where]:
            if found := pattern.fullmatch(candidate):
                return int(found.group(1))
    return None


def _link_places(db: sqlite3.Connection) -> dict[int, int]:
    """Give note type id -> position of the hidden link field; below schema 15 that is JSON in `col`."""
    header = _select(db, "col", ("ver", "models"))
    if not header or type(header[0]["ver"]) is not int:
        raise FieldError("damaged Anki export", "col: no schema version")
    if header[0]["ver"] >= 15:
        fields = _select(db, "fields", ("ntid", "ord", "name"))
        return {f["ntid"]: f["ord"] for f in fields if str(f["name"]).casefold() == LINK_FIELD}
    try:
        return {
            int(model): int(f["ord"])
            for model, kind in json.loads(header[0]["models"]).items()
            for f in kind["flds"]
            if str(f["name"]).casefold() == LINK_FIELD
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise FieldError("damaged Anki export", "col.models") from None
