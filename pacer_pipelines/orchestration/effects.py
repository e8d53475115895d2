"""What follows from a verdict: the flag and the page (messages.py has the message).

The verdict is on disk before any of them; each finds out by itself whether it has already happened, so a second
run, or one after a crash, changes nothing.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.flags import note_edits, only_others_moved, read_flag
from pacer_pipelines.adapters.flags.known_units import known_units
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.decisions.journal import Entry, Kind
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import Word, cut, put_share
from pacer_pipelines.plan import Plan

NOT_MOVED = "not moved"
AUTOMATION = "pacer_pipelines"
# what a run may do outside, by its tag; without one all of it
EFFECTS, SLACK_ONLY, NO_EFFECTS = "pacer/effects", "slack", "none"
OF_A_BACKFILL = "dagster/backfill"
LEFT_ALONE = "left alone: this run is part of a backfill"
MOVING = frozenset({"alarm", "win", "deadline", "closed"})


def moves_flag(tags: Mapping[str, str]) -> bool:
    """Whether a run with these tags may move a flag: not in a backfill, whether of `pacer` or of Dagster's page."""
    return EFFECTS not in tags and OF_A_BACKFILL not in tags


def tells_slack(tags: Mapping[str, str]) -> bool:
    """Whether a run with these tags may post."""
    return moves_flag(tags) or tags.get(EFFECTS) == SLACK_ONLY


def first_day(world: WorldResource) -> date:
    """First day of the oldest plan."""
    return min((plan.start_date for plan in world.world.plans), default=date.max)


def running(world: WorldResource, day: date) -> list[Plan]:
    """Plans that have started by a day."""
    return [plan for plan in world.world.plans if plan.start_date <= day]


def judged(world: WorldResource, day: date) -> list[tuple[Plan, Verdict]]:
    """Each running plan with its current verdict of a day, where there is one."""
    found = [(plan, world.verdicts.current(plan.slug, day)) for plan in running(world, day)]
    return [(plan, Verdict.from_dict(content)) for plan, content in found if content is not None]


def follow_flags(world: WorldResource, day: date) -> dict[str, str]:
    """Let each flag follow its experiment's verdict of a day; gives slug -> outcome."""
    outcomes: dict[str, str] = {}
    settings = world.world.settings
    if settings.flag_file is not None and not settings.dry_run:
        note_edits(settings.flag_file, world.world.flag_history, world.now())
    for plan, verdict in judged(world, day):
        try:
            outcomes[plan.slug] = move_flag(world, plan, verdict)
        except FlagRefused as error:
            outcomes[plan.slug] = f"{NOT_MOVED}: {error}"
    return outcomes


def move_flag(world: WorldResource, plan: Plan, verdict: Verdict) -> str:
    """Let the flag follow the verdict; B is cut on any day's word, and raised on the newest day's only.

    Returns:
        One sentence that says what happened.

    Raises:
        FlagRefused: the flag's door does not accept the change.
    """
    settings, target = world.world.settings, verdict.share_after
    if settings.flag_file is None:
        return "no flag file is configured"
    if target is None or verdict.rule not in MOVING:
        return "the verdict leaves the split as it is"
    if owner := flag_owner(world, plan, verdict.date):
        return f"the flag belongs to {owner} now, which started later"
    if not target:
        return cut(world, plan, world.now(), AUTOMATION, _because(verdict), verdict.verdict_id)
    if target == verdict.share_before:
        return "the verdict leaves the split as it is"
    known = _newest_day(world, plan)
    if known > verdict.date:
        return f"{known} is known already; only the newest day's verdict raises B"
    if plan.rollout.needs_approval and not is_approved(world, verdict):
        if (held := said_of(world, verdict, "held")) is not None:
            return f"{plan.treatment.variant} stays at {verdict.share_before:g} %: {held.who} held this promotion"
        waits = f"{plan.treatment.variant} waits at {verdict.share_before:g} %"
        return f"{waits} for a person: pacer approve {verdict.verdict_id}"
    return raise_share(world, plan, verdict, AUTOMATION)


def is_approved(world: WorldResource, verdict: Verdict) -> bool:
    """Whether a person has approved this verdict on the flag version that it was made on."""
    return said_of(world, verdict, "approval") is not None


def said_of(world: WorldResource, verdict: Verdict, kind: Kind) -> Entry | None:
    """The first entry of a kind that is bound to this verdict and to the flag version that it was made on."""
    bound, entries = bound_to(verdict), Journal(world.home).entries(verdict.experiment, kind)
    return next((entry for entry in entries if bound.items() <= entry.details.items()), None)


def bound_to(verdict: Verdict) -> dict[str, str]:
    """What a person's word on a verdict is bound to."""
    return {"verdict_id": verdict.verdict_id, "flag_version": verdict.phase}


def raise_share(world: WorldResource, plan: Plan, verdict: Verdict, who: str) -> str:
    """Give B the share of a promotion, if the flag is still as the verdict saw it and nobody has rolled back since.

    Raises:
        FlagRefused: somebody changed the flag since, the experiment is closed, or the door does not accept it.
    """
    flag_file = world.world.settings.flag_file
    if flag_file is None:
        return "no flag file is configured"
    rollbacks = Journal(world.home).entries(plan.slug, "rollback")
    if rollbacks:
        raise FlagRefused(
            f"{plan.slug} was rolled back at {rollbacks[-1].at} UTC ({rollbacks[-1].who}); it is closed"
        )
    live = read_flag(flag_file, plan.flag_key, plan.treatment.variant)
    if live.share == verdict.share_after:
        return f"the flag already gives {plan.treatment.variant} {live.share:g} % (version {live.version})"
    if not is_as_judged(world, plan, verdict, live.version):
        raise FlagRefused(
            f"the verdict is about flag version {verdict.phase}, but version {live.version} is live: somebody "
            "changed it since, and a human edit wins"
        )
    if live.share != verdict.share_before:
        raise FlagRefused(
            f"the verdict saw B at {verdict.share_before} %, but version {live.version} gives it {live.share:g} %: "
            "somebody changed it without a new version, and a human edit wins"
        )
    word = Word(world.now(), who, _because(verdict), verdict.verdict_id)
    known = known_units(world.home, plan.logged_id)
    return put_share(world, plan, verdict.share_after or 0.0, live.version, word, known)


def is_as_judged(world: WorldResource, plan: Plan, verdict: Verdict, version: str) -> bool:
    """Whether a version of the flag file serves the experiment as the verdict saw it: only other flags have moved."""
    moved = (world.world.flag_history, verdict.phase, version, plan.flag_key, plan.treatment.variant)
    return version == verdict.phase or only_others_moved(*moved)


def flag_owner(world: WorldResource, plan: Plan, day: date) -> str:
    """Slug of a plan that started later on the same flag, whose flag it is by now; nothing if it is this plan's."""
    return next((other.slug for other in running(world, day) if _succeeds(other, plan)), "")


def _succeeds(other: Plan, plan: Plan) -> bool:
    return other.flag_key == plan.flag_key and other.start_date > plan.start_date


def _newest_day(world: WorldResource, plan: Plan) -> date:
    """Last day that was judged, or that is over and of which exposures have landed.

    In the morning the log has lines of today already; nobody can have judged them.
    """
    judged_days = [past.date for past in world.verdicts.past(plan.slug, date.max)]
    parts = (world.home / "landing" / "exposures").glob("day=*")
    landed = (date.fromisoformat(part.name.removeprefix("day=")) for part in parts)
    return max([*judged_days, *(day for day in landed if day < world.today())])


def _because(verdict: Verdict) -> str:
    return f"{verdict.verdict} of {verdict.date}, verdict {verdict.verdict_id}"


def write_pages(world: WorldResource) -> dict[str, Path]:
    """Write the page of each experiment that has a verdict; gives slug -> file."""
    from pacer_pipelines.dashboard.page import experiment_page
    from pacer_pipelines.orchestration.shelf import WorldShelf

    pages, shelf = {}, WorldShelf(world.world)
    for plan in world.world.plans:
        seen = shelf.seen(plan.slug)
        if seen is not None and seen.latest is not None:
            pages[plan.slug] = world.home / "reports" / f"{plan.slug}.html"
            replace_text(pages[plan.slug], experiment_page(seen))
    return pages
