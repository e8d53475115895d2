"""The watch follows what people said between two verdicts: an approved promotion raises the flag, once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.adapters.watch_store import WatchStore
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import FlagRefused, PacerError
from pacer_pipelines.orchestration.approval import problem_of
from pacer_pipelines.orchestration.effects import NOT_MOVED, raise_share
from pacer_pipelines.orchestration.hands import move_of
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.watch_closed import Outcome
from pacer_pipelines.plan import Plan

# an approval that was not followed for so long is not spoken of any more
FORGOTTEN = timedelta(days=14)


def follow_approvals(world: WorldResource, store: WatchStore, plan: Plan, at: datetime) -> Iterator[Outcome]:
    """Raise the flag for each approval that has not been applied; one that cannot be any more is said once.

    Args:
        world: the world; a dry run does nothing.
        store: the watch's memory, for what was said.
        plan: an experiment that is not closed.
        at: now, naive UTC.
    """
    if world.world.settings.dry_run or world.world.settings.flag_file is None:
        return
    for entry in Journal(world.home).entries(plan.slug, "approval"):
        said, known = _followed(world, plan, entry, at), f"approval {entry.entry_id}"
        if said is not None and store.noted(known) != said.text:
            yield said
            store.note(known, said.text)


def _followed(world: WorldResource, plan: Plan, entry: Entry, at: datetime) -> Outcome | None:
    """What became of one approval; None when there is nothing to do."""
    if at - entry.at > FORGOTTEN:
        return None
    try:
        verdict = Verdict.from_dict(world.verdicts.find(entry.details["verdict_id"]).content)
        # what was applied once is over, whatever a person did to the flag since
        if move_of(world, plan, verdict) is not None:
            return None
        problem = problem_of(world, plan, verdict, at)
        if problem is not None:
            return _left(plan, entry, problem.text)
        moved = raise_share(world, plan, verdict, entry.who)
        return Outcome(plan.slug, "raised", f"approved by {entry.who}: {moved}")
    except FlagRefused as error:
        return _left(plan, entry, f"{NOT_MOVED}: {error}")
    except PacerError as error:
        return _left(plan, entry, str(error))


def _left(plan: Plan, entry: Entry, why: str) -> Outcome:
    return Outcome(plan.slug, "refused", f"the approval by {entry.who} of {entry.at} UTC: {why}", bad=True)
