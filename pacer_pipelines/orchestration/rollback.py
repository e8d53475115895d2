"""A rollback that does not wait for the daily verdict: the journal first, then the flag.

The entry closes the experiment; whatever breaks after it, the next tick or run finds the entry and cuts B again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from pacer_pipelines.adapters.flags import KnownUnit, apply_share, flag_version, read_flag
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan


def roll_back(
    world: WorldResource, plan: Plan, at: datetime, who: str, why: str, details: Mapping[str, str]
) -> tuple[Entry, str]:
    """Close the experiment and take B to 0 % at once.

    Args:
        world: the world; a dry run writes nothing.
        plan: the experiment.
        at: now, naive UTC.
        who: who or what decides.
        why: the reason, for people.
        details: what was counted.

    Returns:
        The entry in the journal, and one sentence on what became of the flag.

    Raises:
        FlagRefused: the flag's door does not accept the cut; the entry is written all the same.
    """
    entry = Entry(plan.slug, "rollback", at, who, why, dict(details))
    if not world.world.settings.dry_run:
        Journal(world.home).write(entry)
    return entry, cut(world, plan, at, who, f"rollback {entry.entry_id}: {why}")


def cut(world: WorldResource, plan: Plan, at: datetime, who: str, why: str, verdict_id: str = "") -> str:
    """Take B to 0 %, on any version and whatever the rules look like by now; gives what happened, as a sentence.

    Raises:
        FlagRefused: the flag's door does not accept it.
    """
    settings = world.world.settings
    if settings.flag_file is None:
        return "no flag file is configured"
    try:
        live = read_flag(settings.flag_file, plan.flag_key, plan.treatment.variant)
        version = live.version
        if live.share == 0:
            return f"the flag already gives {plan.treatment.variant} 0 % (version {version})"
    except FlagRefused:
        version = flag_version(settings.flag_file)
    return put_share(world, plan, 0.0, version, Word(at, who, why, verdict_id))


class Word(NamedTuple):
    """Who moves the flag, when (naive UTC) and why, and on which verdict; for its log."""

    at: datetime
    who: str
    why: str
    verdict_id: str = ""


def put_share(
    world: WorldResource, plan: Plan, share: float, version: str, word: Word, known: Sequence[KnownUnit] = ()
) -> str:
    """Give the treatment a share through the one door; gives what happened, as a sentence.

    Args:
        world: the world, with a flag file; a dry run only says what would happen.
        plan: the experiment.
        share: percent of traffic for the treatment.
        version: version of the flag that this was decided on.
        word: who says so.
        known: units that were really there, to be evaluated before the change.

    Raises:
        FlagRefused: the door does not accept it.
    """
    settings, variant = world.world.settings, plan.treatment.variant
    if settings.dry_run or settings.flag_file is None:
        return f"dry run: {variant} would go to {share:g} %"
    state = apply_share(
        settings.flag_file,
        world.world.flag_history,
        flag_key=plan.flag_key,
        treatment_variant=variant,
        expected_version=version,
        new_share=share,
        archives=[settings.flag_archive] if settings.flag_archive else [],
        known=known,
        **word._asdict(),
    )
    note = f"; {state.note}" if state.note else ""
    return f"{variant} now has {state.share:g} % (flag version {state.version}{note})"


def closed_since(world: WorldResource, plan: Plan) -> datetime | None:
    """When (naive UTC) an experiment was rolled back, by the watch, a person or a verdict; None when it was not."""
    entries = Journal(world.home).entries(plan.slug, "rollback")
    if entries:
        return entries[-1].at
    # one that was served again may be rolled back again; the first one closed the experiment
    said = (past.date for past in world.verdicts.past(plan.slug, date.max) if past.verdict == "rollback")
    first = next(said, None)
    if first is None:
        return None
    midnight = datetime.combine(first + timedelta(days=1), time(), plan.zone)
    return midnight.astimezone(UTC).replace(tzinfo=None)


def set_share(
    world: WorldResource,
    plan: Plan,
    share: float,
    at: datetime,
    who: str,
    why: str,
    expected: str | None = None,
) -> str:
    """Give B a share by a person's hand; gives what happened, as a sentence.

    Args:
        world: the world.
        plan: the experiment.
        share: percent of traffic for B.
        at: now, naive UTC.
        who: who decides.
        why: the reason, for the log.
        expected: version that the person looked at; None takes the live one.

    Raises:
        FlagRefused: the experiment was rolled back, another version is live, or the door does not accept the change.
    """
    settings = world.world.settings
    if settings.flag_file is None:
        return "no flag file is configured"
    if share > 0 and closed_since(world, plan) is not None:
        raise FlagRefused(f"{plan.slug} was rolled back and is closed; a new plan reopens it")
    return put_share(world, plan, share, expected or flag_version(settings.flag_file), Word(at, who, why))
