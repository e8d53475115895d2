"""The lines of a log file of any size: hashed in one pass, handed out in a second, never held as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pacer_pipelines.adapters.source_files import SIZE_CAP, SourceFile
from pacer_pipelines.adapters.unpacking import Damaged, EndsEarly, unpacked
from pacer_pipelines.errors import SourceUnreadable


@dataclass(frozen=True)
class Fingerprint:
    """What the unpacked content of a file is, without the content.

    Args:
        sha256: Its hash.
        size: Its size in bytes.
        beginnings: Size -> hash of so many first bytes, for each size that was asked for.
        ended: Why it ends early, None if it does not.
    """

    sha256: str
    size: int
    beginnings: Mapping[int, str] = field(default_factory=dict)
    ended: EndsEarly | None = None


def fingerprint(
    source: str, file: SourceFile, sizes: Collection[int] = (), cap: int = SIZE_CAP
) -> Fingerprint:
    """Give the hash of a file's content and of its beginnings.

    Args:
        source: Name of the source, for messages.
        file: The file.
        sizes: Sizes of the beginnings, in bytes.
        cap: Bytes that count; what is beyond them is left out, and said in ``ended``.

    Raises:
        SourceMissing: If the file is gone.
        SourceUnreadable: If it cannot be opened, or is packed and damaged from its start.
    """
    digest, size, ended = hashlib.sha256(), 0, None
    beginnings: dict[int, str] = {}
    wanted = sorted(set(sizes))
    try:
        for piece in unpacked(source, file.path, file.display_name, cap):
            while wanted and wanted[0] <= size + len(piece):
                until = digest.copy()
                until.update(piece[: wanted[0] - size])
                beginnings[wanted.pop(0)] = until.hexdigest()
            digest.update(piece)
            size += len(piece)
    except EndsEarly as early:
        if not size and isinstance(early, Damaged):
            raise SourceUnreadable(source, file.display_name, early.why) from None
        ended = early
    return Fingerprint(digest.hexdigest(), size, beginnings, ended)


def fingerprinted_lines(source: str, file: SourceFile, known: Fingerprint, limit: int) -> Iterator[bytes]:
    """Give the lines of the very content that a fingerprint is of.

    Args:
        source: Name of the source, for messages.
        file: The file; what was appended since the fingerprint was taken is left for the next time.
        known: Its fingerprint.
        limit: Longest line in bytes, see :func:`split_lines`.

    Raises:
        SourceUnreadable: After the last line, if the content was another one by now.
    """
    yield from split_lines(_same_bytes(source, file, known), limit)


def open_lines(source: str, file: SourceFile, limit: int, cap: int = SIZE_CAP) -> Iterator[bytes]:
    """Give the lines of a file; one that ends early raises SourceUnreadable after its good lines."""
    try:
        yield from split_lines(unpacked(source, file.path, file.display_name, cap), limit)
    except EndsEarly as early:
        raise SourceUnreadable(source, file.display_name, early.why) from None


def split_lines(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    r"""Give the lines in a stream of bytes, without their newline, as ``bytes.split(b"\n")`` would.

    The last one is what follows the last newline, so it is empty when the last line is finished. A line of more
    than ``limit`` bytes is given as its first ``limit + 1``, so that it can be told from the longest one allowed.
    """
    rest = b""
    try:
        for piece in pieces:
            first, *others = piece.split(b"\n")
            if len(rest) <= limit:
                rest = (rest + first)[: limit + 1]
            if others:
                yield rest
                *whole, rest = others
                for line in whole:
                    yield line if len(line) <= limit else line[: limit + 1]
                rest = rest[: limit + 1]
    except EndsEarly:
        yield rest
        raise
    yield rest


def _same_bytes(source: str, file: SourceFile, known: Fingerprint) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), known.size
    try:
        for piece in unpacked(source, file.path, file.display_name, SIZE_CAP):
            piece = piece[:left]
            digest.update(piece)
            left -= len(piece)
            yield piece
            if not left:
                break
    except EndsEarly:
        # known from the first pass; if it is another end than then, the hash says so
        pass
    if digest.hexdigest() != known.sha256:
        raise SourceUnreadable(source, file.display_name, "it changed while it was read")
