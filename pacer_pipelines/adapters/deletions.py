"""What a world keeps of its deletions: marks of the forgotten, the deletion under way, and a report of each.

All below ``home/forgotten/``. Only a deletion under way holds pseudonyms; its file goes when it has finished.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.errors import SourceUnreadable

_MARKS, _HORIZON, _UNDER_WAY = "marks.json", "horizon.json", "under_way.json"


@dataclass(frozen=True)
class Traces:
    """What rows are found by: ids of students (pseudonyms of students and submissions, numbers of the rest), or age.

    ``before`` holds at most one day: rows of what happened before it.
    """

    students: tuple[str, ...] = ()
    logs: tuple[int, ...] = ()
    submissions: tuple[str, ...] = ()
    cards: tuple[int, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnderWay:
    """A deletion that has begun: whoever finds it can finish it without being told the ids again.

    ``rows`` are the rows to remove by table, ``files`` the landed files they lie in as (table, file key), ``before``
    the digests of the landed days and parts, ``through`` the last day that the marts knew.
    """

    at: str
    kind: str
    traces: Traces
    rows: dict[str, int]
    files: tuple[tuple[str, str], ...]
    before: dict[str, str]
    first_day: str
    through: str


@dataclass(frozen=True)
class Deletion:
    """The report of one deletion; it names nobody.

    ``rows`` by table, ``verdicts`` whose evidence was partly deleted, ``remains`` what stays, and why.
    """

    at: str
    kind: str
    students: int
    rows: dict[str, int]
    removed: dict[str, int]
    verdicts: tuple[str, ...] = ()
    remains: tuple[str, ...] = ()
    first_day: str = ""
    cut: tuple[str, ...] = ()


def read_marks(home: Path) -> frozenset[str]:
    """Give the marks of everybody who was ever forgotten.

    Raises:
        SourceUnreadable: the file is damaged; without it the forgotten would land again.
    """
    return frozenset(_read(_path(home, _MARKS), []))


def keep_marks(home: Path, marks: Iterable[str]) -> None:
    """Add marks to those that are kept; none ever goes."""
    known = sorted(read_marks(home) | set(marks))
    replace_text(_path(home, _MARKS), json.dumps(known, indent=0) + "\n")


def read_horizon(home: Path) -> str:
    """Give the first day of which rows may land, as ISO text; empty when all may."""
    return str(_read(_path(home, _HORIZON), ""))


def keep_horizon(home: Path, day: str) -> None:
    """Let nothing of before a day land any more; it never goes back."""
    replace_text(_path(home, _HORIZON), json.dumps(max(day, read_horizon(home))) + "\n")


def begin(home: Path, deletion: UnderWay) -> None:
    """Keep a deletion that begins."""
    replace_text(_path(home, _UNDER_WAY), json.dumps(asdict(deletion)))


def under_way(home: Path) -> UnderWay | None:
    """Give the deletion that somebody began and did not finish."""
    content = _read(_path(home, _UNDER_WAY), None)
    if content is None:
        return None
    traces = Traces(**{name: tuple(ids) for name, ids in content.pop("traces").items()})
    files = tuple((table, key) for table, key in content.pop("files"))
    return UnderWay(traces=traces, files=files, **content)


def finish(home: Path, report: Deletion) -> Path:
    """Keep the report and forget that a deletion was under way; gives the report's file."""
    path = _path(home, f"{report.at[:10]}-{report.at[11:19].replace(':', '')}.json")
    replace_text(path, json.dumps(asdict(report), indent=1) + "\n")
    _path(home, _UNDER_WAY).unlink(missing_ok=True)
    return path


def deletions(home: Path) -> list[Deletion]:
    """Give the reports of all deletions, oldest first."""
    found = []
    for path in sorted(_path(home, "").glob("????-??-??-*.json")):
        content = _read(path, {})
        lists = {name: tuple(content[name]) for name in ("verdicts", "remains", "cut")}
        found.append(Deletion(**{**content, **lists}))
    return found


def _path(home: Path, name: str) -> Path:
    return home / "forgotten" / name


def _read(path: Path, otherwise: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return otherwise
    except (OSError, ValueError) as error:
        raise SourceUnreadable("deletions", str(path), type(error).__name__) from error
