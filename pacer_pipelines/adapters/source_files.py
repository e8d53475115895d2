"""The door to source files: which files a source holds, and their content, unpacked under a size cap."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pacer_pipelines.adapters.object_storage import FILE, StoredObject, fetch, is_remote, list_objects
from pacer_pipelines.adapters.unpacking import EndsEarly, TooLarge, unpacked
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

SIZE_CAP = 4 << 30
_COMPANIONS = ("-wal", "-shm", "-journal")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PACKED = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: where it lies, its key in the landing, and the name people may see.

    An object of a store lies nowhere before it is :func:`fetched`; its path is then only its name.
    """

    path: Path
    key: str
    display_name: str
    stored: StoredObject | None = None
    companions: tuple[tuple[str, StoredObject], ...] = ()

    @property
    def tag(self) -> str:
        """A word of the store that changes with the content; "" for a file, which is hashed."""
        return self.stored.tag if self.stored else ""


@dataclass(frozen=True)
class Content:
    """The unpacked bytes of a file, and why they end early if they do ("" if they do not)."""

    data: bytes
    cut_short: str = ""

    @cached_property
    def sha256(self) -> str:
        """The hash of the unpacked bytes."""
        return hashlib.sha256(self.data).hexdigest()


def list_files(
    source: str, where: str | Path, rename: Callable[[str], str] = lambda relative: relative
) -> list[SourceFile]:
    """Give the files of a source in a stable order.

    Args:
        source: Name of the source, for messages.
        where: A file, a folder (read recursively), a glob, or a URL of object storage of any of the three; hidden
            files and the companions of a SQLite file are left out.
        rename: Turns the path inside the folder into the name that people may see. The key is made from
            that name, so a private name gives a private key.

    Returns:
        Files sorted by name; none for an empty folder.

    Raises:
        SourceMissing: If there is no such file or folder, or the glob matches nothing.
    """
    if is_remote(str(where)):
        return _stored_files(list_objects(source, str(where)), rename)
    base, found = _find(source, Path(str(where).removeprefix(FILE)))
    named = [(rename(path.relative_to(base).as_posix()), path) for path in found]
    return [SourceFile(path, file_key(name), name) for name, path in sorted(named)]


def _stored_files(found: Mapping[str, StoredObject], rename: Callable[[str], str]) -> list[SourceFile]:
    listed = {name: stored for name, stored in found.items() if not _hidden(Path(name))}
    files = []
    for name, stored in listed.items():
        beside = tuple((end, found[name + end]) for end in _COMPANIONS if name + end in found)
        shown = rename(name)
        files.append(SourceFile(Path(name), file_key(shown), shown, stored, beside))
    return sorted(files, key=lambda file: (file.display_name, file.path))


@contextmanager
def fetched(source: str, file: SourceFile) -> Iterator[SourceFile]:
    """Give the file as one that lies here, with what lies beside it; an object of a store is copied for that long.

    Raises:
        SourceUnreadable: If the object cannot be fetched, is larger than SIZE_CAP, or changed since it was listed.
    """
    if file.stored is None:
        yield file
        return
    if file.stored.size > SIZE_CAP:
        raise SourceUnreadable(source, file.display_name, f"larger than {SIZE_CAP} bytes", may_pass=False)
    with TemporaryDirectory(prefix="fetched-") as folder:
        # the name may be a person's; its end says how it is packed
        here = Path(folder) / f"content{file.path.suffix}"
        for end, stored in (("", file.stored), *file.companions):
            fetch(source, file.display_name, stored, here.with_name(here.name + end))
        yield replace(file, path=here)


def _find(source: str, where: Path) -> tuple[Path, list[Path]]:
    try:
        if where.is_file():
            return where.parent, [where]
        if where.is_dir():
            return where, [path for path in _walk(where) if not _hidden(path.relative_to(where))]
        base = _glob_base(where)
        matching = base.glob(str(where.relative_to(base)))
        found = [path for path in matching if path.is_file() and not _hidden(path.relative_to(base))]
    except OSError as error:
        raise SourceUnreadable(source, str(where), type(error).__name__) from error
    if not found:
        raise SourceMissing(source, str(where))
    return base, found


def _walk(where: Path) -> Iterator[Path]:
    """Give the files below a folder, through links, each folder once, however links lead in circles.

    A folder that cannot be read and a link that leads nowhere are given too: who reads them says what is wrong.
    """
    unreadable: list[OSError] = []
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(where, onerror=unreadable.append, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        paths = [Path(folder, name) for name in names]
        yield from (path for path in paths if path.is_file() or path.is_symlink())
    yield from (Path(error.filename) for error in unreadable)


def _hidden(path: Path) -> bool:
    return path.name.endswith(_COMPANIONS) or any(part.startswith((".", "~")) for part in path.parts)


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
    except EndsEarly as broken:
        if not pieces or isinstance(broken, TooLarge):
            raise SourceUnreadable(source, file.display_name, broken.why) from None
        return Content(b"".join(pieces), broken.why)
    return Content(b"".join(pieces))


def unpack_to(source: str, path: Path, target: Path, cap: int = SIZE_CAP) -> None:
    """Write the unpacked content of a file to `target`, whole or not at all.

    Raises:
        SourceMissing, SourceUnreadable: As read_bytes; a file that breaks off is unreadable here.
    """
    try:
        with target.open("wb") as out:
            for piece in unpacked(source, path, path.name, cap):
                out.write(piece)
    except EndsEarly as broken:
        target.unlink(missing_ok=True)
        raise SourceUnreadable(source, path.name, broken.why) from None
