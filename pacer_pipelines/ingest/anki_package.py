"""Opening an Anki package: the right collection inside, unpacked to disk under a size cap.

Since 2.1.50 a package holds a dummy `collection.anki2` that only says "please update Anki"; which member
is the real one is written in `meta`, and nothing else is ever read. No name of the package becomes a path.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

from pacer_pipelines.ingest.rows import FieldError

SIZE_CAP = 1 << 30
SQLITE = b"SQLite format 3\x00"
_WINDOW_CAP = 1 << 27
_CHUNK = 1 << 18
# a member is one media file; Python keeps half a kilobyte of each
_MEMBERS_CAP = 200_000
_DIRECTORY_CAP = 1 << 25
_MEMBERS = {1: "collection.anki2", 2: "collection.anki21", 3: "collection.anki21b"}
_END = struct.Struct("<4s4xHHLL2x")
_END_64 = struct.Struct("<4s20xQQQ8x")
_LOCATOR_64 = struct.Struct("<4s4xQ4x")


def unpack_collection(upload: Path, target: Path, cap: int = SIZE_CAP) -> None:
    """Write the SQLite file inside an .apkg or .colpkg to `target`.

    Args:
        upload: The package.
        target: Where the collection goes; nothing else is written.
        cap: Largest unpacked size in bytes.

    Raises:
        FieldError: With a reason for the student or the operator.
    """
    try:
        with upload.open("rb") as stream, target.open("wb") as out:
            _check_directory(stream)
            with zipfile.ZipFile(stream) as package:
                version = _version(package)
                with _member(package, version) as member:
                    _copy(member, out, cap)
    except (zipfile.BadZipFile, zlib.error, zstandard.ZstdError, EOFError, struct.error) as error:
        raise FieldError("damaged Anki export", type(error).__name__) from None
    except (NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise FieldError("unreadable Anki export", type(error).__name__) from None


def _check_directory(stream: IO[bytes]) -> None:
    """Refuse a table of contents that would fill the memory; zipfile reads all of it before anybody can ask."""
    stream.seek(0, 2)
    stream.seek(max(0, stream.tell() - (1 << 16) - _END.size))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise FieldError("not an Anki export", "a package that is cut short: upload it again, in full")
    _, _, members, size, _ = _END.unpack_from(tail, at)
    locator = tail[max(0, at - _LOCATOR_64.size) : at]
    if locator.startswith(b"PK\x06\x07"):
        stream.seek(_LOCATOR_64.unpack(locator)[1])
        _, _, members, size = _END_64.unpack(stream.read(_END_64.size))
    if members > _MEMBERS_CAP or size > _DIRECTORY_CAP:
        raise FieldError(
            "Anki export too large", f"allowed {_MEMBERS_CAP} files inside: export without media"
        )


def _version(package: zipfile.ZipFile) -> int:
    """Read field 1 of the protobuf `meta`; without `meta` the export is from an old Anki.

    A `meta` that names an older collection than there is would make us read the dummy, so it is refused.
    """
    names = Counter(package.namelist())
    newest = max((version for version, name in _MEMBERS.items() if name in names), default=1)
    if any(names[name] > 1 for name in ("meta", *_MEMBERS.values())):
        raise FieldError("damaged Anki export", "a collection is twice inside")
    if "meta" not in names:
        if newest == 3:
            raise FieldError("damaged Anki export", "meta is not inside")
        return newest
    with package.open("meta") as stream:
        meta = stream.read(2)
    version = meta[1] if len(meta) == 2 and meta[0] == 0x08 else 0
    if version not in _MEMBERS:
        raise FieldError("unknown Anki export version", f"got {version}, allowed 1, 2, 3")
    if version < newest:
        raise FieldError("damaged Anki export", f"meta names {_MEMBERS[version]} beside {_MEMBERS[newest]}")
    return version


@contextmanager
def _member(package: zipfile.ZipFile, version: int) -> Iterator[IO[bytes]]:
    name = _MEMBERS[version]
    if name not in package.namelist():
        raise FieldError("damaged Anki export", f"{name} is not inside")
    with package.open(name) as packed:
        if version < 3:
            yield packed
            return
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW_CAP).stream_reader(packed) as plain:
            yield plain


def _copy(member: IO[bytes], out: IO[bytes], cap: int) -> None:
    size = 0
    while piece := member.read(_CHUNK):
        if not size and not piece.startswith(SQLITE):
            raise FieldError("damaged Anki export", "the collection inside is not a database")
        size += len(piece)
        if size > cap:
            raise FieldError("Anki export too large", f"allowed {cap} bytes unpacked")
        out.write(piece)
    if not size:
        raise FieldError("damaged Anki export", "the collection inside is empty")
