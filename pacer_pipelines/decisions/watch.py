"""Harm that does not wait for the morning: today's calls and ratings against the plan, at any moment of the day.

Each signal of each day is one always-valid test of its own, so a good yesterday hides no broken today.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import Watch
from pacer_pipelines.stats import difference_evidence, difference_lower_bound, proportion_bounds

Signal = Literal["failures", "malformed", "slow", "bad"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)
RARE_FAILURES = 0.01
# with everybody on B and nothing known of A, B is held against half of its calls
ALONE = 0.5


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials of one variant, how many of them were hits, and how many students had a hit.

    A trial is the first call of a student in a clock hour, or the first rating that a coach gives a student in one.
    """

    hits: int = 0
    trials: int = 0
    units: int = 0

    @property
    def rate(self) -> float:
        """Hits per trial; 0 without a trial."""
        return self.hits / self.trials if self.trials else 0.0

    def __str__(self) -> str:
        """Give the counts for people: ``31 of 33``."""
        return f"{self.hits} of {self.trials}"


@dataclass(frozen=True, slots=True)
class Watched:
    """One signal of one day: both variants, and control over all days that are kept."""

    control: Tally = Tally()
    treatment: Tally = Tally()
    kept: Tally = Tally()


@dataclass(frozen=True, slots=True)
class Harm:
    """A signal of a day by which B is worse than A by more than the plan allows, at the watch's level."""

    signal: Signal
    date: date
    treatment: Tally
    reference: Tally
    at_least: float
    margin: float
    text: str

    def details(self) -> dict[str, str]:
        """What was counted, for the journal."""
        return {
            "signal": self.signal,
            "date": self.date.isoformat(),
            "control": str(self.reference),
            "treatment": str(self.treatment),
            "at_least_points": f"{100 * self.at_least:.1f}",
            "margin_points": f"{100 * self.margin:g}",
        }


def find_harm(plan: Plan, day: date, seen: Mapping[Signal, Watched], alone: bool = False) -> tuple[Harm, ...]:
    """Every signal of one day that demands a rollback.

    Harm: the lower bound of B's share of hits minus A's exceeds the margin, and at least ``min_units`` students of B
    had a hit. The level of day d is alpha / (4 d (d + 1)): over all signals and days, however many, these add up to
    alpha.

    Args:
        plan: the plan; without ``watch`` the defaults count.
        day: the day of the experiment that was counted, in the plan's time zone.
        seen: tallies of that day so far.
        alone: whether everybody is served B. Then A is taken from all kept days; when these know nothing either, B is
            cut once more than half of its calls, plus the margin, are hits.

    Returns:
        The harms, in the order of :data:`SIGNALS`.
    """
    number = (day - plan.start_date).days + 1
    if number < 1:
        return ()
    watch = plan.watch or Watch()
    level = watch.alpha / len(SIGNALS) / (number * (number + 1))
    found = (_harm(plan, watch, day, signal, seen.get(signal, Watched()), level, alone) for signal in SIGNALS)
    return tuple(harm for harm in found if harm is not None)


def margin_of(plan: Plan, signal: Signal) -> float:
    """How much worse B's share of hits may be than A's, as a difference of shares."""
    watch = plan.watch or Watch()
    failures = watch.failures or _failure_margin(plan)
    margins = {"failures": failures, "malformed": watch.malformed or failures}
    return {**margins, "slow": watch.slow, "bad": watch.bad}[signal]


def _failure_margin(plan: Plan) -> float:
    margins = [guarded.margin.absolute for guarded in plan.guarded if guarded.metric == "failure_rate"]
    return next(iter(margins), 0.0) or RARE_FAILURES


def _harm(
    plan: Plan, watch: Watch, day: date, signal: Signal, watched: Watched, level: float, alone: bool
) -> Harm | None:
    margin, treatment = margin_of(plan, signal), watched.treatment
    today = watched.control.trials > 0 and not alone
    reference = watched.control if today else watched.kept
    # the bounds lie around the shares, so most moments need none
    if treatment.units < watch.min_units or treatment.rate - reference.rate <= margin:
        return None
    at_least = _at_least(reference, treatment, margin, level, alone)
    if at_least is None or at_least <= margin:
        return None
    text = say(
        "watch.harm",
        signal=say(f"watch.{signal}", seconds=f"{watch.slow_ms / 1000:g}"),
        treatment=treatment,
        against=_against(reference, today, day),
        points=math.floor(100 * at_least),
        margin=f"{100 * margin:g}",
    )
    return Harm(signal, day, treatment, reference, at_least, margin, text)


def _at_least(reference: Tally, treatment: Tally, margin: float, level: float, alone: bool) -> float | None:
    """By how much B's share is larger for certain; None when that is surely no more than the margin."""
    b = (treatment.hits, treatment.trials)
    if not reference.trials:
        return proportion_bounds(*b, level)[0] - ALONE if alone else None
    a = (reference.hits, reference.trials)
    # the bound costs thirty times the evidence, and most moments need none
    if difference_evidence(a, b, margin) < -math.log(level):
        return None
    return difference_lower_bound(a, b, level)


def _against(reference: Tally, today: bool, day: date) -> str:
    if today:
        return say("watch.against_today", reference=reference, date=day)
    if reference.trials:
        return say("watch.against_kept", reference=reference, date=day)
    return say("watch.against_nothing", date=day)
