"""Which days a run has to build: its own, and every earlier one whose landed data changed since the last build."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.landing import UNDATED, Landing

# by the day on which something happened; plans and roster have no day and concern all of them
TABLES = (
    "exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews", "roster",
    "experiments", "experiment_exclusions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """Days to build, both included, and the landed state that the build will have seen."""

    start: date
    end: date
    digests: dict[str, str]

    @property
    def days(self) -> list[date]:
        """Every day of the window."""
        return [
            date.fromordinal(number) for number in range(self.start.toordinal(), self.end.toordinal() + 1)
        ]


def find_window(landing: Landing, home: Path, day: date, first: date) -> Window:
    """The window of a run.

    Args:
        landing: what has landed.
        home: the world's home, which remembers what was built.
        day: the day of the run.
        first: first day of the oldest experiment; nothing before it reaches a mart.

    Returns:
        From the earliest day that changed (or the run's own) to the latest day ever built, because a mart row
        depends on days before it and never on days after it.
    """
    built, through = _state(home)
    last = max(day, through or day)
    landed = {f"{table}/{name}": value for table in TABLES for name, value in landing.days(table).items()}
    digests = {key: value for key, value in landed.items() if _day(key, first) <= last}
    changed = [
        _day(key, first) for key in digests.keys() | built.keys() if digests.get(key) != built.get(key)
    ]
    start = max(min([day, *changed]), first)
    return Window(start, last if changed else max(day, start), digests)


def remember(home: Path, window: Window) -> None:
    """Keep what the build of a window has seen; called after the build succeeded."""
    _, through = _state(home)
    path = _path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"through": max(window.end, through or window.end).isoformat(), "digests": window.digests}
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(content, sort_keys=True, indent=1), encoding="utf-8")
    draft.replace(path)


def _state(home: Path) -> tuple[dict[str, str], date | None]:
    try:
        content = json.loads(_path(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, None
    return content["digests"], date.fromisoformat(content["through"])


def _path(home: Path) -> Path:
    return home / "state" / "built.json"


def _day(key: str, first: date) -> date:
    name = key.split("/", 1)[1]
    return first if name == UNDATED else max(date.fromisoformat(name), first)
