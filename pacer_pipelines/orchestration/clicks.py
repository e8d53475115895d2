"""A click on a button becomes a record, or is refused with a reason; either way it is kept. No flag is touched here."""

import logging
import re
from collections.abc import Callable
from datetime import datetime

from pacer_pipelines.adapters.clicks import Answer, Click
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.config_parts import Person
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import NotApprovable, PacerError
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration import approval
from pacer_pipelines.orchestration.effects import flag_owner, said_of
from pacer_pipelines.orchestration.exclusive import HANDS, alone
from pacer_pipelines.orchestration.hands import MINUTE, has_traffic, move_of, nobody_follows, watch_seen
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
DOES = {"approve": "approve", "hold": "hold", "roll_back": "roll back", "acknowledge": "acknowledge"}


About = tuple[Plan, Verdict | None]


class _Refused(Exception):
    """Why a click is not accepted: in one word, and for the person."""

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


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
        said = Answer(str(refused), refused.outcome, about[0].slug if about else "")
    except NotApprovable as error:
        said = Answer(f"Not done: {error}.", error.code, about[0].slug if about else "")
    except PacerError as error:
        # what is broken is said where paths may be read
        _log.error("a click on %s was refused: %s", click.value, error)
        said = Answer(_broken(click, error, about), "refused", about[0].slug if about else "")
    _keep(world, click, said, Word(at, person.name if person else STRANGER, said.text))
    return said


def _broken(click: Click, error: PacerError, about: About | None) -> str:
    said = f"Not done: something on the machine is broken ({type(error).__name__}), the app's log says what."
    hand = f" On the machine: pacer rollback {about[0].slug} --why …" if about else ""
    return said + (hand if click.action == "roll_back" else "")


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
        raise _Refused("stranger", "Not done: you are not among the people that pacer.toml names.")
    if click.action not in person.may:
        does = DOES.get(click.action, "do that")
        raise _Refused("not_allowed", f"Not done: pacer.toml does not let {person.name} {does}.")
    if world.world.settings.dry_run:
        raise _Refused("dry_run", "Not done: this world is a dry run, in which nothing moves.")
    return person


def _meant(world: WorldResource, click: Click, about: About | None) -> About:
    """What a genuine button is about."""
    if click.foreign:
        raise _Refused("forged", "Not done: this click comes from another workspace or another app.")
    if about is None:
        raise _Refused("forged", "Not done: Pacer knows nothing that this button could be about.")
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
    raise _Refused("forged", "Not done: this is not the message that Pacer posted about it.")


def _done(world: WorldResource, plan: Plan, verdict: Verdict | None, click: Click, word: Word) -> str:
    """Record it; gives what happens next."""
    if click.action == "acknowledge":
        return _acknowledged(world, plan, click.value, word)
    if verdict is None:
        raise _Refused("forged", "Not done: this can only be acknowledged.")
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
        raise _Refused(
            "doubled", f"Already approved {_by(entry)}. {_after_yes(world, plan, verdict, word.at)}"
        )
    shares = f"{plan.treatment.variant} {verdict.share_before:g} % → {verdict.share_after:g} %"
    what = f"Approved: {plan.slug}, verdict of {verdict.date}, {shares}."
    return f"{what} {_after_yes(world, plan, verdict, word.at)}"


def _held(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> str:
    entry, new = approval.record_hold(world, plan, verdict, word)
    if not new:
        raise _Refused("doubled", f"Already held {_by(entry)}.")
    return (
        f"Held: the promotion of {plan.slug} of {verdict.date} cannot be approved any more. The flag stays."
    )


def _rolled_back(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> str:
    if owner := flag_owner(world, plan, local_date(word.at, plan.zone)):
        raise _Refused("stale", f"Not done: the flag belongs to {owner} now, which started later.")
    with alone(world.home, HANDS):
        if (closed := closed_since(world, plan)) is not None:
            cuts = Journal(world.home).entries(plan.slug, "rollback")
            whose = f" by {cuts[-1].who}" if cuts else ""
            said = f"Already rolled back{whose} at {closed:{MINUTE}}."
            raise _Refused("doubled", f"{said} {_after_no(world, plan, word.at)}")
        if not has_traffic(world, plan):
            raise _Refused("stale", f"Not done: {plan.treatment.variant} has no traffic.")
        details = {"by": BY_SLACK, "verdict_id": verdict.verdict_id}
        Journal(world.home).write(Entry(plan.slug, "rollback", word.at, word.who, word.why, details))
    what = f"Rolled back: {plan.slug} is closed, and {plan.treatment.variant} goes to 0 %."
    return f"{what} {_after_no(world, plan, word.at)}"


def _acknowledged(world: WorldResource, plan: Plan, about: str, word: Word) -> str:
    if about not in {loud.about for loud in loud_of(world, plan)}:
        raise _Refused("stale", "Not done: there is no rollback here to acknowledge.")
    entry, new = record_seen(world, plan, about, word)
    if not new:
        raise _Refused("doubled", f"Already acknowledged {_by(entry)}.")
    return f"Acknowledged: {plan.slug} is not said again."


def _after_yes(world: WorldResource, plan: Plan, verdict: Verdict, at: datetime) -> str:
    if move_of(world, plan, verdict) is not None:
        return "The flag has followed."
    return _who_follows(world, at, f"approve {verdict.verdict_id}")


def _after_no(world: WorldResource, plan: Plan, at: datetime) -> str:
    if not has_traffic(world, plan):
        return f"{plan.treatment.variant} has 0 %."
    return _who_follows(world, at, f"rollback {plan.slug}")


def _who_follows(world: WorldResource, at: datetime, command: str) -> str:
    """Who moves the flag now; loudly, if nobody does."""
    why = nobody_follows(world, at)
    if why:
        nobody = f"⚠ NOBODY FOLLOWS: {why}, so the flag stays as it is."
        return f"{nobody} On the machine: pacer {command} --why …"
    seen, seconds = watch_seen(world), world.world.settings.watch_seconds
    return f"The watch looked at {seen:{MINUTE}}, and moves the flag in at most {seconds} seconds."


def _by(entry: Entry) -> str:
    return f"by {entry.who} at {entry.at:{MINUTE}}"
