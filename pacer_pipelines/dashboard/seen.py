"""What the pages of one experiment are made of, read once and as of one judged day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from pacer_pipelines.decisions.daily import Daily
from pacer_pipelines.decisions.live import Live
from pacer_pipelines.decisions.plan_changes import PlanChange
from pacer_pipelines.decisions.segments import Segment
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.plan import Plan


@dataclass(frozen=True, slots=True)
class ShareChange:
    """The flag gave the treatment another share, in percent: when (naive UTC, if known), by whom and why."""

    at: datetime | None
    version: str
    share: float
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One experiment: its plan, the verdict of each judged day, and what was counted and changed up to the last.

    Only the last day's verdict has to have its checks. ``edited`` is what of the plan is not as it was registered;
    ``splits`` is the planned percent of treatment among units of both variants, by flag version.
    """

    plan: Plan
    verdicts: tuple[Verdict, ...]
    daily: Daily = field(default_factory=Daily)
    changes: tuple[ShareChange, ...] = ()
    explored: tuple[Segment, ...] = ()
    edited: tuple[PlanChange, ...] = ()
    splits: Mapping[str, float] = field(default_factory=dict)

    @property
    def latest(self) -> Verdict | None:
        """The verdict that the page is about."""
        return self.verdicts[-1] if self.verdicts else None

    def day_number(self, day: date) -> int:
        """The day of the experiment, 1 for its first."""
        return (day - self.plan.start_date).days + 1


Reading = Callable[[Plan, datetime], Live]


class Shelf(Protocol):
    """Where the pages read; asked anew for each of them."""

    def plans(self) -> Sequence[Plan]:
        """Every plan, judged or not."""
        ...

    def verdict(self, slug: str, day: date | None = None) -> Verdict | None:
        """One verdict, of the last judged day by default; None where there is no such experiment or day.

        Raises:
            SourceUnreadable: a stored verdict is not what its verdict_id promises.
        """
        ...

    def bundle(self, verdict: Verdict, figures: Mapping[str, str]) -> bytes | None:
        """A stored verdict with all that it was made of, and the CSV of each figure, as a ZIP archive.

        None where that was not kept, as with verdicts of an older version.
        """
        ...

    def seen(self, slug: str, day: date | None = None) -> Seen | None:
        """One experiment as of a judged day, the last one by default; None where there is no such experiment or day.

        Raises:
            SourceUnreadable: a stored verdict is not what its verdict_id promises.
        """
        ...


def verdict_of(content: Mapping[str, Any]) -> Verdict:
    """A stored verdict.

    Raises:
        SourceUnreadable: the content is not what its verdict_id promises.
    """
    try:
        return Verdict.from_dict(content)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnreadable("verdicts", f"{content.get('date')}", str(error)) from error
