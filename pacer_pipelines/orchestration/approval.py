"""A person's word between two verdicts: a promotion is approved or held, an edited plan is acknowledged."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.journal import Entry, Kind
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import NotApprovable
from pacer_pipelines.orchestration.effects import bound_to, is_as_judged, raise_share, said_of
from pacer_pipelines.orchestration.exclusive import HANDS, alone
from pacer_pipelines.orchestration.registered import remembered_hash
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import Word
from pacer_pipelines.plan import Plan

DEFAULT_DAYS = 3
# later verdicts that leave an earlier promotion as good as it was
HARMLESS = frozenset({"waiting", "win"})


class Problem(NamedTuple):
    """Why a promotion cannot be approved: in one word, and as a sentence."""

    code: str
    text: str


def approve(world: WorldResource, verdict_id: str, at: datetime, who: str, why: str) -> str:
    """Let a promotion move the flag, now.

    The approval is bound to the verdict and to the flag version that it was made on, and kept in the journal.

    Args:
        world: the world.
        verdict_id: the promotion, or the beginning of its id.
        at: now, naive UTC.
        who: who approves.
        why: the reason, for the journal.

    Returns:
        One sentence on what became of the flag.

    Raises:
        VerdictUnknown: there is no such verdict.
        NotApprovable: it is no promotion, or something has happened since; the message says what.
        FlagRefused: the flag's door does not accept the change.
    """
    with alone(world.home):
        verdict = Verdict.from_dict(world.verdicts.find(verdict_id).content)
        plan = world.world.plan(verdict.experiment)
        if world.world.settings.dry_run:
            _demand(verdict, problem_of(world, plan, verdict, at))
            return f"dry run: B would go to {verdict.share_after:g} %"
        record_approval(world, plan, verdict, Word(at, who, why))
        return raise_share(world, plan, verdict, who)


def record_approval(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> tuple[Entry, bool]:
    """Write down that a person approves a promotion, and leave the flag alone.

    Returns:
        The approval, and whether it was written just now: an earlier one stays as it is.

    Raises:
        NotApprovable: it is no promotion, or something has happened since; the message says what.
    """
    with alone(world.home, HANDS):
        _demand(verdict, problem_of(world, plan, verdict, word.at))
        return _written(world, plan, verdict, "approval", word)


def record_hold(world: WorldResource, plan: Plan, verdict: Verdict, word: Word) -> tuple[Entry, bool]:
    """Write down that a promotion shall not be approved any more, by anybody.

    Returns:
        The entry, and whether it was written just now.

    Raises:
        NotApprovable: it is approved already, or is none that waits for a person.
    """
    with alone(world.home, HANDS):
        held = said_of(world, verdict, "held")
        if held is not None:
            return held, False
        approved = said_of(world, verdict, "approval")
        if approved is not None:
            _demand(verdict, Problem("doubled", say("approval.doubled", time=approved.at, who=approved.who)))
        _demand(verdict, problem_of(world, plan, verdict, word.at))
        return _written(world, plan, verdict, "held", word)


def problem_of(world: WorldResource, plan: Plan, verdict: Verdict, at: datetime) -> Problem | None:
    """What stands against an approval of this verdict at a moment (naive UTC); None when nothing does."""
    return (
        _not_open(plan, verdict, at)
        or _held(world, verdict)
        or _overtaken(world, verdict)
        or _flag_moved(world, plan, verdict)
    )


def _demand(verdict: Verdict, problem: Problem | None) -> None:
    if problem is not None:
        raise NotApprovable(
            say("approval.not", verdict=verdict.verdict_id, date=verdict.date, problem=problem.text),
            problem.code,
        )


def _written(
    world: WorldResource, plan: Plan, verdict: Verdict, kind: Kind, word: Word
) -> tuple[Entry, bool]:
    """The entry, unless there is one before it: then only the flag did not get there yet."""
    known = said_of(world, verdict, kind)
    if known is not None:
        return known, False
    entry = Entry(plan.slug, kind, word.at, word.who, word.why, bound_to(verdict))
    Journal(world.home).write(entry)
    return entry, True


def _not_open(plan: Plan, verdict: Verdict, at: datetime) -> Problem | None:
    if verdict.verdict != "promote":
        return Problem("not_asked", say("approval.no_promotion", word=say(f"word.{verdict.verdict}")))
    if not plan.rollout.needs_approval:
        return Problem("not_asked", say("approval.asks_nobody"))
    expires = verdict.as_of + timedelta(days=plan.rollout.approval_days or DEFAULT_DAYS)
    if at > expires:
        return Problem("expired", say("approval.expired", time=expires))
    return None


def _held(world: WorldResource, verdict: Verdict) -> Problem | None:
    entry = said_of(world, verdict, "held")
    if entry is None:
        return None
    return Problem("held", say("approval.held", time=entry.at, who=entry.who))


def _overtaken(world: WorldResource, verdict: Verdict) -> Problem | None:
    """A later word that takes the ground from under this one."""
    current = world.verdicts.current(verdict.experiment, verdict.date)
    if current is not None and current["verdict_id"] != verdict.verdict_id:
        text = say(
            "approval.judged_again", word=say(f"word.{current['verdict']}"), verdict=current["verdict_id"]
        )
        return Problem("stale", text)
    for row in world.verdicts.history(verdict.experiment):
        if row["date"] > verdict.date.isoformat() and row["rule"] not in HARMLESS:
            later = Verdict.from_dict(row)
            told = {"date": later.date, "word": say(f"word.{later.verdict}"), "rule": later.rule}
            return Problem("stale", say("approval.overtaken", **told, reason=later.reasons[0]))
    cuts = Journal(world.home).entries(verdict.experiment, "rollback")
    if not cuts:
        return None
    return Problem("stale", say("approval.rolled_back", time=cuts[-1].at, who=cuts[-1].who))


def _flag_moved(world: WorldResource, plan: Plan, verdict: Verdict) -> Problem | None:
    if world.world.settings.flag_file is None:
        return Problem("stale", say("approval.no_flag_file"))
    live = read_flag(world.world.settings.flag_file, plan.flag_key, plan.treatment.variant)
    if live.share == verdict.share_after or is_as_judged(world, plan, verdict, live.version):
        return None
    return Problem("stale", say("approval.flag_moved", about=verdict.phase, live=live.version))


def acknowledge(world: WorldResource, plan: Plan, at: datetime, who: str, why: str) -> Entry | None:
    """Accept the plan as it stands now, edited after its start; None when it was not edited or is accepted already.

    Every later verdict shows it as a failed warning; a promotion is possible again.
    """
    frozen = remembered_hash(world.home, plan.slug)
    if frozen in (None, plan.plan_hash):
        return None
    journal = Journal(world.home)
    if any(
        entry.details["plan_hash"] == plan.plan_hash
        for entry in journal.entries(plan.slug, "acknowledgement")
    ):
        return None
    details = {"plan_hash": plan.plan_hash, "frozen_hash": str(frozen)}
    entry = Entry(plan.slug, "acknowledgement", at, who, why, details)
    journal.write(entry)
    return entry
