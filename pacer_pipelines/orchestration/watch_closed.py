"""After a rollback: the flag stays at 0 %, people are told once, and later exposures prove that nobody is served B."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.flags.log import flag_changes
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.adapters.letters import Address
from pacer_pipelines.adapters.slack_message import Alert, alert_letter
from pacer_pipelines.adapters.watch_store import Served, WatchStore
from pacer_pipelines.decisions.catalogue import say, say_count
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.errors import DeliveryFailed, FlagRefused
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.orchestration.effects import NOT_MOVED
from pacer_pipelines.orchestration.hands import by, says
from pacer_pipelines.orchestration.loud import seen_by
from pacer_pipelines.orchestration.messages import NOT_DELIVERED, slack_of
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import cut
from pacer_pipelines.plan import Plan

WATCH = "immediate rollback"
# how the journal tells a button from a command
BY_SLACK = "slack"
# servers follow the flag file by polling, and a call that has begun ends: so many ticks are allowed
GRACE_TICKS = 2

Kind = Literal["rolled_back", "raised", "cut_again", "still_served", "message", "refused", "would", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something that a tick found or did for one experiment; ``bad`` asks for a person."""

    experiment: str
    kind: Kind
    text: str
    bad: bool = False


def _last_cut(world: WorldResource, plan: Plan) -> datetime:
    """When the flag was last taken to 0 %, as its log knows it."""
    changes = flag_changes(world.world.flag_history, plan.flag_key)
    return max((change.at for change in changes if change.share == 0 and change.at), default=datetime.min)


def is_cut(world: WorldResource, plan: Plan) -> bool:
    """Whether the live flag gives B 0 %; true where no flag file is configured."""
    flag_file = world.world.settings.flag_file
    try:
        return flag_file is None or read_flag(flag_file, plan.flag_key, plan.treatment.variant).share == 0
    except FlagRefused:
        return False


def kept_cut(world: WorldResource, plan: Plan, at: datetime) -> Iterator[Outcome]:
    """See that the flag of a closed experiment gives B 0 %, and cut it again if it does not."""
    if world.world.settings.dry_run or is_cut(world, plan):
        return
    asked = _asked_in_slack(world, plan)
    try:
        if asked is not None:
            said = cut(world, plan, at, asked.who, f"rollback {asked.entry_id}: {asked.why}")
            yield Outcome(plan.slug, "rolled_back", f"rolled back by {asked.who}; {said}", bad=True)
            return
        said = cut(world, plan, at, WATCH, "the experiment was rolled back, and the flag gave B traffic")
        yield Outcome(plan.slug, "cut_again", f"the flag gave B traffic after the rollback; {said}")
    except FlagRefused as error:
        yield Outcome(plan.slug, "refused", f"{NOT_MOVED}: {error}", bad=True)


def _asked_in_slack(world: WorldResource, plan: Plan) -> Entry | None:
    """The rollback of a person in Slack that the flag has not followed yet: the app only writes it down."""
    entries = Journal(world.home).entries(plan.slug, "rollback")
    newest = entries[-1] if entries and entries[-1].details.get("by") == BY_SLACK else None
    return newest if newest is not None and _last_cut(world, plan) < newest.at else None


def verified(
    world: WorldResource, store: WatchStore, plan: Plan, closed: datetime, at: datetime
) -> Iterator[Outcome]:
    """Shout, once per day, when calls were served B although the flag had been cut."""
    cut_at = max(closed, _last_cut(world, plan))
    served = store.served(plan, cut_at + timedelta(seconds=GRACE_TICKS * world.world.settings.watch_seconds))
    if served is None:
        return
    journal, day = Journal(world.home), local_date(served.last_at, plan.zone).isoformat()
    if any(entry.details.get("date") == day for entry in journal.entries(plan.slug, "still_served")):
        return
    why = _shout(served, cut_at)
    journal.write(Entry(plan.slug, "still_served", at, WATCH, why, {"date": day, "calls": str(served.calls)}))
    yield Outcome(plan.slug, "still_served", why, bad=True)


def _shout(served: Served, cut_at: datetime) -> str:
    return say_count(
        "alert.calls",
        served.calls,
        last=f"{served.last_at:%Y-%m-%d %H:%M:%S}",
        cut=f"{cut_at:%Y-%m-%d %H:%M:%S}",
        versions=", ".join(served.versions),
    )


def told(world: WorldResource, plan: Plan) -> Iterator[Outcome]:
    """Deliver the message of each rollback between verdicts, by the watch or by hand, that has not been delivered."""
    slack, journal = slack_of(world), Journal(world.home)
    for entry in (*journal.entries(plan.slug, "rollback"), *journal.entries(plan.slug, "still_served")):
        alert, alert_id = _alert(world, plan, entry)
        topic, day = f"{entry.kind}-{entry.entry_id}", local_date(entry.at, plan.zone)
        try:
            shown, words = _with_words(world, plan, entry, alert)
            identity = says(alert_id, words, ("acknowledge",) if shown.about else ())
            address = Address(plan.slack_channel, plan.slug, day, identity, topic)
            done = slack.deliver(alert_letter(shown, mention=True), address)
        except DeliveryFailed as error:
            yield Outcome(plan.slug, "message", f"{NOT_DELIVERED}: {error}", bad=True)
            continue
        if not done.status.startswith("already"):
            yield Outcome(plan.slug, "message", f"{done.status}: {done.where}")


def _with_words(
    world: WorldResource, plan: Plan, entry: Entry, alert: Alert
) -> tuple[Alert, tuple[str, ...]]:
    """The alert with who has seen it, or with a button to say so, and what people said."""
    seen = seen_by(world, plan, entry.entry_id)
    if seen is None:
        return replace(alert, about=entry.entry_id if world.world.settings.people else ""), ()
    words = (say("hand.seen", by=by(seen)),)
    return replace(alert, lines=(*alert.lines, *words)), words


def _alert(world: WorldResource, plan: Plan, entry: Entry) -> tuple[Alert, str]:
    """What to say of an entry, and its identity: a flag that could be cut after all changes the message."""
    footer = f"{entry.at:%Y-%m-%d %H:%M:%S} UTC · {entry.who} · journal {entry.entry_id}"
    if entry.kind == "still_served":
        headline: str = say("alert.still_served", experiment=plan.slug)
        return Alert(headline, (entry.why,), footer, locale=plan.language), entry.entry_id
    flag = _flag_line(world, plan)
    headline = say("alert.rollback", experiment=plan.slug)
    alert = Alert(headline, (entry.why, flag), footer, locale=plan.language)
    return alert, f"{entry.entry_id}-{'cut' if flag == CUT else 'not-cut'}"


CUT, NOT_CUT, NO_FLAG = say("alert.cut"), say("alert.not_cut"), say("alert.no_flag")


def _flag_line(world: WorldResource, plan: Plan) -> str:
    if world.world.settings.flag_file is None:
        return NO_FLAG
    return CUT if is_cut(world, plan) else NOT_CUT
