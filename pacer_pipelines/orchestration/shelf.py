"""What the dashboard shows of a world: stored verdicts, published marts and the flag's log, never the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from pacer_pipelines.adapters.daily_rows import daily
from pacer_pipelines.adapters.evidence_bundle import pack
from pacer_pipelines.adapters.evidence_rows import explored
from pacer_pipelines.adapters.flags import flag_changes
from pacer_pipelines.adapters.published import Published
from pacer_pipelines.adapters.verdicts import Verdicts, read_stored
from pacer_pipelines.config import World
from pacer_pipelines.dashboard.seen import Seen, ShareChange, verdict_of
from pacer_pipelines.decisions.daily import Daily
from pacer_pipelines.decisions.evidence import split_shares
from pacer_pipelines.decisions.plan_changes import PlanChange, plan_changes
from pacer_pipelines.decisions.segments import Segment
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import NothingPublished
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
        files = self._files(slug, day)
        return _verdict(files[-1]) if files else None

    def bundle(self, verdict: Verdict, figures: Mapping[str, str]) -> bytes | None:
        """A stored verdict with all that it was made of; None where that was not kept."""
        stored = self._verdicts.find(verdict.verdict_id)
        return pack(stored.content, stored.made_of, figures) if stored.has_evidence else None

    def seen(self, slug: str, day: date | None = None) -> Seen | None:
        """One experiment as of a judged day; None where there is no such experiment or day."""
        plan = next((plan for plan in self._world.plans if plan.slug == slug), None)
        if plan is None:
            return None
        files = self._files(slug, day)
        if not files:
            return Seen(plan, ()) if day is None else None
        verdicts = (*map(_earlier, files[:-1]), _verdict(files[-1]))
        home, version = self._world.home, self._version()
        return Seen(
            plan,
            verdicts,
            _daily(home, version, plan.experiment_id, verdicts[-1].date),
            tuple(_changes(self._world.flag_history, plan, verdicts[-1])),
            _explored(home, version, plan.experiment_id, plan.primary.metric, verdicts[-1].date),
            _edited(home, plan),
            split_shares(flag_shares(self._world, plan), control_shares(self._world, plan), plan),
        )

    def _files(self, slug: str, day: date | None) -> list[Path]:
        """The verdict file of each judged day up to one of them, the last by default; none if it was not judged."""
        known = any(plan.slug == slug for plan in self._world.plans)
        files = self._verdicts.newest_files(slug) if known else []
        shown = [(each, path) for each, path in files if day is None or each <= day]
        return [path for _, path in shown] if shown and day in (None, shown[-1][0]) else []

    def _version(self) -> str | None:
        """What is published now; None while nothing is."""
        try:
            return Published(self._world.home).version
        except NothingPublished:
            return None


# Files of verdicts and snapshots never change once they are there, so what was read of them holds.
@lru_cache(maxsize=16)
def _verdict(path: Path) -> Verdict:
    return verdict_of(read_stored(path))


# A season of five experiments is 450 verdicts, and nearly all of a verdict are its checks.
@lru_cache(maxsize=500)
def _earlier(path: Path) -> Verdict:
    return replace(verdict_of(read_stored(path)), checks=())


@lru_cache(maxsize=16)
def _daily(home: Path, version: str | None, experiment_id: str, through: date) -> Daily:
    return daily(Published(home, version), experiment_id, through) if version else Daily()


@lru_cache(maxsize=16)
def _explored(
    home: Path, version: str | None, experiment_id: str, metric: str, through: date
) -> tuple[Segment, ...]:
    return explored(Published(home, version), experiment_id, metric, through) if version else ()


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
