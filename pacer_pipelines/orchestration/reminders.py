"""A rollback that nobody has seen is said again, every ``remind_minutes``, until a person acknowledges it.

What was sent is kept in ``home/state/reminders``: ``number`` reminders, the last at ``at``; ``sending`` is the one that
was begun, so that after a crash it is known from a memory that was lost.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.letters import Address
from pacer_pipelines.adapters.slack_message import Alert, alert_letter
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.errors import DeliveryFailed
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration.effects import flag_owner, running
from pacer_pipelines.orchestration.exclusive import alone_if_free
from pacer_pipelines.orchestration.loud import Loud, unseen
from pacer_pipelines.orchestration.messages import NOT_DELIVERED, slack_of
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.updates import outbox_of
from pacer_pipelines.orchestration.watch_closed import Outcome
from pacer_pipelines.plan import Plan

LOCK = "reminders.lock"


@dataclass(frozen=True, slots=True)
class Reminded:
    """How often people were reminded of one thing, when last (naive UTC), and which reminder is on its way."""

    number: int
    at: str
    sending: int = 0


def remind(world: WorldResource, plan: Plan, at: datetime) -> Iterator[Outcome]:
    """Send each reminder that is due, once; however many were missed, one is sent.

    Without a token nobody would be reminded, so nothing is rendered either.

    Args:
        world: the world.
        plan: the experiment.
        at: now, naive UTC.
    """
    if not slack_of(world).has_token:
        return
    with alone_if_free(world.home, LOCK) as free:
        waiting = _waiting(world, plan)
        for loud in unseen(world, plan) if free else ():
            # nobody is reminded of what has not arrived
            if loud.about not in waiting:
                yield from _of_one(world, plan, loud, at)


def _waiting(world: WorldResource, plan: Plan) -> set[str]:
    """What those messages are about that have not arrived in Slack yet."""
    entries = [entry for entry in outbox_of(world, plan).values() if entry.state == "pending"]
    of_days = {entry.verdict_id.partition("-")[0] for entry in entries if not entry.topic}
    alerts = (entry.topic.partition("-") for entry in entries if entry.topic)
    return of_days | {about for kind, _, about in alerts if kind != "reminder"}


def remind_all(world: WorldResource, at: datetime) -> dict[str, str]:
    """The reminders of every experiment whose flag is still its own, for a run; gives what became of each."""
    day = local_date(at, ZoneInfo(world.world.timezone))
    plans = [plan for plan in running(world, day) if not flag_owner(world, plan, day)]
    return {f"reminder of {plan.slug}": found.text for plan in plans for found in remind(world, plan, at)}


def _of_one(world: WorldResource, plan: Plan, loud: Loud, at: datetime) -> Iterator[Outcome]:
    path = world.home / "state" / "reminders" / f"{loud.about}.json"
    known = _read(path)
    if known is None:
        # its own message was told just now
        _write(path, Reminded(0, at.isoformat()))
        return
    due = datetime.fromisoformat(known.at) + timedelta(minutes=world.world.settings.remind_minutes)
    if at < due and not known.sending:
        return
    try:
        sent = _sent(world, plan, loud, path, known, at)
    except DeliveryFailed as error:
        yield Outcome(plan.slug, "message", f"{NOT_DELIVERED}: {error}", bad=True)
        return
    _write(path, sent)
    yield Outcome(
        plan.slug, "message", f"reminder {sent.number}: nobody has acknowledged {loud.about}", bad=True
    )


def _sent(
    world: WorldResource, plan: Plan, loud: Loud, path: Path, known: Reminded, at: datetime
) -> Reminded:
    """Deliver the next reminder; one that is in Slack though nobody remembers having begun it is passed over."""
    begun, number = known.sending, known.sending or known.number + 1
    while True:
        _write(path, replace(known, sending=number))
        address = Address(
            plan.slack_channel,
            plan.slug,
            local_date(at, plan.zone),
            f"{loud.about}-{number}",
            f"reminder-{loud.about}-{number}",
        )
        alert = _alert(plan, loud, number, at)
        if world.world.settings.people:
            alert = replace(alert, about=loud.about)
        done = slack_of(world).deliver(alert_letter(alert, mention=True), address)
        if done.status != "already_posted" or number == begun:
            return Reminded(number, at.isoformat())
        number += 1


def _alert(plan: Plan, loud: Loud, number: int, at: datetime) -> Alert:
    return Alert(
        say("alert.unseen", experiment=plan.slug),
        (loud.text, say("alert.again", experiment=plan.slug)),
        say("alert.reminder", time=f"{at:%Y-%m-%d %H:%M:%S}", number=number, about=loud.about),
        locale=plan.language,
    )


def _read(path: Path) -> Reminded | None:
    try:
        return Reminded(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, reminded: Reminded) -> None:
    replace_text(path, json.dumps(asdict(reminded)) + "\n")
