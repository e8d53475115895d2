"""Rollbacks ask for everybody's attention until a person says that it was seen: which ones, and who has."""

from dataclasses import dataclass

from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.adapters.verdicts import Stored
from pacer_pipelines.decisions.catalogue import in_a_row
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration.exclusive import HANDS, alone
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import Word
from pacer_pipelines.plan import Plan


@dataclass(frozen=True, slots=True)
class Loud:
    """Something that a person must see: a verdict or an entry of the journal, by its id, and what it says."""

    about: str
    text: str


def loud_of(world: WorldResource, plan: Plan) -> tuple[Loud, ...]:
    """All that ever asked for attention in an experiment: verdicts to roll back, rollbacks between, B served after one.

    A day that late data or a backfill judged again was told to nobody, and asks for nothing.
    """
    days = world.verdicts.days(plan.slug)
    told = [found for day in days if (found := _told(world.verdicts.revisions(plan.slug, day)))]
    journal = Journal(world.home)
    entries = (*journal.entries(plan.slug, "rollback"), *journal.entries(plan.slug, "still_served"))
    return (
        *(Loud(one.verdict_id, in_a_row(": ", (str(one.date), one.reasons[0]))) for one in told),
        *(Loud(one.entry_id, in_a_row(": ", (f"{one.at} UTC, {one.who}", one.why))) for one in entries),
    )


def _told(revisions: list[Stored]) -> Verdict | None:
    """The newest word of a day, if it acted and says rollback."""
    newest = revisions[-1]
    acted = newest.again is None or newest.again.acted
    return Verdict.from_dict(newest.content) if acted and newest.content["verdict"] == "rollback" else None


def seen_by(world: WorldResource, plan: Plan, about: str) -> Entry | None:
    """The first word of a person that a verdict or an entry was seen."""
    entries = Journal(world.home).entries(plan.slug, "seen")
    return next((entry for entry in entries if entry.details["about"] == about), None)


def unseen(world: WorldResource, plan: Plan) -> tuple[Loud, ...]:
    """What nobody has seen yet."""
    return tuple(loud for loud in loud_of(world, plan) if seen_by(world, plan, loud.about) is None)


def record_seen(world: WorldResource, plan: Plan, about: str, word: Word) -> tuple[Entry, bool]:
    """Write down that a person has seen a rollback; gives the entry, and whether it was written just now."""
    with alone(world.home, HANDS):
        known = seen_by(world, plan, about)
        if known is not None:
            return known, False
        entry = Entry(plan.slug, "seen", word.at, word.who, word.why, {"about": about})
        Journal(world.home).write(entry)
        return entry, True
