"""What an Anki collection says: its reviews, the judgement behind each card, the hour at which a day begins.

References:
    Anki's tables by schema version: rslib/src/storage/ of github.com/ankitects/anki.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from pacer_pipelines.ingest.anki_database import select
from pacer_pipelines.ingest.anki_links import Link, is_link_field, strongest
from pacer_pipelines.ingest.rows import FieldError, Row

REVLOG = ("id", "cid", "ease", "ivl", "lastIvl", "factor", "time", "type")
_CONFIG_IN_A_TABLE = 14
_NOTE_TYPES_IN_TABLES = 15


def reviews(db: sqlite3.Connection) -> Iterator[Row]:
    """Give the rows of `revlog`."""
    return select(db, "revlog", REVLOG)


def card_links(db: sqlite3.Connection) -> dict[int, Link]:
    """Give card id -> link, for every card whose note carries one."""
    places = _link_places(db)
    notes: dict[int, Link] = {}
    for note in select(db, "notes", ("id", "mid", "guid", "tags", "flds")):
        if link := _link_of(note, places.get(note["mid"])):
            notes[note["id"]] = link
    cards = select(db, "cards", ("id", "nid"))
    return {card["id"]: notes[card["nid"]] for card in cards if card["nid"] in notes}


def rollover(db: sqlite3.Connection) -> int | None:
    """Give the hour at which the student's Anki day begins, None if the collection does not say."""
    try:
        hour = _setting(db, "rollover")
    except FieldError:
        # a setting that cannot be read costs no review
        return None
    return hour if type(hour) is int and 0 <= hour <= 23 else None


def _setting(db: sqlite3.Connection, name: str) -> object:
    if _schema(db) >= _CONFIG_IN_A_TABLE:
        values = (row["val"] for row in select(db, "config", ("key", "val")) if row["key"] == name)
        return _json(next(values, b"null"), "config")
    conf = _json(_header(db, "conf"), "col.conf")
    return conf.get(name) if isinstance(conf, dict) else None


def note_types(db: sqlite3.Connection) -> list[int]:
    """Give the ids of the note types."""
    if _schema(db) >= _NOTE_TYPES_IN_TABLES:
        return [row["id"] for row in select(db, "notetypes", ("id",))]
    return list(_models(db))


def _link_of(note: Row, place: int | None) -> Link | None:
    flds, tags = note["flds"], note["tags"]
    if not isinstance(flds, str) or not isinstance(tags, str):
        return None
    fields = flds.split("\x1f")
    field = fields[place] if type(place) is int and 0 <= place < len(fields) else None
    return strongest(field, note["guid"], tags.split())


def _link_places(db: sqlite3.Connection) -> dict[int, int]:
    """Give note type id -> position of the hidden link field."""
    if _schema(db) >= _NOTE_TYPES_IN_TABLES:
        fields = select(db, "fields", ("ntid", "ord", "name"))
        return {field["ntid"]: field["ord"] for field in fields if is_link_field(field["name"])}
    try:
        return {
            model: field["ord"]
            for model, kind in _models(db).items()
            for field in kind["flds"]
            if is_link_field(field["name"])
        }
    except (TypeError, KeyError):
        raise FieldError("damaged Anki export", "col.models") from None


def _models(db: sqlite3.Connection) -> dict[int, Any]:
    """Give the note types of a schema below 15: JSON in the only row of `col`."""
    models = _json(_header(db, "models"), "col.models")
    try:
        return {int(model): kind for model, kind in models.items()}
    except (AttributeError, ValueError):
        raise FieldError("damaged Anki export", "col.models") from None


def _schema(db: sqlite3.Connection) -> int:
    version = _header(db, "ver")
    if type(version) is not int:
        raise FieldError("damaged Anki export", "col: no schema version")
    return version


def _header(db: sqlite3.Connection, column: str) -> object:
    for row in select(db, "col", (column,)):
        return row[column]
    raise FieldError("damaged Anki export", "col is empty")


def _json(value: object, where: str) -> Any:
    try:
        return json.loads(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        raise FieldError("damaged Anki export", where) from None
