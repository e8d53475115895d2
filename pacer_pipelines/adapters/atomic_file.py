"""Writing a small file in one step: a reader sees the old content or the new, never a part."""

import os
import shutil
from pathlib import Path

_MTIME_STEP_NS = 1_000_000


def replace_text(path: Path, text: str) -> None:
    """Put the text in the file's place, as UTF-8 with its line ends as they are; see :func:`replace_bytes`."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """Put the content in the file's place, on disk before this returns.

    An existing file keeps its mode and gets a later mtime, because watchers ignore a file that is not newer.

    Args:
        path: the file; its folder is made when missing, and a symbolic link is followed.
        content: the whole new content.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, temporary)
        written = max(temporary.stat().st_mtime_ns, target.stat().st_mtime_ns + _MTIME_STEP_NS)
        os.utime(temporary, ns=(written, written))
    temporary.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
