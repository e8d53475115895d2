"""Late data: which judged days know something else by now, and their verdicts anew, without any effect.

What is new is told from what is late by the day that it speaks of. A run of day d expects rows of d and of the morning
after; rows of an earlier day, in a file that was not there or was another one, are late for that day and all after it.
"""

import json
import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.deletions import under_way
from pacer_pipelines.adapters.landed_history import first_days_shown
from pacer_pipelines.adapters.landing import Landing
from pacer_pipelines.adapters.verdicts import Again
from pacer_pipelines.decisions.revised import Revised
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.ingestion import saved_problems
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_day import judge_day
from pacer_pipelines.orchestration.window import HISTORIES
from pacer_pipelines.plan import Plan

# Sources that promise their day. An Anki export brings weeks whenever a student likes, and a roster has no day: they
# count in the newest verdict, and in an old one when a person asks (pacer backfill).
PUNCTUAL = ("exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews")
NAMED = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A part of a delivered file that is new or another one: first day that it speaks of, and where it lies."""

    starts: date
    table: str
    day: str
    file_key: str

    @property
    def part(self) -> str:
        """Its name among the parts of the landing."""
        return f"{self.table}/{self.day}/{self.file_key}"

    @property
    def sentence(self) -> str:
        """What arrived, for a person."""
        return f"{self.table} of {self.starts} arrived late (file {self.file_key})"


def parts(landing: Landing) -> dict[str, str]:
    """Part of a punctual source, as table/day/file key -> its hash."""
    return {
        f"{table}/{day}/{key}": digest
        for table in PUNCTUAL
        for (day, key), digest in landing.parts(table).items()
    }


def deliveries(home: Path, seen: dict[str, str], now: dict[str, str]) -> list[Delivery]:
    """Parts that differ from what was seen, earliest first."""
    changed = sorted(key for key in seen.keys() | now.keys() if seen.get(key) != now.get(key))
    split = [tuple(key.split("/", 2)) for key in changed]
    found = []
    for table in PUNCTUAL:
        own = [(day, key) for name, day, key in split if name == table]
        shown = first_days_shown(home, table, own) if table in HISTORIES and own else {}
        for day, key in own:
            seen_on = date.fromisoformat(day)
            found.append(Delivery(min(seen_on, shown.get((day, key), seen_on)), table, day, key))
    return sorted(found, key=lambda one: (one.starts, one.table, one.file_key))


def revise(world: WorldResource, day: date) -> dict[str, tuple[Revised, ...]]:
    """Judge again, oldest first, every judged day whose evidence changed since it was judged.

    No flag moves and nothing is posted: the message of ``day`` says what was revised. While a configured source
    cannot be read, nothing is revised, since the old days would be held for a fault of today; the next run does it.

    Args:
        world: the world, its marts built and published, its days checked.
        day: the day of the run, which is judged by itself.

    Returns:
        Slug -> days that were judged again with another outcome by runs of this day.
    """
    with alone(world.home):
        try:
            _revise_all(world, day)
        except Exception:
            # nothing of the past may stand in the way of today's verdict
            _log.exception("earlier verdicts cannot be judged again")
        return {
            plan.slug: found
            for plan in world.world.plans
            if (found := world.verdicts.revised_by(plan.slug, day))
        }


def _revise_all(world: WorldResource, day: date) -> None:
    """Judge again what is late, and keep what every verdict knows by now; what could not be done stays late."""
    seen, now = _seen(world.home), parts(world.landing)
    late = [one for one in deliveries(world.home, seen, now) if one.starts < day] if seen is not None else []
    ready = not late or not (_broken(world.home) or under_way(world.home))
    outcomes = [ready and _revise(world, plan, day, late) for plan in world.world.plans]
    waiting = {} if all(outcomes) else {one.part: (seen or {}).get(one.part, "") for one in late}
    remember(world.home, {**now, **waiting})


def _revise(world: WorldResource, plan: Plan, run_of: date, late: list[Delivery]) -> bool:
    """Whether every day of a plan that knows something else by now could be judged again."""
    done = True
    for day in world.verdicts.days(plan.slug):
        reasons = [one for one in late if one.starts <= day]
        before = world.verdicts.newest(plan.slug, day)
        if reasons and day != run_of and before is not None:
            why = Again(_sentences(reasons), run_of.isoformat(), before.content["verdict"])
            try:
                judge_day(world, plan, day, again=why)
            except Exception:
                _log.exception("%s: %s cannot be judged again", plan.slug, day)
                done = False
    return done


def _sentences(late: list[Delivery]) -> tuple[str, ...]:
    said = list(dict.fromkeys(one.sentence for one in late))
    more = (f"and {len(said) - NAMED} more",) if len(said) > NAMED else ()
    return (*said[:NAMED], *more)


def _broken(home: Path) -> bool:
    return any(configured and problem for configured, problem in saved_problems(home).values())


def remember(home: Path, seen: dict[str, str]) -> None:
    """Keep which parts every verdict knows; an empty hash stands for none."""
    known = {part: digest for part, digest in seen.items() if digest}
    replace_text(_path(home), json.dumps(known, sort_keys=True, indent=1))


def rebase(home: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """Take parts that a deletion rewrote as known, where they were known before it: deleted is not late."""
    seen = _seen(home)
    if seen is not None:
        rewritten = {part: after.get(part, "") for part in seen if seen[part] == before.get(part)}
        remember(home, {**seen, **rewritten})


def _seen(home: Path) -> dict[str, str] | None:
    try:
        content: dict[str, str] = json.loads(_path(home).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content


def _path(home: Path) -> Path:
    return home / "state" / "judged.json"
