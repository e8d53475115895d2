"""The verdict table: one file per experiment, day and revision, written once and never changed."""

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.decisions.values import Past, Verdict, canonical
from pacer_pipelines.errors import SourceUnreadable

_FILE = re.compile(r"r(?P<revision>\d{4})-(?P<verdict_id>[0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a verdict lies, its revision (from 1), and whether it was written just now."""

    path: Path
    revision: int
    is_new: bool


class Verdicts:
    """Append-only verdicts below ``home/verdicts/<experiment>/<date>/r<revision>-<verdict_id>.json``.

    A day judged again with another outcome gets the next revision; the earlier ones stay.
    """

    def __init__(self, home: Path) -> None:
        """Keep the verdicts of one world.

        Args:
            home: the world's home directory.
        """
        self._folder = home / "verdicts"

    def record(self, verdict: Verdict) -> Recorded:
        """Write the verdict as the day's current one, unless it already is.

        Args:
            verdict: the decision; the same verdict_id as the current revision writes nothing.

        Returns:
            The file, its revision, and whether it is new.
        """
        folder = self._folder / verdict.experiment / verdict.date.isoformat()
        revisions = _revisions(folder)
        last, path = revisions[-1] if revisions else (0, folder)
        if revisions and path.stem.endswith(verdict.verdict_id):
            return Recorded(path, last, False)
        path = folder / f"r{last + 1:04d}-{verdict.verdict_id}.json"
        replace_text(path, canonical(verdict.as_dict()) + "\n")
        return Recorded(path, last + 1, True)

    def current(self, experiment: str, day: date) -> dict[str, Any] | None:
        """The day's latest verdict as it was written, or None when the day was not judged."""
        revisions = _revisions(self._folder / experiment / day.isoformat())
        return _read(revisions[-1][1]) if revisions else None

    def history(self, experiment: str | None = None) -> list[dict[str, Any]]:
        """The latest verdict of each day, by date and then experiment.

        Args:
            experiment: slug of one experiment; None takes all.
        """
        found = self._folder.glob(f"{experiment or '*'}/????-??-??")
        folders = sorted(found, key=lambda path: (path.name, path.parent.name))
        return [_read(revisions[-1][1]) for folder in folders if (revisions := _revisions(folder))]

    def past(self, experiment: str, before: date) -> tuple[Past, ...]:
        """What later days need to know of the days before ``before``, oldest first."""
        rows = self.history(experiment)
        days = [Past(date.fromisoformat(row["date"]), row["verdict"], row["rule"]) for row in rows]
        return tuple(past for past in days if past.date < before)


def _revisions(folder: Path) -> list[tuple[int, Path]]:
    found = [(match, path) for path in folder.glob("r*.json") if (match := _FILE.fullmatch(path.name))]
    return sorted((int(match["revision"]), path) for match, path in found)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceUnreadable("verdicts", str(path), str(error)) from error
    return content
