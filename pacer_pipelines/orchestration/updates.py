"""Messages kept up to date: when people say something to a verdict, its message says so, and its buttons go."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.adapters.slack_outbox import OutboxEntry, entries
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration.exclusive import alone, alone_if_free
from pacer_pipelines.orchestration.hands import open_actions, says, words_of
from pacer_pipelines.orchestration.messages import NOT_DELIVERED, tell_again
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.watch_closed import Outcome, told
from pacer_pipelines.plan import Plan


def outbox_of(world: WorldResource, plan: Plan) -> dict[Path, OutboxEntry]:
    """Every message of an experiment that the outbox knows; a damaged file is left out."""
    return {
        path: entry
        for path, entry in entries(world.home / "outbox")
        if entry is not None and entry.experiment == plan.slug
    }


def show_now(world: WorldResource, plan: Plan) -> list[str]:
    """Bring the messages of an experiment up to date after a click; gives what became of each."""
    with alone(world.home):
        return [outcome.text for outcome in (*_updated(world, plan), *_alerts(world, plan))]


def kept_shown(world: WorldResource, plan: Plan) -> Iterator[Outcome]:
    """The same by the watch; while a run delivers messages it waits for the next tick."""
    if world.world.settings.dry_run:
        return
    with alone_if_free(world.home) as free:
        if free:
            yield from _updated(world, plan)


def _updated(world: WorldResource, plan: Plan) -> Iterator[Outcome]:
    delivered = {entry.date: entry for entry in outbox_of(world, plan).values() if not entry.topic}
    for day in _days(world, plan):
        content, before = world.verdicts.current(plan.slug, day), delivered.get(day.isoformat())
        # what was not told yet is told by a run, which keeps the days in order
        if content is None or before is None or not _is_about(before, content["verdict_id"]):
            continue
        verdict = Verdict.from_dict(content)
        now = says(verdict.verdict_id, words_of(world, plan, verdict), open_actions(world, plan, verdict))
        if now != before.verdict_id or before.state == "pending":
            done = tell_again(world, plan, verdict)
            yield Outcome(plan.slug, "message", done, bad=done.startswith(NOT_DELIVERED))


def _is_about(entry: OutboxEntry, verdict_id: str) -> bool:
    """Whether a message that people can see is about this verdict."""
    there = entry.ts is not None or entry.state == "rendered"
    return there and entry.verdict_id.partition("-")[0] == verdict_id


def _alerts(world: WorldResource, plan: Plan) -> Iterator[Outcome]:
    """Alerts whose button was pressed; an alert of a cut that nobody has made yet is the watch's to tell."""
    topics = {entry.topic for entry in outbox_of(world, plan).values()}
    entries = Journal(world.home).entries(plan.slug)
    if any(f"{entry.kind}-{entry.entry_id}" in topics for entry in entries):
        yield from told(world, plan)


def _days(world: WorldResource, plan: Plan) -> list[date]:
    """The newest day, and those that somebody said something to."""
    days = world.verdicts.days(plan.slug)
    said = {
        entry.details.get("verdict_id") or entry.details.get("about") or ""
        for entry in Journal(world.home).entries(plan.slug)
        if entry.kind in ("approval", "held", "seen", "rollback")
    }
    spoken = [
        day for day in days if (now := world.verdicts.current(plan.slug, day)) and now["verdict_id"] in said
    ]
    return sorted({*days[-1:], *spoken})
