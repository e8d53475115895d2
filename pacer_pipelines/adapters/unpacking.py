"""Unpacking of gzip and zstandard piece by piece, so that neither a large file nor a bomb fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from pacer_pipelines.errors import SourceMissing, SourceUnreadable

_CHUNK = 1 << 16
_WINDOW_CAP = 1 << 27
# so much packed zstandard becomes at most 32 MiB: four bytes can stand for 128 KiB
_ZSTD_STEP = 1 << 10


class EndsEarly(Exception):
    """A file ends before its content does; what came before is good."""

    reason = "file cut short"

    def __init__(self, why: str) -> None:
        """Say what is wrong, for a person."""
        super().__init__(why)
        self.why = why


class Damaged(EndsEarly):
    """Packed content that no more bytes will heal."""

    reason = "file damaged"


class TooLarge(EndsEarly):
    """More content than the cap allows."""

    reason = "file too large"


def unpacked(source: str, path: Path, name: str, cap: int) -> Iterator[bytes]:
    """Give the content of a file in pieces, unpacked when its name ends in .gz or .zst.

    Args:
        source: Name of the source, for messages.
        path: The file.
        name: Its name for people.
        cap: Bytes to give at most.

    Raises:
        EndsEarly: After the last good piece, if the content is cut short, damaged or larger than the cap.
        SourceMissing, SourceUnreadable: If the file is gone or cannot be read.
    """
    left = cap
    opener = {".gz": _gunzip, ".zst": _unzstd}.get(path.suffix.lower())
    for piece in _pieces(source, path, name) if opener is None else opener(_pieces(source, path, name)):
        if len(piece) > left:
            yield piece[:left]
            raise TooLarge(f"larger than {cap} bytes unpacked")
        left -= len(piece)
        if piece:
            yield piece


def _pieces(source: str, path: Path, name: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                yield piece
    except FileNotFoundError as error:
        raise SourceMissing(source, name) from error
    except IsADirectoryError as error:
        raise SourceUnreadable(source, name, "this folder cannot be read") from error
    except OSError as error:
        raise SourceUnreadable(source, name, error.strerror or type(error).__name__) from error


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip, also of several members, as appending writers leave it."""
    member = None
    for piece in pieces:
        while piece:
            member = member or zlib.decompressobj(wbits=31)
            try:
                yield member.decompress(piece, _CHUNK * 16)
            except zlib.error:
                raise Damaged("gzip data is damaged") from None
            piece = member.unconsumed_tail or member.unused_data
            if member.eof:
                member = None
    if member is not None:
        yield member.flush()
        raise EndsEarly("gzip file is cut short")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack zstandard, also of several frames."""
    frame = None
    for whole in pieces:
        for start in range(0, len(whole), _ZSTD_STEP):
            piece = whole[start : start + _ZSTD_STEP]
            while piece:
                frame = frame or zstandard.ZstdDecompressor(max_window_size=_WINDOW_CAP).decompressobj()
                try:
                    yield frame.decompress(piece)
                except zstandard.ZstdError:
                    raise Damaged("zstd data is damaged") from None
                piece = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = None
    if frame is not None:
        raise EndsEarly("zstd file is cut short")
