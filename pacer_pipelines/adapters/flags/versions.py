"""What every version of the flag file that is still known says, where all files of a version say the same."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pacer_pipelines.errors import FlagRefused

_log = logging.getLogger(__name__)
T = TypeVar("T")


def by_version(
    folders: Sequence[Path], live: Path | None, read: Callable[[Path], tuple[str, T]], differs: str
) -> dict[str, T]:
    """What a reader finds in each version; a file that it refuses is left out and logged.

    Args:
        folders: where earlier versions lie, ``*.json``; they need not exist.
        live: the live file, which counts too.
        read: gives version and finding of a file, or raises FlagRefused.
        differs: what is said of a file that contradicts another one of its version.

    Returns:
        Findings by version. Two files of one version that contradict each other: that version is left out too.
    """
    known: dict[str, T] = {}
    contradicted: set[str] = set()
    kept = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    for path in [*kept, *([live] if live else [])]:
        try:
            version, found = read(path)
        except FlagRefused as error:
            _log.warning("flag history: %s left out: %s", path.name, error)
            continue
        if known.setdefault(version, found) != found:
            _log.warning("flag history: version %s left out: %s %s", version, path.name, differs)
            contradicted.add(version)
    return {version: found for version, found in known.items() if version not in contradicted}
