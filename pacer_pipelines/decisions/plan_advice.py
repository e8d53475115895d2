"""What the numbers of a plan mean: what stops it, what to mind, what its choices cost, what would help."""

import math

from pacer_pipelines.decisions.looks import next_look
from pacer_pipelines.decisions.plan_cards import card_warnings
from pacer_pipelines.decisions.plan_check import PlanCheck, check_plan
from pacer_pipelines.decisions.plan_traffic import within_arm
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import relative_duration
from pacer_pipelines.stats.planner import effective_per_day

LONGEST_DAYS, LARGEST_EFFECT = 365, 0.5
# what an even split cannot do, a larger share of B cannot either
_LARGEST_USEFUL_SHARE = 50


def problems(check: PlanCheck) -> tuple[str, ...]:
    """Why the plan cannot end within its days, or never promote; empty when it can."""
    plan = check.plan
    found = []
    if plan.rollout.steps[0] >= 100:
        found.append("the first step gives B all traffic: without A there is nothing to compare")
    if plan.primary.baseline + plan.primary.smallest_effect > 1:
        found.append(
            f"A at {_percent(plan.primary.baseline)} leaves no room for an effect of "
            f"{effect_points(plan.primary.smallest_effect)}"
        )
    found += _too_late(check) or _too_few(check)
    return tuple(found)


def _too_late(check: PlanCheck) -> list[str]:
    duration = check.plan.duration
    if check.last_look is None:
        return [
            f"no whole week ends between day {duration.min_days} and day {duration.max_days}, so a promotion is "
            "never looked at"
        ]
    if check.sample_day is None:
        return ["the planned sample is never full at this traffic"]
    if check.end_day is None:
        late = check.sample_day - check.last_look
        return [
            f"the planned sample is full on day {check.sample_day}, {_days(late)} after the last look on day "
            f"{check.last_look}"
        ]
    return []


def _too_few(check: PlanCheck) -> list[str]:
    least = check.plan.minimums.promote_rated
    if check.treatment_n_at_end >= least:
        return []
    return [
        f"minimums.promote_rated asks for {least:,} rated decisions of B, and {check.treatment_n_at_end:,.0f} are "
        f"in on day {check.end_day}, when the planned sample is full and the last look comes"
    ]


def warnings(check: PlanCheck) -> tuple[str, ...]:
    """What does not stop the plan, and should be known before the start."""
    return (*_design_too_small(check), *card_warnings(check))


def _design_too_small(check: PlanCheck) -> tuple[str, ...]:
    primary = check.plan.primary
    if check.implied_design_effect <= primary.design_effect:
        return ()
    found = primary.smallest_effect * math.sqrt(check.implied_design_effect / primary.design_effect)
    return (
        f"design_effect {primary.design_effect:g} is smaller than the {check.implied_design_effect:.1f} that this "
        f"traffic implies: with the planned sample only effects of {effect_points(found)} or more are found with "
        f"80 % power, not {effect_points(primary.smallest_effect)}",
    )


def costs(check: PlanCheck) -> tuple[str, ...]:
    """What the first share costs against an even split, and keying by student against keying by request."""
    return (*_cost_of_split(check), _cost_of_students(check))


def _cost_of_split(check: PlanCheck) -> tuple[str, ...]:
    rows = {row.share: row for row in check.splits}
    own, even = rows[check.share].sample_day, rows[50.0].sample_day
    # an even split of two is no split for an arm of several
    if check.share == 50 or own is None or even is None or check.plan.arms:
        return ()
    factor = relative_duration(check.share / 100)
    return (
        f"B at {check.share:g} % costs {factor:.1f} times the ratings of an even split: the planned sample is full "
        f"on day {own} instead of day {even}",
    )


def _cost_of_students(check: PlanCheck) -> str:
    row = next(row for row in check.splits if row.share == check.share)
    request, student = row.request.finds_on, row.student.finds_on
    effect = effect_points(check.plan.primary.smallest_effect)
    if request is not None and student is not None:
        return (
            f"keying by student instead of by request costs {_days(student - request)}: {effect} are found with 80 % "
            f"power from day {student} instead of day {request}"
        )
    by_request = f" (by request: from day {request})" if request is not None else ""
    return (
        f"keying by student instead of by request costs the answer{by_request}: with {check.treated_students:,} of "
        f"{check.traffic.students:,} students in B no duration finds less than {effect_points(row.student.finds_ever)}"
    )


def remedies(check: PlanCheck) -> tuple[str, ...]:
    """Changes of the plan each of which alone lets it end in time; more traffic when none does."""
    found = (
        *_larger_share(check), *_longer(check), *_larger_effect(check), *_by_request(check), *_fewer_rated(check),
    )  # fmt: skip
    return found or _more_traffic(check)


def _solves(plan: Plan, check: PlanCheck) -> bool:
    return not problems(check_plan(plan, check.traffic))


def _larger_share(check: PlanCheck) -> tuple[str, ...]:
    for percent in range(math.floor(check.share) + 1, _LARGEST_USEFUL_SHARE + 1):
        rollout = check.plan.rollout.model_copy(update={"steps": (float(percent), 100.0)})
        if _solves(check.plan.model_copy(update={"rollout": rollout}), check):
            return (f"begin with B at {percent} %",)
    return ()


def _longer(check: PlanCheck) -> tuple[str, ...]:
    duration = check.plan.duration.model_copy(update={"max_days": LONGEST_DAYS})
    look = next_look(duration, check.sample_day or LONGEST_DAYS)
    longer = duration.model_copy(update={"max_days": look})
    if look is None or not _solves(check.plan.model_copy(update={"duration": longer}), check):
        return ()
    return (f"max_days = {look}",)


def _larger_effect(check: PlanCheck) -> tuple[str, ...]:
    primary, share = check.plan.primary, _share_in_time(check)
    if not 0 < share < 1:
        return ()
    # rounded up to a tenth of a point; the planned size falls with the square of the effect
    larger = math.ceil(1000 * primary.smallest_effect / math.sqrt(share)) / 1000
    changed = primary.model_copy(update={"smallest_effect": larger})
    if larger > LARGEST_EFFECT or not _solves(check.plan.model_copy(update={"primary": changed}), check):
        return ()
    return (f"smallest_effect = {larger:g}",)


def _by_request(check: PlanCheck) -> tuple[str, ...]:
    plain = check.plan.primary.model_copy(update={"design_effect": 1.0})
    changed = check.plan.model_copy(update={"primary": plain, "randomization_unit": "request"})
    if check.plan.randomization_unit == "request" or not _solves(changed, check):
        return ()
    return ('randomization_unit = "request" with design_effect = 1',)


def _fewer_rated(check: PlanCheck) -> tuple[str, ...]:
    fewer = math.floor(check.treatment_n_at_end)
    if not 1 <= fewer < check.plan.minimums.promote_rated:
        return ()
    minimums = check.plan.minimums.model_copy(update={"promote_rated": fewer})
    solves = _solves(check.plan.model_copy(update={"minimums": minimums}), check)
    return (f"minimums.promote_rated = {fewer}",) if solves else ()


def _more_traffic(check: PlanCheck) -> tuple[str, ...]:
    share = _share_in_time(check)
    if not 0 < share < 1:
        return ()
    needed = math.ceil(check.traffic.requests_per_day / share)
    return (f"no single change of the plan is enough; it takes {needed:,} requests a day",)


def _share_in_time(check: PlanCheck) -> float:
    """Share of the planned sample that is full by the last look."""
    if check.last_look is None:
        return 0.0
    days = check.last_look - check.plan.maturity.rating_days
    traffic, share = within_arm(check.plan, check.traffic, check.share / 100)
    pace = effective_per_day(traffic.requests_per_day * traffic.rated_share, share)
    return pace * days / check.planned_effective_n


def effect_points(effect: float) -> str:
    """Size of an effect in percentage points, without a sign: ``3.0 points``."""
    return f"{100 * effect:.1f} points"


def _percent(rate: float) -> str:
    return f"{100 * rate:g} %"


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
