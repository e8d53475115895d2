"""The door to source files: which files a source holds, and their content, unpacked under a size cap."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import zstandard

from pacer_pipelines.errors import SourceMissing, SourceUnreadable

SIZE_CAP = 4 << 30
_CHUNK = 1 << 16
_WINDOW_CAP = 1 << 27
_COMPANIONS = ("-wal", "-shm", "-journal")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PACKED = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: where it lies, its key in the landing, and the name people may see."""

    path: Path
    key: str
    display_name: str


@dataclass(frozen=True)
class Content:
    """The unpacked bytes of a file, and why they end early if they do ("" if they do not)."""

    data: bytes
    cut_short: str = ""

    @cached_property
    def sha256(self) -> str:
        """The hash of the unpacked bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def lines(self) -> list[bytes]:
        """Give the raw lines, without their newline."""
        return self.data.split(b"\n")


def list_files(
    source: str, where: str | Path, rename: Callable[[str], str] = lambda relative: relative
) -> list[SourceFile]:
    """Give the files of a source in a stable order.

    Args:
        source: Name of the source, for messages.
        where: A file, a folder (read recursively; hidden files and the companions of a SQLite file are
            left out) or a glob.
        rename: Turns the path inside the folder into the name that people may see. The key is made from
            that name, so a private name gives a private key.

    Returns:
        Files sorted by name; none for an empty folder.

    Raises:
        SourceMissing: If there is no such file or folder, or the glob matches nothing.
    """
    base, found = _find(source, Path(where))
    named = [(rename(path.relative_to(base).as_posix()), path) for path in found]
    return [SourceFile(path, file_key(name), name) for name, path in sorted(named)]


def _find(source: str, where: Path) -> tuple[Path, list[Path]]:
    try:
        if where.is_file():
            return where.parent, [where]
        if where.is_dir():
            return where, [path for path in where.rglob("*") if path.is_file() and not _hidden(path, where)]
        base = _glob_base(where)
        found = [path for path in base.glob(str(where.relative_to(base))) if path.is_file()]
    except OSError as error:
        raise SourceUnreadable(source, str(where), type(error).__name__) from error
    if not found:
        raise SourceMissing(source, str(where))
    return base, found


def _hidden(path: Path, base: Path) -> bool:
    parts = path.relative_to(base).parts
    return path.name.endswith(_COMPANIONS) or any(part.startswith((".", "~")) for part in parts)


def _glob_base(where: Path) -> Path:
    """Give the deepest folder of a glob that holds no wildcard."""
    base = where.parent
    while _PACKED.search(str(base)):
        base = base.parent
    return base


def file_key(name: str) -> str:
    """Give a name that is safe as a file name and as good as unique.

    >>> file_key("exposures.jsonl.gz")
    'exposures.jsonl.gz'
    >>> file_key("2026/day 1.jsonl")
    '2026_day_1.jsonl-6f83c0fa'
    """
    safe = _UNSAFE.sub("_", name).lstrip(".-")[:120]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read_bytes(source: str, file: SourceFile, cap: int = SIZE_CAP) -> Content:
    """Give the content of a file, unpacked when its name ends in .gz or .zst.

    A packed file that breaks off gives what came before, and says so in `cut_short`.

    Args:
        source: Name of the source, for messages.
        file: The file.
        cap: Largest unpacked size in bytes.

    Raises:
        SourceMissing: If the file is gone.
        SourceUnreadable: If it cannot be opened, is larger than the cap, or nothing of it can be unpacked.
    """
    pieces: list[bytes] = []
    try:
        for piece in unpacked(source, file.path, file.display_name, cap):
            pieces.append(piece)
    except _Broken as broken:
        if not pieces:
            raise SourceUnreadable(source, file.display_name, broken.why) from None
        return Content(b"".join(pieces), broken.why)
    return Content(b"".join(pieces))


def open_lines(source: str, file: SourceFile, cap: int = SIZE_CAP) -> Iterator[bytes]:
    """Give the raw lines of a file one by one; a packed file that breaks off raises after its good lines."""
    rest = b""
    try:
        for piece in unpacked(source, file.path, file.display_name, cap):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
    except _Broken as broken:
        yield rest
        raise SourceUnreadable(source, file.display_name, broken.why) from None
    yield rest


def unpack_to(source: str, path: Path, target: Path, cap: int = SIZE_CAP) -> None:
    """Write the unpacked content of a file to `target`, whole or not at all.

    Raises:
        SourceMissing, SourceUnreadable: As read_bytes; a file that breaks off is unreadable here.
    """
    try:
        with target.open("wb") as out:
            for piece in unpacked(source, path, path.name, cap):
                out.write(piece)
    except _Broken as broken:
        target.unlink(missing_ok=True)
        raise SourceUnreadable(source, path.name, broken.why) from None


class _Broken(Exception):
    """A packed stream ends early or is damaged."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def unpacked(source: str, path: Path, name: str, cap: int) -> Iterator[bytes]:
    """Give the content in pieces, never more than `cap` bytes in all."""
    size = 0
    opener = {".gz": _gunzip, ".zst": _unzstd}.get(path.suffix.lower())
    for piece in _pieces(source, path, name) if opener is None else opener(_pieces(source, path, name)):
        size += len(piece)
        if size > cap:
            raise SourceUnreadable(source, name, f"larger than {cap} bytes unpacked")
        if piece:
            yield piece


def _pieces(source: str, path: Path, name: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                yield piece
    except FileNotFoundError as error:
        raise SourceMissing(source, name) from error
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
                raise _Broken("gzip data is damaged") from None
            piece = member.unconsumed_tail or member.unused_data
            if member.eof:
                member = None
    if member is not None:
        yield member.flush()
        raise _Broken("gzip file is cut short")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack zstandard, also of several frames."""
    frame = None
    for whole in pieces:
        for start in range(0, len(whole), 4096):
            piece = whole[start : start + 4096]
            while piece:
                frame = frame or zstandard.ZstdDecompressor(max_window_size=_WINDOW_CAP).decompressobj()
                try:
                    yield frame.decompress(piece)
                except zstandard.ZstdError:
                    raise _Broken("zstd data is damaged") from None
                piece = frame.unused_data if frame.eof else b""
                if frame.eof:
                    frame = None
    if frame is not None:
        raise _Broken("zstd file is cut short")
