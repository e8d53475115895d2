"""The journal of each experiment: one file per entry, written once and never changed."""

import json
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.decisions.journal import Entry, Kind
from pacer_pipelines.decisions.values import canonical
from pacer_pipelines.errors import SourceUnreadable


class Journal:
    """Append-only entries below ``home/journal/<experiment>/<time>-<kind>-<entry_id>.json``."""

    def __init__(self, home: Path) -> None:
        """Keep the journals of one world.

        Args:
            home: the world's home directory.
        """
        self._folder = home / "journal"

    def write(self, entry: Entry) -> Path:
        """Write the entry, on disk before this returns; the same entry again writes nothing."""
        name = f"{entry.at:%Y%m%dT%H%M%S}-{entry.kind}-{entry.entry_id}.json"
        path = self._folder / entry.experiment / name
        if not path.exists():
            replace_text(path, canonical(entry.as_dict()) + "\n")
        return path

    def entries(self, experiment: str | None = None, kind: Kind | None = None) -> tuple[Entry, ...]:
        """Every entry, oldest first.

        Args:
            experiment: slug of one experiment; None takes all.
            kind: only entries of this kind; None takes all.

        Raises:
            SourceUnreadable: a file is damaged, or is not what its entry_id promises.
        """
        paths = sorted(
            self._folder.glob(f"{experiment or '*'}/*-{kind or '*'}-*.json"), key=lambda path: path.name
        )
        return tuple(map(_read, paths))


def _read(path: Path) -> Entry:
    try:
        return Entry.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SourceUnreadable("journal", str(path), str(error)) from error
