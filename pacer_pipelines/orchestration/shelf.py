"""What the dashboard shows of a world: stored verdicts, published marts and the flag's log, never the warehouse."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.adapters.daily_rows import daily
from pacer_pipelines.adapters.evidence_bundle import pack
from pacer_pipelines.adapters.evidence_rows import explored
from pacer_pipelines.adapters.flags import flag_changes
from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.config import World
from pacer_pipelines.dashboard.seen import Seen, ShareChange, verdict_of
from pacer_pipelines.decisions.evidence import split_shares
from pacer_pipelines.decisions.plan_changes import PlanChange, plan_changes
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration.flag_split import control_shares, flag_shares
from pacer_pipelines.orchestration.registered import registered_plan
from pacer_pipelines.plan import Plan

# a verdict is given in the morning after its day, and the flag follows at once
FOLLOWED = timedelta(days=1)


class WorldShelf:
    """The experiments of one world, read from its home."""

    def __init__(self, world: World) -> None:
        """Keep the world; nothing is read yet."""
        self._world = world
        self._verdicts = Verdicts(world.home)

    def plans(self) -> Sequence[Plan]:
        """Every plan, judged or not."""
        return self._world.plans

    def verdict(self, slug: str, day: date | None = None) -> Verdict | None:
        """One verdict, of the last judged day by default; None where there is no such experiment or day."""
        days = self._verdicts.days(slug) if any(plan.slug == slug for plan in self._world.plans) else []
        found = days[-1] if days and day is None else day
        content = self._verdicts.current(slug, found) if found in days else None
        return verdict_of(content) if content else None

    def bundle(self, slug: str, day: date, figures: Mapping[str, str]) -> bytes | None:
        """A day's verdict with all that it was made of; None where there is no such experiment or day."""
        known = any(plan.slug == slug for plan in self._world.plans)
        stored = self._verdicts.newest(slug, day) if known else None
        return pack(stored.content, stored.made_of, figures) if stored else None

    def seen(self, slug: str, day: date | None = None) -> Seen | None:
        """One experiment as of a judged day; None where there is no such experiment or day."""
        plan = next((plan for plan in self._world.plans if plan.slug == slug), None)
        if plan is None:
            return None
        history = [
            row for row in self._verdicts.history(slug) if day is None or row["date"] <= day.isoformat()
        ]
        if day is not None and (not history or history[-1]["date"] != day.isoformat()):
            return None
        if not history:
            return Seen(plan, ())
        verdicts = tuple(map(verdict_of, history))
        return Seen(
            plan,
            verdicts,
            daily(self._world.home, plan.experiment_id, verdicts[-1].date),
            tuple(_changes(self._world.flag_history, plan, verdicts[-1])),
            explored(self._world.home, plan, history),
            _edited(self._world.home, plan),
            split_shares(flag_shares(self._world, plan), control_shares(self._world, plan), plan),
        )


def _edited(home: Path, plan: Plan) -> tuple[PlanChange, ...]:
    """What of the plan was edited after it was registered; nothing where it is not registered yet."""
    content = registered_plan(home, plan.slug)
    return plan_changes(content, plan.content()) if content else ()


def _changes(log: Path, plan: Plan, last: Verdict) -> list[ShareChange]:
    """Changes of the treatment's share up to the day after the last one, on which its verdict is followed."""
    return [
        ShareChange(change.at, change.to_version, change.share, change.who, change.why)
        for change in flag_changes(log, plan.flag_key)
        if change.share is not None and (change.at is None or change.at < last.as_of + FOLLOWED)
    ]
