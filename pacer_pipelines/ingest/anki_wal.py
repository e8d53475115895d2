"""The write-ahead log beside a live collection: merged whole or refused, never half and never another's.

SQLite itself takes a log as far as it makes sense and is silent about the rest.

References:
    The WAL file: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from pacer_pipelines.ingest.anki_collection import note_types
from pacer_pipelines.ingest.anki_database import REFUSALS, merging, reading, told
from pacer_pipelines.ingest.rows import FieldError

WAL_FLAG = b"\x02\x02"
_HEADER = struct.Struct(">LLLL8sLL")
_FRAME = struct.Struct(">LL8sLL")
_MAGIC = (0x377F0682, 0x377F0683)
_AGAIN = "close Anki, then upload collection.anki2 again (or better, export a .colpkg)"


def merge(collection: Path, wal: Path) -> None:
    """Merge a `-wal` file into a private copy of its collection.

    Args:
        collection: The copy; it is changed.
        wal: The file that lay beside the original. An empty one has nothing to add.

    Raises:
        FieldError: If the log is torn, in the middle of a write, or of another collection.
    """
    if not wal.stat().st_size:
        return
    written = _frames(wal)
    before = _identity(collection)
    shutil.copyfile(wal, collection.with_name(collection.name + "-wal"))
    try:
        with merging(collection) as db:
            ((_, _, merged),) = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except REFUSALS as error:
        raise told(error) from None
    # SQLite says how many frames up to the last commit it could use
    if merged != written:
        raise FieldError("damaged Anki export", f"its -wal file is torn or of another database: {_AGAIN}")
    if not before <= _identity(collection):
        raise FieldError("damaged Anki export", f"its -wal file is of another collection: {_AGAIN}")


def _frames(wal: Path) -> int:
    """Count the frames that were written since the log last began anew; older ones carry other salts."""
    size = wal.stat().st_size
    with wal.open("rb") as stream:
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or _HEADER.unpack(header)[0] not in _MAGIC:
            raise FieldError("damaged Anki export", f"its -wal file is none: {_AGAIN}")
        page, salts = _HEADER.unpack(header)[2], header[16:24]
        frame = _FRAME.size + page
        count = 0
        while _FRAME.size <= size - stream.tell():
            if _older(stream.read(_FRAME.size)[8:16], salts):
                break
            count += 1
            stream.seek(_HEADER.size + count * frame)
    if not count:
        raise FieldError("damaged Anki export", f"its -wal file is torn: {_AGAIN}")
    return count


def _older(frame: bytes, salts: bytes) -> bool:
    """Say whether a frame is left over from a round before: each round counts the first salt up by one."""
    rounds = (int.from_bytes(salts[:4], "big") - int.from_bytes(frame[:4], "big")) % (1 << 32)
    return 0 < rounds < 1 << 20


def _identity(collection: Path) -> frozenset[int]:
    """Give the ids of the note types: milliseconds of their making, so only those that came by a package are shared.

    A file that cannot be read without its log has no identity yet; that it is whole is checked afterwards.
    """
    try:
        with reading(collection) as db:
            return frozenset(note_types(db))
    except FieldError:
        return frozenset()
