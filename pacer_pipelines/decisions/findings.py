"""What each metric says: sums in, findings out. All arithmetic is in stats/; here it meets the plan."""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from pacer_pipelines.decisions.marts import DecisionSum, MartRows, strata_of
from pacer_pipelines.decisions.values import Direction, Finding, Label, Role
from pacer_pipelines.metrics import Guarded
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import (
    DecisionSums,
    Effect,
    Strata,
    alarm_half_width,
    decision_weighted,
    estimate_effect,
    per_request_bound,
    planned_treatment_n,
    promote_bar,
    relative_difference,
)

# failures that nobody has to rate or review before they count
CRITICAL = frozenset({"failure_rate"})


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the experiment stands on its information clock, and the two bars there.

    ``information`` is rated treatment requests over the planned number; it is the same clock for all metrics.
    ``alarm_alpha`` is the two-sided level of one metric's always-valid interval.
    """

    planned_n: float
    information: float
    bar: float
    alarm_alpha: float


def read_clock(primary: Effect | None, plan: Plan) -> Clock:
    """The clock of today, from the rated requests that enter the primary effect.

    Promote bar: critical / sqrt(information) with critical = Phi^-1(1 - alpha / 2), the continuous
    O'Brien-Fleming boundary, rounded as the design was simulated (1.96; docs/statistics.md).
    """
    critical = round(NormalDist().inv_cdf(1 - plan.alphas.promote / 2), 2)
    treatment = primary.n_treatment if primary else 0.0
    share = treatment / (treatment + primary.n_control) if primary else min(plan.rollout.steps[0], 99.0) / 100
    planned = planned_treatment_n(
        plan.primary.baseline, plan.primary.smallest_effect, share, plan.primary.design_effect, critical
    )
    information = min(1.0, treatment / planned)
    alpha = 2 * plan.alphas.alarm / (1 + len(plan.guarded))
    return Clock(planned, information, promote_bar(information, critical), alpha)


def find_all(rows: MartRows, plan: Plan) -> tuple[Finding, ...]:
    """Every finding of the day: primary, guarded metrics, the rating rate, and what must agree with the primary."""
    effect = _effect(rows, plan.primary.metric)
    clock = read_clock(effect, plan)
    rating_rate = find_rating_rate(rows, clock)
    findings = [find_primary(effect, plan, clock)]
    findings += [find_guarded(rows, item, role, plan, clock) for item, role in _roles(plan)]
    findings += [rating_rate, find_mature(rows, clock), find_by_decision(rows, clock)]
    if needs_bound(rating_rate, plan):
        findings.append(find_bound(rows, rating_rate, clock))
    return tuple(findings)


def _effect(rows: MartRows, metric: str) -> Effect | None:
    strata = rows.strata(metric)
    return None if strata is None else estimate_effect(strata)


def _roles(plan: Plan) -> list[tuple[Guarded, Role]]:
    return [(item, "secondary") for item in plan.secondary] + [
        (item, "guardrail") for item in plan.guardrails
    ]


def find_primary(effect: Effect | None, plan: Plan, clock: Clock) -> Finding:
    """GOOD among rated requests: superiority against the promote bar, harm against the alarm bar."""
    finding = _describe(plan.primary.metric, "primary", "higher", effect, clock, n_opt=300.0)
    if effect is None or finding.interval is None or finding.z_star is None:
        return finding
    alarm = enough_for_alarm(effect, plan) and finding.interval[1] < 0
    passes = finding.z_star >= clock.bar
    label: Label = "worse" if alarm else "better" if passes else "inconclusive"
    return replace(finding, label=label, alarm=alarm, passes=passes)


def enough_for_alarm(effect: Effect, plan: Plan) -> bool:
    """Whether enough of B and enough coaches have been seen for the alarm bar to hold what it promises."""
    least = plan.minimums
    return effect.n_treatment >= least.alarm_rated and effect.clusters >= least.alarm_coaches


def find_guarded(rows: MartRows, item: Guarded, role: Role, plan: Plan, clock: Clock) -> Finding:
    """A metric that must not be harmed: non-inferiority by its margin, harm against the alarm bar.

    Failures wait for nothing: a B that breaks is cut on its first day. With few coaches their interval is
    widened by what Student's t asks for instead.
    """
    strata = rows.strata(item.metric)
    effect = estimate_effect(strata) if strata is not None else None
    finding = _describe(item.metric, role, item.better, effect, clock, n_opt=clock.planned_n / 6)
    if strata is None or effect is None or finding.interval is None:
        return finding
    sign = 1.0 if item.better == "higher" else -1.0
    shifted = estimate_effect(strata.shift_control(sign * item.margin.relative, -sign * item.margin.absolute))
    margin = item.margin.absolute or item.margin.relative * abs(effect.rate_control)
    low, high = sorted((sign * finding.interval[0], sign * finding.interval[1]))
    if enough_for_alarm(effect, plan):
        certain = high < 0
    else:
        widened = (high - low) / 2 * max(1.0, effect.t / effect.z_star if effect.z_star else 1.0)
        certain = item.metric in CRITICAL and sign * effect.estimate + widened < 0
    alarm = certain and sign * effect.estimate <= -margin
    z_star = None if shifted is None or math.isnan(shifted.z_star) else sign * shifted.z_star
    passes = z_star is not None and z_star >= clock.bar
    label: Label = "worse" if alarm else "better" if low > 0 else "non_inferior" if passes else "inconclusive"
    return replace(finding, label=label, alarm=alarm, passes=passes, margin=margin, z_star=z_star)


def find_rating_rate(rows: MartRows, clock: Clock) -> Finding:
    """Rated share of requests that are old enough: do coaches rate B as often as A?"""
    effect = _effect(rows, "rating_rate")
    finding = _describe("rating_rate", "health", "higher", effect, clock, n_opt=clock.planned_n / 6)
    if effect is None or finding.interval is None:
        return finding
    note = f"relative difference {100 * relative_difference(effect):+.1f} %"
    excludes_zero = finding.interval[0] > 0 or finding.interval[1] < 0
    label: Label = "inconclusive" if not excludes_zero else "better" if effect.estimate > 0 else "worse"
    return replace(finding, label=label, passes=not excludes_zero, note=note)


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


def find_bound(rows: MartRows, rating_rate: Finding, clock: Clock) -> Finding:
    """The primary metric per request, which the missing ratings cannot flatter (Lee's bound)."""
    name = "good_per_request" if (rating_rate.effect or 0) <= 0 else "no_bad_per_request"
    good, bad = _per_request(rows, good=True), _per_request(rows, good=False)
    effect = per_request_bound(good, bad, rating_rate.effect or 0.0)
    finding = _describe(name, "sensitivity", "higher", effect, clock, n_opt=300.0)
    passes = finding.z_star is not None and finding.z_star >= clock.bar
    note = "worst reading of the missing ratings; asked because B is rated at another rate"
    return replace(finding, label="better" if passes else "inconclusive", passes=passes, note=note)


def _per_request(rows: MartRows, *, good: bool) -> Strata:
    """GOOD or BAD ratings per mature request.

    A guessed request may be rated under a coach who is not its own; such strata cannot be read per request.
    """
    counts: dict[tuple[str, str, str], list[float]] = {}
    for row in rows.metrics:
        cell = counts.setdefault((row.phase, row.coach, row.variant), [0.0, 0.0])
        if row.metric == "rating_rate":
            cell[0] += row.n
        elif row.metric == "good_rate_mature":
            cell[1] += row.y if good else row.n - row.y
    return strata_of([(*key, n, y) for key, (n, y) in counts.items() if 0 <= y <= n and n > 0], binary=True)


def find_mature(rows: MartRows, clock: Clock) -> Finding:
    """The primary metric on requests whose ratings have had time to arrive: its sign must agree."""
    return _sign_must_agree(
        "good_rate_mature", _effect(rows, "good_rate_mature"), clock, "requests old enough to have been rated"
    )


def find_by_decision(rows: MartRows, clock: Clock) -> Finding:
    """The primary metric as if coaches rated approved and rejected requests alike: its sign must agree."""
    effect = decision_weighted(_decision_sums(rows.decisions)) if rows.decisions else None
    note = "ratings weighted to the decisions the model made; coaches rate approved requests more often"
    return _sign_must_agree("good_rate_by_decision", effect, clock, note)


def _sign_must_agree(metric: str, effect: Effect | None, clock: Clock, note: str) -> Finding:
    finding = _describe(metric, "sensitivity", "higher", effect, clock, n_opt=300.0)
    if finding.effect is None:
        return replace(finding, note=note)
    return replace(finding, label="inconclusive", passes=finding.effect > 0, note=note)


def _decision_sums(rows: tuple[DecisionSum, ...]) -> dict[str, DecisionSums]:
    keys = sorted({(row.coach, row.phase) for row in rows})
    coaches = {coach: index for index, coach in enumerate(sorted({coach for coach, _ in keys}))}
    cells = {(row.decision, row.variant, row.coach, row.phase): row for row in rows}
    cluster = np.array([coaches[coach] for coach, _ in keys], dtype=np.int64)

    def column(decision: str, variant: str, field: str) -> np.ndarray:
        found = [cells.get((decision, variant, *key)) for key in keys]
        return np.array([getattr(row, field) if row else 0.0 for row in found], dtype=np.float64)

    return {
        decision: DecisionSums(
            cluster,
            *(
                column(decision, variant, field)
                for variant in ("control", "treatment")
                for field in ("requests", "rated", "good")
            ),
        )
        for decision in sorted({row.decision for row in rows})
    }


def _describe(
    metric: str, role: Role, better: Direction, effect: Effect | None, clock: Clock, n_opt: float
) -> Finding:
    """The numbers that every finding has, still without a judgement."""
    if effect is None:
        return Finding(metric, role, "no_data", better, bar=_finite(clock.bar), information=clock.information)
    half = alarm_half_width(effect.se, effect.n_treatment, n_opt, clock.alarm_alpha)
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
        information=clock.information,
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
