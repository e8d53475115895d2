"""A person's word between two verdicts: a promotion is approved, an edited plan is acknowledged."""

from datetime import datetime, timedelta

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import NotApprovable
from pacer_pipelines.orchestration.effects import is_as_judged, raise_share
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_day import remembered_hash
from pacer_pipelines.plan import Plan

DEFAULT_DAYS = 3
# later verdicts that leave an earlier promotion as good as it was
HARMLESS = frozenset({"waiting", "win"})


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
        for problem in (
            _not_open(plan, verdict, at),
            _overtaken(world, verdict),
            _flag_moved(world, plan, verdict),
        ):
            if problem:
                raise NotApprovable(f"verdict {verdict.verdict_id} of {verdict.date}: {problem}")
        if world.world.settings.dry_run:
            return f"dry run: B would go to {verdict.share_after:g} %"
        bound = {"verdict_id": verdict.verdict_id, "flag_version": verdict.phase}
        if not _known(world, plan, bound):
            Journal(world.home).write(Entry(plan.slug, "approval", at, who, why, bound))
        return raise_share(world, plan, verdict, who)


def _known(world: WorldResource, plan: Plan, bound: dict[str, str]) -> bool:
    """Whether it has been approved before, and only the flag did not get there."""
    return any(dict(entry.details) == bound for entry in Journal(world.home).entries(plan.slug, "approval"))


def _not_open(plan: Plan, verdict: Verdict, at: datetime) -> str:
    if verdict.verdict != "promote":
        return f"it says {verdict.verdict}; only a promotion is approved"
    if not plan.rollout.needs_approval:
        return "its plan promotes by itself and asks nobody (rollout.approval)"
    expires = verdict.as_of + timedelta(days=plan.rollout.approval_days or DEFAULT_DAYS)
    if at > expires:
        return f"it could be approved until {expires} UTC; wait for the next promotion"
    return ""


def _overtaken(world: WorldResource, verdict: Verdict) -> str:
    """A later word that takes the ground from under this one."""
    current = world.verdicts.current(verdict.experiment, verdict.date)
    if current is not None and current["verdict_id"] != verdict.verdict_id:
        return f"the day was judged again: {current['verdict']}, verdict {current['verdict_id']}"
    for row in world.verdicts.history(verdict.experiment):
        if row["date"] > verdict.date.isoformat() and row["rule"] not in HARMLESS:
            return f"{row['date']} says {row['verdict']} ({row['rule']}): {row['reasons'][0]}"
    cuts = Journal(world.home).entries(verdict.experiment, "rollback")
    return f"it was rolled back at {cuts[-1].at} UTC by {cuts[-1].who}" if cuts else ""


def _flag_moved(world: WorldResource, plan: Plan, verdict: Verdict) -> str:
    if world.world.settings.flag_file is None:
        return "no flag file is configured"
    live = read_flag(world.world.settings.flag_file, plan.flag_key, plan.treatment.variant)
    if live.share == verdict.share_after or is_as_judged(world, plan, verdict, live.version):
        return ""
    return f"it is about flag version {verdict.phase}, and version {live.version} is live"


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
