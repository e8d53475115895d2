"""One tick of the watch: read what is new, cut B where a day shows harm, and see that nobody is served B afterwards.

A tick is safe to repeat from any point at which it broke: the memory is written in one transaction, the journal's
entry closes the experiment, and a closed experiment is cut, told and verified by every later tick.
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.watch_store import WatchStore, open_store
from pacer_pipelines.decisions.catalogue import in_a_row
from pacer_pipelines.decisions.watch import Harm, find_harm
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration.effects import NOT_MOVED, flag_owner, running
from pacer_pipelines.orchestration.following import follow_approvals
from pacer_pipelines.orchestration.hands import note_watch
from pacer_pipelines.orchestration.reminders import remind
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import closed_since, roll_back
from pacer_pipelines.orchestration.updates import kept_shown
from pacer_pipelines.orchestration.watch_closed import (
    WATCH,
    Kind,
    Outcome,
    kept_cut,
    told,
    verified,
)
from pacer_pipelines.orchestration.watch_intake import UNJUDGED, take_in
from pacer_pipelines.plan import Plan

_log = logging.getLogger(__name__)

# the last calls and ratings of a day arrive after midnight
DAYS = 2
SAID = "said"


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick found: outcomes, notes about the sources, and how many rows were new."""

    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    rows: int = 0


def tick(world: WorldResource, at: datetime) -> Tick:
    """Look once, and act on what is seen.

    Args:
        world: the world; in a dry run only the watch's own memory is written.
        at: now, naive UTC.

    Returns:
        What was found and done. A source that cannot be read is said when that begins, and not by every tick.

    Raises:
        PacerError: the watch cannot work at all: no pseudonym key, or a damaged memory.
    """
    with _alone(world.home) as free:
        if not free:
            return Tick(notes=("another tick is at work",))
        with open_store(world.home) as store:
            note_watch(world, at)
            intake = take_in(world, store, at)
            # while lines wait, the newest day that is known may be an old one
            fresh = store.noted(UNJUDGED) == "yes" and not intake.behind
            outcomes = [
                found
                for plan in _watched(world, at)
                for found in _safely(plan, _of_plan(world, store, plan, at, fresh))
            ]
            if not intake.behind:
                outcomes += [
                    found
                    for plan in _watched(world, at)
                    for found in _safely(plan, _of_people(world, store, plan, at))
                ]
            if fresh and not any(outcome.kind == "failed" for outcome in outcomes):
                store.note(UNJUDGED, "")
            refused = [f"{count} lines refused: {reason}" for reason, count in sorted(intake.refused.items())]
            return Tick(tuple(outcomes), (*_said_once(store, intake.problems), *refused), intake.rows)


def _watched(world: WorldResource, at: datetime) -> list[Plan]:
    """Running plans whose flag is still their own."""
    today = local_date(at, ZoneInfo(world.world.timezone))
    return [plan for plan in running(world, today) if not flag_owner(world, plan, today)]


def _safely(plan: Plan, found: Iterator[Outcome]) -> Iterator[Outcome]:
    """What a tick does for one plan; whatever breaks there stops no other plan."""
    try:
        yield from found
    except Exception as error:
        _log.exception("%s: the tick broke", plan.slug)
        yield Outcome(plan.slug, "failed", f"{type(error).__name__}: {error}", bad=True)


def _of_plan(
    world: WorldResource, store: WatchStore, plan: Plan, at: datetime, fresh: bool
) -> Iterator[Outcome]:
    closed = closed_since(world, plan)
    if closed is not None:
        yield from kept_cut(world, plan, at)
    elif fresh and (harms := _harms(world, store, plan)):
        yield _cut_at_once(world, plan, harms, at)
        closed = closed_since(world, plan)
    if closed is None or world.world.settings.dry_run:
        return
    yield from verified(world, store, plan, closed, at)
    yield from told(world, plan)


def _of_people(world: WorldResource, store: WatchStore, plan: Plan, at: datetime) -> Iterator[Outcome]:
    """Follow what people said since, see that their messages say so, and remind them of what nobody has seen."""
    if closed_since(world, plan) is None:
        yield from follow_approvals(world, store, plan, at)
    yield from kept_shown(world, plan)
    yield from remind(world, plan, at)


def _harms(world: WorldResource, store: WatchStore, plan: Plan) -> tuple[Harm, ...]:
    alone = _share(world, plan) == 100
    days = store.newest_days(plan, DAYS)
    return tuple(
        harm for day in days for harm in find_harm(plan, day, store.tallies(plan, day, alone), alone)
    )


def _share(world: WorldResource, plan: Plan) -> float | None:
    flag_file = world.world.settings.flag_file
    try:
        return read_flag(flag_file, plan.flag_key, plan.treatment.variant).share if flag_file else None
    except FlagRefused:
        return None


def _cut_at_once(world: WorldResource, plan: Plan, harms: tuple[Harm, ...], at: datetime) -> Outcome:
    why = in_a_row("; ", (harm.text for harm in harms))
    try:
        _, said = roll_back(world, plan, at, WATCH, why, harms[0].details())
    except FlagRefused as error:
        return Outcome(plan.slug, "rolled_back", f"{why}. {NOT_MOVED}: {error}", bad=True)
    kind: Kind = "would" if world.world.settings.dry_run else "rolled_back"
    return Outcome(plan.slug, kind, f"{why}. {said}", bad=True)


def _said_once(store: WatchStore, problems: list[str]) -> list[str]:
    """Those problems that the tick before did not have."""
    before, now = store.noted(SAID), "\n".join(problems)
    if now != before:
        store.note(SAID, now)
    return [problem for problem in problems if problem not in before.split("\n")]


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """One tick at a time per world; another one is not waited for, since it sees the same lines."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "watch.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
