"""The verdict table: one file per experiment, day and revision, written once and never changed.

Beside each verdict lies what it was made of, packed, so that it can be made again years later.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import zstandard

from pacer_pipelines.adapters.atomic_file import replace_bytes, replace_text
from pacer_pipelines.decisions.revised import Revised
from pacer_pipelines.decisions.values import Past, Verdict, Word, canonical
from pacer_pipelines.errors import SourceUnreadable, VerdictUnknown

_ID = re.compile(r"[0-9a-f]{4,16}")
_BECAUSE = "because-"
_FILE = re.compile(r"r(?P<revision>\d{4})-(?P<verdict_id>[0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a verdict lies, its revision (from 1), and whether it was written just now."""

    path: Path
    revision: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Again:
    """Why a day was judged again without any effect: late data, or a backfill.

    ``run_of`` is the day whose run found the late data, ``was`` the word of the revision before. Such a revision moves
    no traffic, so later days go on from the word that did; ``acted`` says that the day was run as well later on.
    """

    because: tuple[str, ...]
    run_of: str = ""
    was: Word | None = None
    acted: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One verdict file: the verdict as it was written, and its revision of the day."""

    path: Path
    revision: int
    content: dict[str, Any]

    @property
    def home(self) -> Path:
        """The home of its world."""
        return self.path.parents[3]

    @property
    def again(self) -> Again | None:
        """Why it was judged again, if without effect."""
        path = _because(self.path)
        if not path.is_file():
            return None
        content = read_stored(path)
        return Again(**{**content, "because": tuple(content["because"])})

    @property
    def has_evidence(self) -> bool:
        """Whether what the verdict was made of was kept."""
        return _made_of(self.path, self.content["verdict_id"]).is_file()

    @property
    def made_of(self) -> dict[str, Any]:
        """What the verdict was made of (see decisions/replay.py).

        Raises:
            SourceUnreadable: it is not there, as with verdicts from before it was kept, or is damaged.
        """
        path = _made_of(self.path, self.content["verdict_id"])
        try:
            content: dict[str, Any] = json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))
        except FileNotFoundError as error:
            raise SourceUnreadable("verdicts", str(path), "an older version did not keep it") from error
        except (OSError, ValueError, zstandard.ZstdError) as error:
            raise SourceUnreadable("verdicts", str(path), str(error)) from error
        return content


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

    def record(self, verdict: Verdict, made_of: Mapping[str, Any], again: Again | None = None) -> Recorded:
        """Write the verdict as the day's current one, unless it already is; what it was made of comes first.

        Args:
            verdict: the decision; the same verdict_id as the current revision writes nothing.
            made_of: everything that went in, as plain values (see decisions/replay.py).
            again: why the day is judged without any effect, if it is.

        Returns:
            The file, its revision, and whether it is new.
        """
        folder = self._folder / verdict.experiment / verdict.date.isoformat()
        revisions = _revisions(folder)
        last, path = revisions[-1] if revisions else (0, folder)
        if revisions and path.stem.endswith(verdict.verdict_id):
            known = Stored(path, last, {}).again
            if again is None and known is not None and not known.acted:
                replace_text(_because(path), canonical(asdict(replace(known, acted=True))) + "\n")
            return Recorded(path, last, False)
        path = folder / f"r{last + 1:04d}-{verdict.verdict_id}.json"
        replace_bytes(_made_of(path, verdict.verdict_id), _packed(made_of))
        # a note without its verdict is left by a run that was killed
        _because(path).unlink(missing_ok=True)
        if again is not None:
            replace_text(_because(path), canonical(asdict(again)) + "\n")
        replace_text(path, canonical(verdict.as_dict()) + "\n")
        return Recorded(path, last + 1, True)

    def current(self, experiment: str, day: date) -> dict[str, Any] | None:
        """The day's latest verdict as it was written, or None when the day was not judged."""
        revisions = _revisions(self._folder / experiment / day.isoformat())
        return read_stored(revisions[-1][1]) if revisions else None

    def history(self, experiment: str | None = None) -> list[dict[str, Any]]:
        """The latest verdict of each day, by date and then experiment.

        Args:
            experiment: slug of one experiment; None takes all.
        """
        found = self._folder.glob(f"{experiment or '*'}/????-??-??")
        folders = sorted(found, key=lambda path: (path.name, path.parent.name))
        return [read_stored(revisions[-1][1]) for folder in folders if (revisions := _revisions(folder))]

    def newest_files(self, experiment: str) -> list[tuple[date, Path]]:
        """The file of each day's latest verdict, oldest day first; a file never changes once it is there."""
        folders = sorted((self._folder / experiment).glob("????-??-??"))
        return [
            (date.fromisoformat(folder.name), revisions[-1][1])
            for folder in folders
            if (revisions := _revisions(folder))
        ]

    def find(self, verdict_id: str) -> Stored:
        """The verdict with this id, or with an id that begins so; its newest revision.

        Raises:
            VerdictUnknown: there is none, or the beginning fits several.
        """
        paths = (
            sorted(self._folder.glob(f"*/*/r????-{verdict_id}*.json")) if _ID.fullmatch(verdict_id) else []
        )
        ids = sorted({path.stem.partition("-")[2] for path in paths})
        if len(ids) != 1:
            got = f"{len(ids)} verdicts begin so" if ids else "no such verdict"
            raise VerdictUnknown(f"verdict {verdict_id!r}: {got}; pacer history --json lists all ids")
        return Stored(paths[-1], int(paths[-1].name[1:5]), read_stored(paths[-1]))

    def everything(self) -> list[Stored]:
        """Every revision of every day of every experiment, by experiment and day."""
        folders = sorted(self._folder.glob("*/????-??-??"))
        return [
            one
            for folder in folders
            for one in self.revisions(folder.parent.name, date.fromisoformat(folder.name))
        ]

    def revisions(self, experiment: str, day: date) -> list[Stored]:
        """Every verdict that a day was ever given, oldest first."""
        found = _revisions(self._folder / experiment / day.isoformat())
        return [Stored(path, revision, read_stored(path)) for revision, path in found]

    def newest(self, experiment: str, day: date) -> Stored | None:
        """The day's latest verdict with its revision, or None when the day was not judged."""
        revisions = self.revisions(experiment, day)
        return revisions[-1] if revisions else None

    def days(self, experiment: str) -> list[date]:
        """Every day that was judged, oldest first."""
        return [day for day, _ in self.newest_files(experiment)]

    def revised_by(self, experiment: str, run_of: date) -> tuple[Revised, ...]:
        """Days that the run of a day found to be late, and judged again, oldest first."""
        marks = sorted((self._folder / experiment).glob(f"????-??-??/{_BECAUSE}*.json"))
        stored = [
            Stored(path, int(path.name[1:5]), {}) for path in map(_revision_of, marks) if path.is_file()
        ]
        found = [(one.path, again) for one in stored if (again := one.again) is not None]
        return tuple(
            Revised(
                date.fromisoformat(path.parent.name), again.was, read_stored(path)["verdict"], again.because
            )
            for path, again in found
            if again.run_of == run_of.isoformat() and again.was is not None
        )

    def past(self, experiment: str, before: date) -> tuple[Past, ...]:
        """What later days need to know of the days before ``before``, oldest first.

        A day that was ever told to roll back stays so, whatever a later revision says: only a person reopens. A word
        that late data or a backfill gave to a day moved no traffic, so here the day keeps the word that did.
        """
        folders = sorted((self._folder / experiment).glob("????-??-??"))
        days = [date.fromisoformat(folder.name) for folder in folders]
        return tuple(past for day in days if day < before for past in self._past_of(experiment, day))

    def _past_of(self, experiment: str, day: date) -> list[Past]:
        revisions = self.revisions(experiment, day)
        acted = [stored.content for stored in revisions if stored.again is None or stored.again.acted]
        decisive = [one.content for one in revisions if one.content["verdict"] == "rollback"] or acted[-1:]
        return [Past(day, row["verdict"], row["rule"]) for row in decisive[-1:]]


def _revisions(folder: Path) -> list[tuple[int, Path]]:
    found = [(match, path) for path in folder.glob("r*.json") if (match := _FILE.fullmatch(path.name))]
    return sorted((int(match["revision"]), path) for match, path in found)


def _because(path: Path) -> Path:
    return path.with_name(_BECAUSE + path.name)


def _revision_of(mark: Path) -> Path:
    return mark.with_name(mark.name.removeprefix(_BECAUSE))


def _made_of(path: Path, verdict_id: str) -> Path:
    return path.with_name(f"{verdict_id}.made_of.json.zst")


def _packed(made_of: Mapping[str, Any]) -> bytes:
    return zstandard.ZstdCompressor(level=9).compress(canonical(made_of).encode())


def read_stored(path: Path) -> dict[str, Any]:
    """One verdict, or the note beside it, as it was written.

    Raises:
        SourceUnreadable: the file is damaged or gone.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceUnreadable("verdicts", str(path), str(error)) from error
    return content
