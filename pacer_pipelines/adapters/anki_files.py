"""The door to uploaded Anki exports: a fingerprint of what lies there, and a private copy to read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pacer_pipelines.adapters.source_files import SourceFile, unpack_to
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

SOURCE = "anki_reviews"


@dataclass(frozen=True)
class Upload:
    """A private copy of an export and, for a live collection, of the `-wal` file that lay beside it."""

    path: Path
    wal: Path | None


def fingerprint(file: SourceFile) -> bytes:
    """Give what stands for an upload's content: the hashes of the file and of the `-wal` file beside it.

    While Anki is open only the `-wal` file grows, so the file alone would look as if nothing were new.

    Raises:
        SourceMissing, SourceUnreadable: Under its private name; its path may hold a child's name.
    """
    try:
        return f"{_sha256(file.path)} {_sha256(_wal(file))}".encode()
    except FileNotFoundError:
        raise SourceMissing(SOURCE, file.display_name) from None
    except OSError as error:
        raise SourceUnreadable(SOURCE, file.display_name, error.strerror or type(error).__name__) from None


@contextmanager
def private_copy(file: SourceFile) -> Iterator[Upload]:
    """Give a copy that nobody writes to, unpacked when its name ends in .gz or .zst.

    Raises:
        SourceMissing, SourceUnreadable: As :func:`fingerprint`; also beyond 4 GiB.
    """
    with tempfile.TemporaryDirectory(prefix="upload-") as folder:
        target = Path(folder) / "upload"
        wal = _copied(file, _wal(file), Path(folder) / "upload-wal")
        _copied(file, file.path, target)
        yield Upload(target, wal)


def _copied(file: SourceFile, path: Path | None, target: Path) -> Path | None:
    if path is None:
        return None
    try:
        unpack_to(SOURCE, path, target)
    except SourceMissing:
        raise SourceMissing(SOURCE, file.display_name) from None
    except SourceUnreadable as error:
        raise SourceUnreadable(SOURCE, file.display_name, error.why, error.may_pass) from None
    return target


def _wal(file: SourceFile) -> Path | None:
    wal = file.path.with_name(file.path.name + "-wal")
    return wal if wal.is_file() else None


def _sha256(path: Path | None) -> str:
    if path is None:
        return "none"
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
