"""Opening an Anki export: the right collection inside, unpacked under a size cap, as a private copy.

Since 2.1.50 an export holds a dummy `collection.anki2` that only says "please update Anki"; which member
is the real one is written in `meta`, and nothing else is ever read.
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import zstandard

from pacer_pipelines.ingest.rows import FieldError

SIZE_CAP = 1 << 30
_SQLITE = b"SQLite format 3\x00"
_WINDOW_CAP = 1 << 27
_MEMBERS = {1: "collection.anki2", 2: "collection.anki21", 3: "collection.anki21b"}
_STEPS_CAP = 500_000


def collection_bytes(data: bytes, cap: int = SIZE_CAP) -> bytes:
    """Give the SQLite image inside an .apkg, .colpkg or bare collection.anki2.

    Raises:
        FieldError: With a reason for the student or the operator.
    """
    if data.startswith(_SQLITE):
        return data
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise FieldError("not an Anki export", "allowed .apkg, .colpkg or collection.anki2, uploaded in full")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            version = _version(package)
            image = _read(package, _MEMBERS[version], cap)
        if version == 3:
            with zstandard.ZstdDecompressor(max_window_size=_WINDOW_CAP).stream_reader(image) as stream:
                image = _capped(stream.read(cap + 1), cap)
    except (zipfile.BadZipFile, zlib.error, zstandard.ZstdError) as error:
        raise FieldError("damaged Anki export", type(error).__name__) from None
    except (NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise FieldError("unreadable Anki export", type(error).__name__) from None
    if not image.startswith(_SQLITE):
        raise FieldError("damaged Anki export", "the collection inside is not a database")
    return image


def _version(package: zipfile.ZipFile) -> int:
    """Read field 1 of the protobuf `meta`; without `meta` the export is from an old Anki."""
    names = package.namelist()
    if "meta" not in names:
        return 2 if _MEMBERS[2] in names else 1
    meta = _read(package, "meta", 4096)
    version = meta[1] if len(meta) >= 2 and meta[0] == 0x08 else 0
    if version not in _MEMBERS:
        raise FieldError("unknown Anki export version", f"got {version}, allowed 1, 2, 3")
    return version


def _read(package: zipfile.ZipFile, member: str, cap: int) -> bytes:
    if member not in package.namelist():
        raise FieldError("damaged Anki export", f"{member} is not inside")
    with package.open(member) as stream:
        return _capped(stream.read(cap + 1), cap)


def _capped(image: bytes, cap: int) -> bytes:
    if len(image) > cap:
        raise FieldError("Anki export too large", f"allowed {cap} bytes unpacked")
    return image


@contextmanager
def opened(image: bytes, wal: bytes | None = None) -> Iterator[sqlite3.Connection]:
    """Give a connection to a private copy of the collection that only answers queries.

    Args:
        image: The SQLite file.
        wal: The `-wal` file that lay beside a live collection; without it the newest reviews are lost.
    """
    with tempfile.TemporaryDirectory(prefix="anki-") as folder:
        copy = Path(folder) / "collection.anki2"
        copy.write_bytes(image)
        if wal is not None:
            copy.with_name("collection.anki2-wal").write_bytes(wal)
        with closing(sqlite3.connect(copy)) as db:
            db.create_collation("unicase", _unicase)
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA query_only = ON")
            _stop_runaway(db)
            yield db


def _unicase(left: str, right: str) -> int:
    a, b = left.casefold(), right.casefold()
    return (a > b) - (a < b)


def _stop_runaway(db: sqlite3.Connection) -> None:
    """Stop a query after 500 million steps of SQLite's machine: a crafted file could loop for ever."""
    steps = iter(range(_STEPS_CAP))
    db.set_progress_handler(lambda: next(steps, None) is None, 1000)
