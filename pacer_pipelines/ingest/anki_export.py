"""A student's own Anki reviews, from every format Anki offers: docs/anki.md."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from pacer_pipelines.ingest import anki_collection
from pacer_pipelines.ingest.anki_connect import read_answers
from pacer_pipelines.ingest.anki_database import check_whole, reading
from pacer_pipelines.ingest.anki_links import Link
from pacer_pipelines.ingest.anki_package import SIZE_CAP, SQLITE, unpack_collection
from pacer_pipelines.ingest.anki_rows import Student, link_rows, review_rows
from pacer_pipelines.ingest.anki_wal import WAL_FLAG, merge
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import FieldError, Origin, Parsed, Record, Reject, refused

TICK_THE_BOX = (
    "no review history inside: export again from the Anki desktop program and tick "
    "'Include scheduling information'"
)
NO_WAL = "collection copied without its -wal file: the newest reviews may be missing"
COPIED_OPEN = (
    "no review inside, and no -wal file beside it, where Anki keeps what is new while it is open: "
    "close Anki and export a .colpkg"
)
ASK_BY_CARDS = (
    "AnkiConnect found no review: ask findCards for deck:PACER and hand its answer to getReviewsOfCards"
)
_EXPORT_A_DECK = "export PACER's deck as .apkg and tick 'Include scheduling information'"
_NOT_THAT = {
    ".revlog": f"this is Anki's research export: it does not say which card is PACER's; {_EXPORT_A_DECK}",
    ".csv": f"this is a list of notes, without card ids and reviews; {_EXPORT_A_DECK}",
    ".txt": f"this is a list of notes, without card ids and reviews; {_EXPORT_A_DECK}",
}
_SUFFIXES = (".apkg", ".colpkg", ".anki2", ".json", *_NOT_THAT)
_TABLES = ("revlog", "cards", "notes")


@dataclass(frozen=True)
class AnkiExport:
    """What one upload became: rows of `anki_reviews`, and of `anki_card_links`."""

    reviews: Parsed
    links: Parsed


@dataclass(frozen=True)
class _History:
    """What a format gives, before it is typed.

    ``if_empty`` tells what to do when there is no review, None if none is expected; ``speaks_of_cards`` says whether
    there could have been a link.
    """

    reviews: Iterable[Record]
    links: Mapping[int, Link]
    if_empty: str | None
    speaks_of_cards: bool = True
    rollover: int | None = None
    rejects: list[Reject] = field(default_factory=list)
    warnings: Mapping[str, int] = field(default_factory=dict)


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
    upload: Path, origin: Origin, student: Student, wal: Path | None = None, cap: int = SIZE_CAP
) -> AnkiExport:
    """Give the reviews and card links of an Anki export.

    Args:
        upload: The uploaded file: .apkg, .colpkg, collection.anki2, or an answer of AnkiConnect as JSON.
        origin: Display name (already private; its suffix helps to name a wrong format), pseudonyms, time zone.
        student: Whose export it is; the file does not say.
        wal: The `-wal` file of a bare collection, if it came along.
        cap: Largest unpacked size in bytes.

    Returns:
        Both tables' rows and rejects. A file that cannot be used is one reject on line 0 of the reviews.
    """
    try:
        with _history(upload, origin.source_file, wal, cap) as found:
            reviews = review_rows(found.reviews, found.links, student, origin, found.rollover)
            return AnkiExport(_told(reviews, found), _linked(link_rows(found.links, student, origin), found))
    except FieldError as error:
        return AnkiExport(refused(error.reason, error.detail), Parsed([], [], 0))


def _told(reviews: Parsed, found: _History) -> Parsed:
    """Add what the format itself refused, and say so when there was nothing to read."""
    rejects = [*reviews.rejects, *found.rejects]
    if found.if_empty and not reviews.rows and not reviews.warnings and not rejects:
        rejects = [Reject(0, "export without reviews", found.if_empty)]
    return Parsed(
        reviews.rows, rejects, len(reviews.rows) + len(rejects), {**reviews.warnings, **found.warnings}
    )


def _linked(links: Parsed, found: _History) -> Parsed:
    if links.rows_in or not found.speaks_of_cards:
        return links
    return refused("no PACER card inside", f"no field, guid or tag leads to PACER; {_EXPORT_A_DECK}")


@contextmanager
def _history(upload: Path, name: str, wal: Path | None, cap: int) -> Iterator[_History]:
    with upload.open("rb") as stream:
        start = stream.read(64)
    if start.startswith((SQLITE, b"PK\x03\x04", b"PK\x05\x06")):
        with tempfile.TemporaryDirectory(prefix="anki-") as folder:
            collection = Path(folder) / "collection.anki2"
            warnings = _private_copy(upload, collection, wal, cap)
            with reading(collection) as db:
                yield _History(
                    anki_collection.reviews(db),
                    anki_collection.card_links(db),
                    if_empty=COPIED_OPEN if warnings else TICK_THE_BOX,
                    rollover=anki_collection.rollover(db),
                    warnings=warnings,
                )
    elif start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        answers = read_answers(upload)
        yield _History(
            answers.reviews,
            answers.links,
            if_empty=None if answers.cards else ASK_BY_CARDS,
            speaks_of_cards=answers.cards > 0,
            rejects=answers.rejects,
        )
    else:
        suffix = ".csv" if start.startswith(b"#separator:") else PurePosixPath(name).suffix
        allowed = "allowed .apkg, .colpkg, collection.anki2 or AnkiConnect's JSON, uploaded in full"
        raise FieldError("not an Anki export", _NOT_THAT.get(suffix, allowed))


def _private_copy(upload: Path, collection: Path, wal: Path | None, cap: int) -> dict[str, int]:
    """Write the collection that is to be read, with its `-wal` merged; gives what a reader should know."""
    with upload.open("rb") as stream:
        header = stream.read(20)
        if not header.startswith(SQLITE):
            unpack_collection(upload, collection, cap)
            return {}
        stream.seek(0)
        _copy_capped(stream, collection, cap)
    if wal is not None:
        if wal.stat().st_size > cap:
            raise FieldError("Anki export too large", f"allowed {cap} bytes of -wal file")
        merge(collection, wal)
    check_whole(collection, _TABLES)
    return {NO_WAL: 1} if wal is None and header[18:20] == WAL_FLAG else {}


def _copy_capped(stream: IO[bytes], collection: Path, cap: int) -> None:
    with collection.open("wb") as out:
        while piece := stream.read(1 << 20):
            out.write(piece)
            if out.tell() > cap:
                raise FieldError("Anki export too large", f"allowed {cap} bytes")
