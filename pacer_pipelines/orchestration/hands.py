"""What people said to a verdict, what they may still do about it, and whether anybody follows: from records only."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.flags import FlagChange, flag_changes, read_flag
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.report import Action
from pacer_pipelines.decisions.values import Verdict, canonical
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.orchestration.approval import problem_of
from pacer_pipelines.orchestration.effects import said_of
from pacer_pipelines.orchestration.loud import seen_by, unseen
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import closed_since
from pacer_pipelines.plan import Plan

# a watch that has not looked for so long is not running
LATE = timedelta(minutes=10)
MINUTE = "%Y-%m-%d %H:%M UTC"


def open_actions(
    world: WorldResource, plan: Plan, verdict: Verdict, at: datetime | None = None
) -> tuple[Action, ...]:
    """What a person may do about a verdict now; nothing where nobody is named in pacer.toml, or in a dry run.

    Args:
        world: the world.
        plan: the experiment.
        verdict: the verdict.
        at: now, naive UTC; the world's clock by default.
    """
    settings = world.world.settings
    if not settings.people or settings.dry_run:
        return ()
    actions: list[Action] = []
    if _may_be_approved(world, plan, verdict, at or world.now()):
        actions += ["approve", "hold"]
    if has_traffic(world, plan) and closed_since(world, plan) is None:
        actions.append("roll_back")
    if verdict.verdict_id in {loud.about for loud in unseen(world, plan)}:
        actions.append("acknowledge")
    return tuple(actions)


def _may_be_approved(world: WorldResource, plan: Plan, verdict: Verdict, at: datetime) -> bool:
    try:
        free = problem_of(world, plan, verdict, at) is None
    except FlagRefused:
        # a flag that cannot be read is raised by nobody
        return False
    return free and said_of(world, verdict, "approval") is None


def has_traffic(world: WorldResource, plan: Plan) -> bool:
    """Whether the flag gives B anything, or cannot be read, so that it might."""
    flag_file = world.world.settings.flag_file
    try:
        return flag_file is not None and read_flag(flag_file, plan.flag_key, plan.treatment.variant).share > 0
    except FlagRefused:
        return True


def words_of(world: WorldResource, plan: Plan, verdict: Verdict) -> tuple[str, ...]:
    """What people said to a verdict, and what came of it, one sentence each."""
    approved = said_of(world, verdict, "approval")
    held = said_of(world, verdict, "held")
    cuts = [
        entry
        for entry in Journal(world.home).entries(plan.slug, "rollback")
        if entry.details.get("verdict_id") == verdict.verdict_id
    ]
    seen = seen_by(world, plan, verdict.verdict_id)
    return (
        *([_approved(world, plan, verdict, approved)] if approved else []),
        *([say("hand.held", by=by(held))] if held else []),
        *(say("hand.rolled_back", by=by(entry), flag=_what_of_the_cut(world, plan)) for entry in cuts[:1]),
        *([say("hand.seen", by=by(seen))] if seen else []),
    )


def _approved(world: WorldResource, plan: Plan, verdict: Verdict, entry: Entry) -> str:
    moved = move_of(world, plan, verdict)
    if moved is None:
        return say("hand.approved", by=by(entry))
    told = {"by": by(entry), "variant": plan.treatment.variant, "share": f"{moved.share:g}"}
    if moved.at is None:
        return say("hand.followed", **told, version=moved.to_version)
    return say("hand.followed_at", **told, time=f"{moved.at:{MINUTE}}", version=moved.to_version)


def _what_of_the_cut(world: WorldResource, plan: Plan) -> str:
    waits = has_traffic(world, plan)
    return say("hand.still_served" if waits else "hand.cut", variant=plan.treatment.variant)


def move_of(world: WorldResource, plan: Plan, verdict: Verdict) -> FlagChange | None:
    """The change of the flag that a verdict asked for, once it has happened."""
    changes = flag_changes(world.world.flag_history, plan.flag_key)
    return next((change for change in changes if change.verdict_id == verdict.verdict_id), None)


def by(entry: Entry) -> str:
    """Who wrote an entry, and when."""
    return say("hand.by", who=entry.who, time=f"{entry.at:{MINUTE}}")


def says(identity: str, words: Sequence[str], actions: Sequence[str] = ()) -> str:
    """Identity of a message: of what it is about, and of what people said and may do, if anything."""
    if not words and not actions:
        return identity
    digest = hashlib.sha256(canonical([list(words), list(actions)]).encode()).hexdigest()[:8]
    return f"{identity}-{digest}"


def note_watch(world: WorldResource, at: datetime) -> None:
    """Write down that the watch looked, and so follows what people say."""
    replace_text(world.home / "state" / "watch_tick", at.isoformat() + "\n")


def watch_seen(world: WorldResource) -> datetime | None:
    """When (naive UTC) the watch looked last; None when it never did."""
    try:
        text = (world.home / "state" / "watch_tick").read_text(encoding="utf-8")
        return datetime.fromisoformat(text.strip())
    except (OSError, ValueError):
        return None


def nobody_follows(world: WorldResource, at: datetime) -> str:
    """Why what is recorded now would stay without effect; nothing when the watch is at work."""
    seen = watch_seen(world)
    if seen is None:
        return say("hand.never_looked")
    return say("hand.looked_last", time=f"{seen:{MINUTE}}") if at - seen > LATE else ""
