"""A rollback that does not wait for the daily verdict: the journal first, then the flag.

The entry closes the experiment; whatever breaks after it, the next tick or run finds the entry and cuts B again.
"""

from collections.abc import Mapping
from datetime import date, datetime

from pacer_pipelines.adapters.flags import apply_share, flag_version, read_flag
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
    if settings.dry_run:
        return f"dry run: {plan.treatment.variant} would go to 0 %"
    state = apply_share(
        settings.flag_file,
        world.world.flag_history,
        flag_key=plan.flag_key,
        treatment_variant=plan.treatment.variant,
        expected_version=version,
        new_share=0.0,
        at=at,
        who=who,
        why=why,
        verdict_id=verdict_id,
        archives=[settings.flag_archive] if settings.flag_archive else [],
    )
    note = f"; {state.note}" if state.note else ""
    return f"{plan.treatment.variant} now has {state.share:g} % (flag version {state.version}{note})"


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
    closed = [past for past in world.verdicts.past(plan.slug, date.max) if past.verdict == "rollback"]
    if share > 0 and (closed or Journal(world.home).entries(plan.slug, "rollback")):
        raise FlagRefused(f"{plan.slug} was rolled back and is closed; a new plan reopens it")
    if settings.dry_run:
        return f"dry run: {plan.treatment.variant} would go to {share:g} %"
    state = apply_share(
        settings.flag_file,
        world.world.flag_history,
        flag_key=plan.flag_key,
        treatment_variant=plan.treatment.variant,
        expected_version=expected or flag_version(settings.flag_file),
        new_share=share,
        at=at,
        who=who,
        why=why,
        archives=[settings.flag_archive] if settings.flag_archive else [],
    )
    return f"{plan.treatment.variant} now has {state.share:g} % (flag version {state.version})"
