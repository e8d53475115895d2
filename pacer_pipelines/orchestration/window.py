"""Which days a run has to do: its own, and every earlier one whose landed data changed since it was last done."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.landed_history import first_new_days
from pacer_pipelines.adapters.landing import UNDATED, Landing
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.orchestration.resources import DBT_PROJECT

# by the day on which something happened; plans and roster have no day and concern all of them
TABLES = (
    "exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews", "anki_card_links",
    "roster", "experiments", "experiment_exclusions", "flag_regions",
)  # fmt: skip
HISTORIES = frozenset({"llm_logs", "anki_cards"})


@dataclass(frozen=True, slots=True)
class Window:
    """Days to do, both included, and the landed state that the work will have seen."""

    start: date
    end: date
    digests: dict[str, str]

    @property
    def days(self) -> list[date]:
        """Every day of the window."""
        return [
            date.fromordinal(number) for number in range(self.start.toordinal(), self.end.toordinal() + 1)
        ]


def find_window(work: str, landing: Landing, home: Path, day: date, first: date) -> Window:
    """The window of a run.

    Args:
        work: what is done per day, ``built`` or ``checked``; each keeps its own memory.
        landing: what has landed.
        home: the world's home, which remembers what was done.
        day: the day of the run.
        first: first day of the oldest experiment; nothing before it reaches a mart.

    Returns:
        From the earliest day that changed (or the run's own) to the latest day ever done, because a mart row
        depends on days before it and never on days after it.
    """
    done, through = _state(home, work)
    last = max(day, through or day)
    began = _beginnings(landing, home, first)
    digests = {key: value for key, (starts, value) in began.items() if starts <= last}
    # a key that is gone was landed once; what it changed is not known any more
    changed = [began[key][0] if key in began else first for key in _differing(digests, done)]
    if _first_exposures(digests, done):
        changed.append(first)
    # days without a run in between also let requests and cards mature
    unseen = first if through is None else through + timedelta(days=1)
    start = max(min([day, unseen, *changed]), first)
    return Window(start, last if changed else max(day, start), digests)


# the plan's own hash and the shares of its flag stand in the verdict, and the models' in its code version
_NO_INPUT = frozenset({"experiments", "experiment_exclusions", "flag_regions", "models"})


def partitions(landing: Landing, home: Path, day: date, first: date) -> dict[str, str]:
    """Hash of each landed table, over every part of it that a day's verdict could know.

    Args:
        landing: what has landed.
        home: the world's home.
        day: the day that is judged.
        first: first day of its experiment.

    Returns:
        Table -> sha256 over its parts, by name and digest.
    """
    parts: dict[str, list[str]] = {}
    for key, (starts, digest) in sorted(_beginnings(landing, home, first).items()):
        table = key.partition("/")[0]
        if starts <= day and table not in _NO_INPUT:
            parts.setdefault(table, []).append(f"{key} {digest}")
    return {table: hashlib.sha256("\n".join(lines).encode()).hexdigest() for table, lines in parts.items()}


def _beginnings(landing: Landing, home: Path, first: date) -> dict[str, tuple[date, str]]:
    """Landed part -> (first day on which it can change a mart, digest); the models count as a part."""
    began = {"models": (first, Warehouse(home, DBT_PROJECT).fingerprint())}
    for table in TABLES:
        new_days = first_new_days(home, table) if table in HISTORIES else {}
        for name, digest in landing.days(table).items():
            day = first if name == UNDATED else date.fromisoformat(name)
            if table in HISTORIES and name != UNDATED:
                # not after the copy, whatever its rows say, and a day before it: the morning after the start freezes
                # the covariates of that first day
                day = min(day - timedelta(days=1), new_days.get(day, day))
            began[f"{table}/{name}"] = (max(day, first), digest)
    return began


def _differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]


def _first_exposures(digests: dict[str, str], done: dict[str, str]) -> bool:
    """The exposure log arrives in a world that had none: its guessed requests have to go, on every day."""
    return bool(done) and any(map(_is_exposure, digests)) and not any(map(_is_exposure, done))


def _is_exposure(key: str) -> bool:
    return key.startswith("exposures/")


def remember(work: str, home: Path, window: Window) -> None:
    """Keep what the work on a window has seen; called after it succeeded."""
    _, through = _state(home, work)
    content = {"through": max(window.end, through or window.end).isoformat(), "digests": window.digests}
    replace_text(_path(home, work), json.dumps(content, sort_keys=True, indent=1))


def digests(landing: Landing) -> dict[str, str]:
    """Landed part -> digest, as :func:`remember` keeps them."""
    return {f"{table}/{name}": value for table in TABLES for name, value in landing.days(table).items()}


def through(home: Path, work: str) -> date | None:
    """Last day that the work has ever done."""
    return _state(home, work)[1]


def rebase(work: str, home: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """Take parts that a deletion rewrote as seen, where the work had seen them as they were before.

    Args:
        work: as in :func:`find_window`.
        home: the world's home.
        before: landed part -> digest before the deletion.
        after: the same after it; a part may be gone.
    """
    done, last = _state(home, work)
    if last is None:
        return
    kept = {key: after.get(key, "") if before.get(key) == value else value for key, value in done.items()}
    content = {"through": last.isoformat(), "digests": {key: value for key, value in kept.items() if value}}
    replace_text(_path(home, work), json.dumps(content, sort_keys=True, indent=1))


def _state(home: Path, work: str) -> tuple[dict[str, str], date | None]:
    try:
        content = json.loads(_path(home, work).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, None
    return content["digests"], date.fromisoformat(content["through"])


def _path(home: Path, work: str) -> Path:
    return home / "state" / f"{work}.json"
