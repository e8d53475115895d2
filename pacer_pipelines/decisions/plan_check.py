"""A plan against its traffic, before the start: can it end in time, and what can it find?

Two clocks run here, and a plan should make them agree. The plan's own one ends the experiment: the planned
sample with the plan's ``design_effect``, as the daily verdict counts it. The traffic's one says when the
smallest effect is really found, with the correlation of a student's ratings.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from pacer_pipelines.decisions.looks import last_look, next_look
from pacer_pipelines.decisions.plan_traffic import within_arm
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import Traffic
from pacer_pipelines.stats import planned_treatment_n
from pacer_pipelines.stats.design import (
    Design,
    Unit,
    days_to_detect,
    detectable_after,
    detectable_ever,
    implied_design_effect,
    rated_after,
)
from pacer_pipelines.stats.planner import (
    critical_value,
    days_left,
    effective_per_day,
    planned_effective_n,
)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """What one unit of randomisation finds at one split; effects are absolute.

    ``finds_on`` is the day on which the smallest effect is found with 80 % power, None for never; ``finds`` is the
    smallest effect found on the last look day, None while nothing is rated; ``finds_ever`` is its floor.
    """

    finds_on: int | None
    finds: float | None
    finds_ever: float


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One split: B's share in percent, the day its planned sample is full, and what each unit finds."""

    share: float
    sample_day: int | None
    request: UnitRow
    student: UnitRow


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """The numbers of one plan at one traffic.

    ``sample_day`` is the day at whose end the planned sample is full, ``end_day`` the look that sees it; None when
    that look never comes. ``share`` is B's first share in percent: only a promotion climbs the ladder.
    """

    plan: Plan
    traffic: Traffic
    share: float
    planned_treatment_n: float
    planned_effective_n: float
    sample_day: int | None
    last_look: int | None
    end_day: int | None
    implied_design_effect: float
    treatment_n_at_end: float
    splits: tuple[SplitRow, ...]

    @property
    def own(self) -> UnitRow:
        """What the plan itself finds: its first share, its unit."""
        row = next(row for row in self.splits if row.share == self.share)
        return row.request if self.plan.randomization_unit == "request" else row.student

    @property
    def treated_students(self) -> int:
        """Students in B at the first share, when the split is by student."""
        return round(self.traffic.students * self.share / 100)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the plan, which is named by slug and hash."""
        own = asdict(self)
        del own["plan"], own["traffic"]
        return {
            "experiment": self.plan.slug,
            "plan_hash": self.plan.plan_hash,
            "randomization_unit": self.plan.randomization_unit,
            **self.plan.primary.model_dump(include={"baseline", "smallest_effect", "design_effect"}),
            "max_days": self.plan.duration.max_days,
            "traffic": self.traffic.model_dump(),
            **own,
        }


def check_plan(plan: Plan, traffic: Traffic) -> PlanCheck:
    """The numbers of a plan at a traffic.

    Args:
        plan: the plan, before or during its experiment.
        traffic: what a day brings.

    Raises:
        ValueError: a traffic that is not finite.
    """
    percent = first_percent(plan)
    _, share = within_arm(plan, traffic, percent / 100)
    planned = planned_treatment_n(*_question(plan, share), critical=critical_value(plan.alphas.promote))
    design = design_of(plan, traffic, percent / 100, plan.randomization_unit)
    effective = effective_n(plan)
    full = sample_day(plan, traffic, percent / 100)
    end = None if full is None else next_look(plan.duration, full)
    rated = effective / (share * (1 - share))
    return PlanCheck(
        plan=plan,
        traffic=traffic,
        share=percent,
        planned_treatment_n=planned,
        planned_effective_n=effective,
        sample_day=full,
        last_look=last_look(plan.duration),
        end_day=end,
        implied_design_effect=implied_design_effect(design, rated),
        treatment_n_at_end=share * rated_after(design, end or _horizon(plan)),
        splits=tuple(_split_row(plan, traffic, each) for each in _splits(plan)),
    )


def first_percent(plan: Plan) -> float:
    """B's share until the first promotion: the first step, and 99 % for a step that leaves A nothing."""
    return min(plan.rollout.steps[0], 99.0)


def effective_n(plan: Plan) -> float:
    """The effective sample size at which the plan's clock is full."""
    primary, critical = plan.primary, critical_value(plan.alphas.promote)
    return planned_effective_n(
        primary.baseline, primary.smallest_effect, primary.design_effect, critical=critical
    )


def sample_day(plan: Plan, traffic: Traffic, share: float) -> int | None:
    """Day at whose end the planned sample is full at this share; None for never."""
    own, within = within_arm(plan, traffic, share)
    pace = effective_per_day(own.requests_per_day * own.rated_share, within)
    days = days_left(0.0, effective_n(plan), pace)
    return None if days is None else plan.maturity.rating_days + days


def design_of(plan: Plan, traffic: Traffic, share: float, unit: Unit) -> Design:
    """The design that the planner in ``stats`` takes; ``share`` in (0, 1)."""
    own, within = within_arm(plan, traffic, share)
    return Design(
        baseline=plan.primary.baseline,
        treatment_share=within,
        unit=unit,
        rated_per_day=own.requests_per_day * own.rated_share,
        students=own.students,
        correlation=own.student_correlation,
        lag_days=plan.maturity.rating_days,
    )


def _question(plan: Plan, share: float) -> tuple[float, float, float, float]:
    primary = plan.primary
    return primary.baseline, primary.smallest_effect, share, primary.design_effect


def _splits(plan: Plan) -> list[float]:
    """The shares to compare, in percent: the plan's own steps and an even split."""
    return sorted({first_percent(plan), 50.0, *(step for step in plan.rollout.steps if step < 100)})


def _split_row(plan: Plan, traffic: Traffic, percent: float) -> SplitRow:
    share = percent / 100
    request, student = (_unit_row(plan, design_of(plan, traffic, share, unit)) for unit in _UNITS)
    return SplitRow(percent, sample_day(plan, traffic, share), request, student)


_UNITS: tuple[Unit, Unit] = ("request", "student")


def _unit_row(plan: Plan, design: Design) -> UnitRow:
    critical = critical_value(plan.alphas.promote)
    finds = detectable_after(design, _horizon(plan), critical)
    return UnitRow(
        finds_on=days_to_detect(design, plan.primary.smallest_effect, critical),
        finds=finds if math.isfinite(finds) else None,
        finds_ever=detectable_ever(design, critical),
    )


def _horizon(plan: Plan) -> int:
    """The last day that counts: the last look, or the last day when there is no look."""
    return last_look(plan.duration) or plan.duration.max_days
