"""A click on a button becomes a record, or is refused with a reason; either way it is kept. No flag is touched here."""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import get_args

from pacer_pipelines.adapters.clicks import Answer, Click
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.config_parts import Person
from pacer_pipelines.decisions.catalogue import in_a_row, in_language, say
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.report import Action
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import NotApprovable, PacerError
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration import approval
from pacer_pipelines.orchestration.effects import flag_owner, said_of
from pacer_pipelines.orchestration.exclusive import HANDS, alone
from pacer_pipelines.orchestration.hands import MINUTE, by, has_traffic, move_of, nobody_follows, watch_seen
from pacer_pipelines.orchestration.loud import loud_of, record_seen
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import Word, closed_since
from pacer_pipelines.orchestration.updates import outbox_of
from pacer_pipelines.orchestration.watch_closed import BY_SLACK
from pacer_pipelines.plan import Plan

_log = logging.getLogger(__name__)

_ID, _MEMBER, _STAMP = (
    re.compile(form) for form in (r"[0-9a-f]{16}", r"[UW][A-Z0-9]{1,20}", r"[0-9.]{1,30}")
)
WHY = "pressed in Slack"
STRANGER = "stranger"
# no plan can have this name
NOWHERE = "_unknown"
ACTIONS = frozenset(get_args(Action))


About = tuple[Plan, Verdict | None]


class _Refused(Exception):
    """Why a click is not accepted: in one word, and for the person."""

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(text)
        self.outcome, self.text = outcome, text


def answer(world: WorldResource, click: Click, at: datetime) -> Answer:
    """Record what a click asks for, or refuse it; and keep that it happened.

    Args:
        world: the world, read anew for this click.
        click: the click; its signature has been checked.
        at: now, naive UTC.
    """
    person = next((one for one in world.world.settings.people if one.slack == click.user), None)
    about = _about(world, click.value)
    try:
        who = _allowed(world, click, person)
        plan, verdict = _meant(world, click, about)
        said = Answer(_done(world, plan, verdict, click, Word(at, who.name, WHY)), "accepted", plan.slug)
    except _Refused as refused:
        said = Answer(refused.text, refused.outcome, about[0].slug if about else "")
    except NotApprovable as error:
        text = say("click.not_approvable", problem=error.message)
        said = Answer(text, error.code, about[0].slug if about else "")
    except PacerError as error:
        # what is broken is said where paths may be read
        _log.error("a click on %s was refused: %s", click.value, error)
        said = Answer(_broken(click, error, about), "refused", about[0].slug if about else "")
    _keep(world, click, said, Word(at, person.name if person else STRANGER, said.text))
    return in_language(said, about[0].language if about else "en")


def _broken(click: Click, error: PacerError, about: About | None) -> str:
    said = say("click.broken", error=type(error).__name__)
    if about is None or click.action != "roll_back":
        return said
    return in_a_row(" ", (said, say("click.by_hand", command=f"rollback {about[0].slug}")))


def _about(world: WorldResource, value: str) -> About | None:
    """The experiment that a button is about, and the verdict unless it is an entry of the journal; None if unknown."""
    if not _ID.fullmatch(value):
        return None
    try:
        verdict = Verdict.from_dict(world.verdicts.find(value).content)
        return world.world.plan(verdict.experiment), verdict
    except (PacerError, ValueError):
        plans = [plan for plan in world.world.plans if value in {loud.about for loud in loud_of(world, plan)}]
        return (plans[0], None) if plans else None


def _keep(world: WorldResource, click: Click, said: Answer, word: Word) -> None:
    details = {
        "action": click.action,
        "verdict_id": click.value if _ID.fullmatch(click.value) else "not an id",
        "slack": click.user if _MEMBER.fullmatch(click.user) else "not a member id",
        "clicked": click.clicked if _STAMP.fullmatch(click.clicked) else "",
        "outcome": said.outcome,
    }
    Journal(world.home).write(
        Entry(said.experiment or NOWHERE, "click", word.at, word.who, word.why, details)
    )


def _allowed(world: WorldResource, click: Click, person: Person | None) -> Person:
    if person is None:
        raise _Refused("stranger", say("click.stranger"))
    if click.action not in person.may:
        does = say(f"click.do_{click.action}" if click.action in ACTIONS else "click.do_that")
        raise _Refused("not_allowed", say("click.not_allowed", who=person.name, does=does))
    if world.world.settings.dry_run:
        raise _Refused("dry_run", say("click.dry_run"))
    return person


def _meant(world: WorldResource, click: Click, about: About | None) -> About:
    """What a genuine button is about."""
    if click.foreign:
        raise _Refused("forged", say("click.foreign"))
    if about is None:
        raise _Refused("forged", say("click.about_nothing"))
    _from_its_message(world, about[0], click, about[1])
    return about


def _from_its_message(world: WorldResource, plan: Plan, click: Click, verdict: Verdict | None) -> None:
    """Whether the button sits in the very message that Pacer posted about this."""
    for entry in outbox_of(world, plan).values():
        if (entry.channel_id, entry.ts) != (click.channel, click.ts) or not click.ts:
            continue
        of_day = verdict is not None and not entry.topic and entry.date == verdict.date.isoformat()
        if of_day or click.value in entry.topic.split("-"):
            return
    raise _Refused("forged", say("click.other_message"))


def _done(world: WorldResource, plan: Plan, verdict: Verdict | None, click: Click, word: Word) -> str:
    """Record it; gives what happens next."""
    if click.action == "acknowledge":
        return _acknowledged(world, plan, click.value, word)
    if verdict is None:
        raise _Refused("forged", say("click.only_seen"))
    doings: dict[str, Callable[[WorldResource, Plan, Verdict, Word], str]] = {
        "approve": _approved,
        "hold": _held,
        "roll_back": _rolled_back,
    }
    return doings[click.action](world, plan, verdict, word)


def _approved(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> str:
    known = said_of(world, verdict, "approval")
    entry, new = (known, False) if known else approval.record_approval(world, plan, verdict, word)
    if not new:
        already = say("click.already_approved", by=by(entry))
        raise _Refused("doubled", in_a_row(" ", (already, _after_yes(world, plan, verdict, word.at))))
    what = say(
        "click.approved",
        experiment=plan.slug,
        date=verdict.date,
        variant=plan.treatment.variant,
        before=f"{verdict.share_before:g}",
        after=f"{verdict.share_after:g}",
    )
    return in_a_row(" ", (what, _after_yes(world, plan, verdict, word.at)))


def _held(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> str:
    entry, new = approval.record_hold(world, plan, verdict, word)
    if not new:
        raise _Refused("doubled", say("click.already_held", by=by(entry)))
    return say("click.held", experiment=plan.slug, date=verdict.date)


def _rolled_back(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> str:
    if owner := flag_owner(world, plan, local_date(word.at, plan.zone)):
        raise _Refused("stale", say("click.other_owner", owner=owner))
    with alone(world.home, HANDS):
        if (closed := closed_since(world, plan)) is not None:
            cuts = Journal(world.home).entries(plan.slug, "rollback")
            time = f"{closed:{MINUTE}}"
            said = say("click.already_closed", time=time)
            if cuts:
                said = say("click.already_rolled_back", who=cuts[-1].who, time=time)
            raise _Refused("doubled", in_a_row(" ", (said, _after_no(world, plan, word.at))))
        if not has_traffic(world, plan):
            raise _Refused("stale", say("click.no_traffic", variant=plan.treatment.variant))
        details = {"by": BY_SLACK, "verdict_id": verdict.verdict_id}
        Journal(world.home).write(Entry(plan.slug, "rollback", word.at, word.who, word.why, details))
    what = say("click.rolled_back", experiment=plan.slug, variant=plan.treatment.variant)
    return in_a_row(" ", (what, _after_no(world, plan, word.at)))


def _acknowledged(world: WorldResource, plan: Plan, about: str, word: Word) -> str:
    if about not in {loud.about for loud in loud_of(world, plan)}:
        raise _Refused("stale", say("click.nothing_to_see"))
    entry, new = record_seen(world, plan, about, word)
    if not new:
        raise _Refused("doubled", say("click.already_seen", by=by(entry)))
    return say("click.seen", experiment=plan.slug)


def _after_yes(world: WorldResource, plan: Plan, verdict: Verdict, at: datetime) -> str:
    if move_of(world, plan, verdict) is not None:
        return say("click.followed")
    return _who_follows(world, at, f"approve {verdict.verdict_id}")


def _after_no(world: WorldResource, plan: Plan, at: datetime) -> str:
    if not has_traffic(world, plan):
        return say("click.cut", variant=plan.treatment.variant)
    return _who_follows(world, at, f"rollback {plan.slug}")


def _who_follows(world: WorldResource, at: datetime, command: str) -> str:
    """Who moves the flag now; loudly, if nobody does."""
    why = nobody_follows(world, at)
    if why:
        return in_a_row(" ", (say("click.nobody_follows", why=why), say("click.by_hand", command=command)))
    seen, seconds = watch_seen(world), world.world.settings.watch_seconds
    return say("click.watch_follows", time=f"{seen:{MINUTE}}", seconds=seconds)
