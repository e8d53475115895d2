"""The door to logs that grow: only the lines that nobody has read yet, through rotation and truncation.

A plain file is known by its inode and its beginning, not by its name: renamed, it goes on where it was; truncated or
replaced, it starts anew. A packed file is read whole when it appears or changes. Reading a line twice is harmless to
the reader of this module, losing one is not: in doubt a file is read again.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from pacer_pipelines.adapters.file_lines import open_lines
from pacer_pipelines.adapters.source_files import SourceFile
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

PACKED = (".gz", ".zst")
# one tick reads no more of a file; about 16,000 calls
CAP = 8 << 20
HEAD = 4096
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file has been read: which file it is, and the bytes that are done with."""

    key: str
    inode: int
    head: str
    offset: int


@dataclass(frozen=True, slots=True)
class News:
    """New complete lines of a file, where to go on, and whether more of it waits for the next tick."""

    lines: list[bytes]
    position: Position
    behind: bool = False
    problem: str = ""


def new_lines(source: str, file: SourceFile, known: Sequence[Position], cap: int = CAP) -> Iterator[News]:
    """Give what a file says that has not been read.

    Args:
        source: name of the source, for messages.
        file: the file.
        known: positions of all files of this source after the tick before.
        cap: bytes of a plain file to read at most.

    Yields:
        At least once: the lines, without a last one that is still being written. The last position counts.

    Raises:
        SourceMissing, SourceUnreadable: the file is gone or cannot be opened.
    """
    try:
        if file.path.suffix.lower() in PACKED:
            yield from _unpacked(source, file, known)
        else:
            with file.path.open("rb") as stream:
                yield _appended(file, stream, known, cap)
    except FileNotFoundError as error:
        raise SourceMissing(source, file.display_name) from error
    except OSError as error:
        raise SourceUnreadable(source, file.display_name, error.strerror or type(error).__name__) from error


def _appended(file: SourceFile, stream: BinaryIO, known: Sequence[Position], cap: int) -> News:
    status, beginning = os.fstat(stream.fileno()), stream.read(HEAD)
    same = (at.offset for at in known if _is_same(at, status.st_ino, beginning))
    offset = max((at for at in same if at <= status.st_size), default=0)
    stream.seek(offset)
    data = stream.read(cap)
    full = len(data) == cap
    end = data.rfind(b"\n") + 1
    if full and not end:
        # no line is as long as this: it is given as it is, and refused
        end = len(data)
    offset += end
    position = Position(file.key, status.st_ino, _head(beginning, offset), offset)
    return News(data[:end].split(b"\n"), position, behind=full)


def _is_same(at: Position, inode: int, beginning: bytes) -> bool:
    """Whether a position belongs to the file that begins like this; nothing is known of a file without a line."""
    grown = at.inode == inode or at.offset >= HEAD
    return at.offset > 0 and grown and at.head == _head(beginning, at.offset)


def _head(beginning: bytes, offset: int) -> str:
    return hashlib.sha256(beginning[:offset]).hexdigest()


def _unpacked(source: str, file: SourceFile, known: Sequence[Position]) -> Iterator[News]:
    status = file.path.stat()
    position = Position(file.key, status.st_ino, f"{status.st_mtime_ns}", status.st_size)
    if any(
        (at.inode, at.head, at.offset) == (position.inode, position.head, position.offset) for at in known
    ):
        yield News([], position)
        return
    some: list[bytes] = []
    size, problem = 0, ""
    try:
        for line in open_lines(source, file, CAP):
            some.append(line)
            size += len(line)
            if len(some) == AT_ONCE or size > CAP:
                # the last of these lines is finished
                yield News([*some, b""], position)
                some, size = [], 0
    except SourceUnreadable as error:
        # what came before the damage counts; the file is read again when it changes
        problem = str(error)
    yield News(some, position, problem=problem)
