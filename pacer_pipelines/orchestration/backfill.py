"""Days judged again, oldest first, without any effect: what changed by it, day by day."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.orchestration import effects
from pacer_pipelines.orchestration.late import PUNCTUAL
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.run import DayResult, Runner

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class DayChange:
    """One day and experiment of a backfill: rows that were added or taken away, and the word before and now."""

    date: date
    experiment: str
    rows: int
    was: str
    word: str


class Backfill:
    """A range of days of one world; begun on disk, so that one that was killed goes on where it stopped."""

    def __init__(self, runner: Runner, days: Sequence[date], announce: bool = False) -> None:
        """Look at the days as they are, or as they were when the same backfill was begun.

        Args:
            runner: runs a day.
            days: the days, oldest first, all of them over.
            announce: whether to post or update the message of each day; no flag moves in any case.
        """
        self._runner, self._days, self._home = runner, list(days), runner.world.home
        self._tags = {effects.EFFECTS: effects.SLACK_ONLY if announce else effects.NO_EFFECTS}
        begun = _begun(self._home, self._days)
        self._rows: dict[str, int] = begun.get("rows") or _rows(runner.resource)
        self._words: dict[str, Words] = begun.get("words") or {str(day): self._words_of(day) for day in days}
        self._done: list[str] = begun.get("done", [])

    @property
    def waiting(self) -> list[date]:
        """Days that are still to be done."""
        return [day for day in self._days if str(day) not in self._done]

    def run(self, tell: Callable[[str, str], None], started: Callable[[date], None]) -> list[DayResult]:
        """Run what is waiting; a day that does not complete is left, to be done by the next call.

        Args:
            tell: called with (step, outcome) as steps end.
            started: called with each day before it runs.
        """
        results = []
        for day in self.waiting:
            self._keep()
            started(day)
            results.append(self._runner.run(day, tell, self._tags))
            if results[-1].complete:
                self._done.append(str(day))
        if self.waiting:
            self._keep()
        else:
            _path(self._home).unlink(missing_ok=True)
        return results

    def changes(self) -> list[DayChange]:
        """What every day was before the backfill, and is now."""
        rows = _rows(self._runner.resource)
        return [
            DayChange(
                day, slug, rows.get(str(day), 0) - self._rows.get(str(day), 0),
                self._words[str(day)].get(slug, "not judged"), word,
            )
            for day in self._days
            for slug, word in sorted(self._words_of(day).items())
        ]  # fmt: skip

    def _words_of(self, day: date) -> Words:
        return {plan.slug: verdict.verdict for plan, verdict in effects.judged(self._runner.resource, day)}

    def _keep(self) -> None:
        content = {
            "days": list(map(str, self._days)), "done": self._done, "rows": self._rows, "words": self._words,
        }  # fmt: skip
        replace_text(_path(self._home), json.dumps(content))


def _rows(resource: WorldResource) -> dict[str, int]:
    """Landed rows of each day, over the sources that have one."""
    found: Counter[str] = Counter()
    for table in PUNCTUAL:
        for receipt in resource.landing.receipts(table):
            found.update(receipt.per_day)
    return dict(found)


def _begun(home: Path, days: Sequence[date]) -> dict:
    """What was kept of the same backfill when it was begun; nothing of another one."""
    try:
        content = json.loads(_path(home).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if content.get("days") == list(map(str, days)) else {}


def _path(home: Path) -> Path:
    return home / "state" / "backfill.json"
