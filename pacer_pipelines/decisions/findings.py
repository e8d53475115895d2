"""What each metric says: effects in, findings out. All arithmetic is in stats/; here it meets the plan."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from pacer_pipelines.decisions.catalogue import in_a_row, say
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.measures import MATURE, RATING_RATE, THIS_STEP, Measured, measure
from pacer_pipelines.decisions.plan_check import effective_n, first_percent
from pacer_pipelines.decisions.values import Direction, Finding, Label, Role
from pacer_pipelines.metrics import Guarded
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import (
    Effect,
    alarm_half_width,
    alarm_multiplier,
    critical_value,
    estimate_effect,
    few_clusters_factor,
    promote_bar,
    promote_p_value,
    relative_difference,
)

# failures that nobody has to rate or review before they count
CRITICAL = frozenset({"failure_rate"})
# rated requests of B at which the primary alarm is sharpest, at the first step's split (docs/statistics.md)
ALARM_RATED = 300.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the experiment stands on its information clock, and the two bars there.

    Information counts in effective size, the sum over strata of n_A n_B / (n_A + n_B): ``planned`` is what the plan
    asks for, ``fraction`` how much of it is there. One clock for all metrics. ``alarm_alpha`` is the two-sided level
    of one metric's always-valid interval; ``primary_opt`` and ``guarded_opt`` are where these are tightest.
    """

    planned: float
    fraction: float
    bar: float
    alarm_alpha: float
    primary_opt: float
    guarded_opt: float


def read_clock(primary: Effect | None, plan: Plan) -> Clock:
    """The clock of today, from the rated requests that enter the primary effect.

    Promote bar: critical / sqrt(fraction), the continuous O'Brien-Fleming boundary.
    """
    critical = critical_value(plan.alphas.promote)
    planned = effective_n(plan)
    fraction = min(1.0, primary.effective_n / planned) if primary else 0.0
    return Clock(
        planned=planned,
        fraction=fraction,
        bar=promote_bar(fraction, critical),
        alarm_alpha=2 * plan.alphas.alarm / (1 + len(plan.guarded)),
        primary_opt=ALARM_RATED * (1 - first_percent(plan) / 100),
        guarded_opt=planned / 6,
    )


def find_all(rows: MartRows, plan: Plan) -> tuple[Finding, ...]:
    """Every finding of the day, from the marts."""
    return judge_effects(measure(rows, plan), plan)


def judge_effects(measured: Measured, plan: Plan) -> tuple[Finding, ...]:
    """Primary, guarded metrics, the rating rate, and what must agree with the primary.

    Args:
        measured: the effects of one experiment and day.
        plan: the plan that it obeys.
    """
    effect = measured.effects.get(plan.primary.metric)
    clock = read_clock(effect, plan)
    rating_rate = find_rating_rate(measured, clock)
    findings = [find_primary(effect, measured, plan, clock)]
    findings += [find_guarded(measured, item, role, plan, clock) for item, role in _roles(plan)]
    findings += [rating_rate, find_mature(measured, clock), find_by_decision(measured, clock)]
    if needs_bound(rating_rate, plan):
        findings.append(find_bound(measured, rating_rate, clock))
    return tuple(findings)


def _roles(plan: Plan) -> list[tuple[Guarded, Role]]:
    return [(item, "secondary") for item in plan.secondary] + [
        (item, "guardrail") for item in plan.guardrails
    ]


def find_primary(effect: Effect | None, measured: Measured, plan: Plan, clock: Clock) -> Finding:
    """GOOD among rated requests: superiority against the promote bar, harm against the alarm bar."""
    metric = plan.primary.metric
    finding = _describe(metric, "primary", "higher", effect, clock, clock.primary_opt)
    if effect is None or finding.interval is None or finding.z_star is None:
        return finding
    alarm = enough_for_alarm(effect, plan) and finding.interval[1] < 0
    passes = finding.z_star >= clock.bar
    label: Label = "worse" if alarm else "better" if passes else "inconclusive"
    finding = replace(finding, label=label, alarm=alarm, passes=passes, note=_adjusted(effect, plan))
    return _with_relative(finding, measured, effect, clock.primary_opt, clock)


def _adjusted(effect: Effect, plan: Plan) -> str:
    if plan.primary.covariate is None:
        return ""
    if effect.slope:
        return say("note.adjusted")
    return say("note.not_adjusted")


def enough_for_alarm(effect: Effect, plan: Plan) -> bool:
    """Whether enough of B and enough coaches have been seen for the alarm bar to hold what it promises."""
    least = plan.minimums
    return effect.n_treatment >= least.alarm_rated and effect.clusters >= least.alarm_coaches


def find_guarded(measured: Measured, item: Guarded, role: Role, plan: Plan, clock: Clock) -> Finding:
    """A metric that must not be harmed: non-inferiority by its margin, harm against the alarm bar.

    Failures wait for nothing: a B that breaks is cut on its first day. Below the minimums their effect counts on the
    normal scale, as far out as it is on Student's.
    """
    effect = measured.effects.get(item.metric)
    finding = _describe(item.metric, role, item.better, effect, clock, clock.guarded_opt)
    if effect is None or finding.interval is None:
        return finding
    sign = 1.0 if item.better == "higher" else -1.0
    shifted = measured.against_margin.get(item.metric)
    margin = item.margin.absolute or item.margin.relative * abs(effect.rate_control)
    low, high = sorted((sign * finding.interval[0], sign * finding.interval[1]))
    if enough_for_alarm(effect, plan):
        certain = high < 0
    else:
        multiplier = alarm_multiplier(effect.effective_n, clock.guarded_opt, clock.alarm_alpha)
        certain = item.metric in CRITICAL and sign * effect.z_star < -multiplier
    alarm = certain and sign * effect.estimate <= -margin
    z_star = None if shifted is None or math.isnan(shifted.z_star) else sign * shifted.z_star
    passes = z_star is not None and z_star >= clock.bar
    label: Label = "worse" if alarm else "better" if low > 0 else "non_inferior" if passes else "inconclusive"
    finding = replace(
        finding,
        label=label,
        alarm=alarm,
        passes=passes,
        margin=margin,
        z_star=z_star,
        p_value=None if z_star is None else promote_p_value(z_star, clock.fraction),
    )
    return _with_relative(finding, measured, effect, clock.guarded_opt, clock)


def find_rating_rate(measured: Measured, clock: Clock) -> Finding:
    """Rated share of requests that are old enough: do coaches rate B as often as A, and what if not?"""
    effect = measured.effects.get(RATING_RATE)
    finding = _describe(RATING_RATE, "health", "higher", effect, clock, clock.guarded_opt)
    if effect is None or finding.interval is None:
        return finding
    relative = say("note.relative", percent=f"{100 * relative_difference(effect):+.1f} %")
    tipping = _tipping_text(measured)
    note = in_a_row("; ", (relative, tipping)) if tipping else relative
    excludes_zero = finding.interval[0] > 0 or finding.interval[1] < 0
    label: Label = "inconclusive" if not excludes_zero else "better" if effect.estimate > 0 else "worse"
    return replace(finding, label=label, passes=not excludes_zero, note=note)


def _tipping_text(measured: Measured) -> str:
    tip = measured.tipping()
    if tip is None or not math.isfinite(tip.shift):
        return ""
    if not tip.possible:
        return say("note.no_tipping")
    way = "less" if tip.shift > 0 else "more"
    return say(f"note.tipping_{way}", points=f"{100 * abs(tip.shift):.1f}")


def needs_bound(rating_rate: Finding, plan: Plan) -> bool:
    """Whether B is rated so differently that the missing ratings must be read at their worst."""
    if rating_rate.effect is None:
        return False
    relative = rating_rate_difference(rating_rate)
    return rating_rate.label in ("better", "worse") or abs(relative) > plan.health.rating_rate_flag


def rating_rate_difference(rating_rate: Finding) -> float:
    """Difference of the rated shares, relative to control's."""
    if rating_rate.effect is None or not rating_rate.rate_control:
        return 0.0
    return rating_rate.effect / rating_rate.rate_control


def find_bound(measured: Measured, rating_rate: Finding, clock: Clock) -> Finding:
    """The primary metric per request, which the missing ratings cannot flatter (Lee's bound)."""
    difference = rating_rate.effect or 0.0
    name = "good_per_request" if difference <= 0 else "no_bad_per_request"
    finding = _describe(name, "sensitivity", "higher", measured.bound(difference), clock, clock.primary_opt)
    passes = finding.z_star is not None and finding.z_star >= clock.bar
    note = say("note.bound")
    return replace(finding, label="better" if passes else "inconclusive", passes=passes, note=note)


def find_mature(measured: Measured, clock: Clock) -> Finding:
    """The primary metric on requests whose ratings have had time to arrive: its sign must agree."""
    return _sign_must_agree(MATURE, measured.effects.get(MATURE), clock, say("note.mature"))


def find_by_decision(measured: Measured, clock: Clock) -> Finding:
    """The primary metric as if coaches rated approved and rejected requests alike: its sign must agree."""
    note = say("note.by_decision")
    return _sign_must_agree("good_rate_by_decision", measured.by_decision(), clock, note)


def find_this_step(rows: MartRows, plan: Plan, step: Collection[str], primary: Finding) -> Finding:
    """The primary metric in the present step alone, after a promotion or a change of what is served.

    Its sign must agree.

    Args:
        rows: the marts of one experiment.
        plan: its plan.
        step: the phases of the present share and of what is served now.
        primary: the finding over all phases, whose place on the information clock this one shares.
    """
    own = replace(rows, metrics=tuple(row for row in rows.metrics if row.phase in step), students=())
    strata = own.strata(plan.primary.metric)
    effect = None if strata is None else estimate_effect(strata)
    clock = read_clock(effect, plan)
    clock = replace(clock, fraction=primary.information or 0.0, bar=primary.bar or math.inf)
    return _sign_must_agree(THIS_STEP, effect, clock, say("note.this_step"))


def _sign_must_agree(metric: str, effect: Effect | None, clock: Clock, note: str) -> Finding:
    finding = _describe(metric, "sensitivity", "higher", effect, clock, clock.primary_opt)
    if finding.effect is None:
        return replace(finding, note=note)
    return replace(finding, label="inconclusive", passes=finding.effect > 0, note=note)


def _describe(
    metric: str, role: Role, better: Direction, effect: Effect | None, clock: Clock, n_opt: float
) -> Finding:
    """The numbers that every finding has, still without a judgement."""
    if effect is None:
        return Finding(metric, role, "no_data", better, bar=_finite(clock.bar), information=clock.fraction)
    se = effect.se * few_clusters_factor(effect.df, clock.alarm_alpha)
    half = alarm_half_width(se, effect.effective_n, n_opt, clock.alarm_alpha)
    known = math.isfinite(half)
    return Finding(
        metric, role, "inconclusive", better,
        effect=effect.estimate,
        interval=(effect.estimate - half, effect.estimate + half) if known else None,
        se=_finite(effect.se),
        n_control=round(effect.n_control),
        n_treatment=round(effect.n_treatment),
        rate_control=effect.rate_control,
        rate_treatment=effect.rate_treatment,
        coaches=effect.clusters,
        z_star=_finite(effect.z_star),
        bar=_finite(clock.bar),
        information=clock.fraction,
        effective_n=effect.effective_n,
        p_value=_finite(promote_p_value(effect.z_star, clock.fraction)),
    )  # fmt: skip


def _with_relative(
    finding: Finding, measured: Measured, effect: Effect, n_opt: float, clock: Clock
) -> Finding:
    """The finding with its effect as a share of control's rate, at the same always-valid multiplier."""
    wider = few_clusters_factor(effect.df, clock.alarm_alpha)
    multiplier = wider * alarm_multiplier(effect.effective_n, n_opt, clock.alarm_alpha)
    found = measured.relative(finding.metric, multiplier)
    if found is None or not math.isfinite(found.estimate):
        return finding
    known = math.isfinite(found.low) and math.isfinite(found.high)
    return replace(
        finding, relative=found.estimate, relative_interval=(found.low, found.high) if known else None
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
