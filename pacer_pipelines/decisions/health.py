"""Checks on the experiment itself: was the traffic split as planned, and does the plan still stand?"""

from collections.abc import Mapping
from datetime import date

import numpy as np

from pacer_pipelines.decisions.findings import rating_rate_difference
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.values import Check, Finding
from pacer_pipelines.decisions.wording import FEWEST_UNITS
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import SrmResult, sequential_srm

VARIANTS = ("control", "treatment")
# phase of requests that had to be guessed from PACER's own table, because there is no exposure log
SNAPSHOT_PHASE = "snapshot"


def experiment_checks(
    rows: MartRows, plan: Plan, shares: Mapping[str, float], frozen_hash: str, rating_rate: Finding | None
) -> tuple[Check, ...]:
    """Every check that the marts and the flag's history allow.

    Args:
        rows: the marts of one experiment.
        plan: its plan.
        shares: percent of traffic on treatment by phase (flag version), as the flag file said.
        frozen_hash: hash of the plan when its first verdict was given.
        rating_rate: the finding on the rated share of requests.
    """
    logged = exposures_logged(rows)
    if not logged.passed:
        return (plan_unchanged(plan, frozen_hash), logged)
    return (
        plan_unchanged(plan, frozen_hash),
        logged,
        flag_known(rows, shares),
        flag_works(rows),
        sample_ratio(rows, plan, shares),
        units_stay(rows, "two_variant_units", plan.health.two_variant_units),
        units_stay(rows, "multi_coach_units", plan.health.multi_coach_units),
        rated_alike(rating_rate, plan),
    )


def _check(
    name: str, source: str, passed: bool, observed: str, expected: str, detail: str, why: str
) -> Check:
    """A critical check; what is wrong is told only when something is."""
    return Check(name, source, "critical", passed, observed, expected, "" if passed else detail, why)


def _count(units: float) -> str:
    """A number of people, unless it is so small that it tells who they are."""
    return f"under {FEWEST_UNITS}" if 0 < units < FEWEST_UNITS else f"{units:.0f}"


def plan_unchanged(plan: Plan, frozen_hash: str) -> Check:
    """The plan is the one that was registered before the first exposure."""
    return _check(
        "plan_unchanged", "plan", plan.plan_hash == frozen_hash,
        plan.plan_hash[:12], frozen_hash[:12],
        f"the plan was edited after the start: {frozen_hash[:12]} became {plan.plan_hash[:12]}",
        "a rule that is changed after looking at the data promises nothing",
    )  # fmt: skip


def exposures_logged(rows: MartRows) -> Check:
    """The exposures come from the exposure log, not from a guess."""
    phases = rows.phases()
    guessed = SNAPSHOT_PHASE in phases
    return _check(
        "exposures_logged", "exposures", bool(phases) and not guessed,
        "guessed from PACER's database" if guessed else f"{len(phases)} phases", "at least one phase",
        "no exposure of this experiment was logged, so nobody knows who was served what",
        "without the log a verdict would rest on guesses",
    )  # fmt: skip


def flag_known(rows: MartRows, shares: Mapping[str, float]) -> Check:
    """Every flag version in the exposures is known with its share of traffic."""
    unknown = [phase for phase in rows.phases() if phase not in shares]
    return _check(
        "flag_versions_known", "flag", not unknown,
        f"{len(unknown)} unknown", "0 unknown",
        f"no flag file is kept for version {', '.join(unknown)}, so the planned split of its traffic is unknown",
        "without the planned split nobody can say whether the split was kept",
    )  # fmt: skip


def flag_works(rows: MartRows) -> Check:
    """The flag was evaluated without error for the newest day's exposures."""
    newest = max((row.date for row in rows.exposures), default=None)
    errors = sum(row.flag_errors for row in rows.exposures if row.date == newest)
    total = sum(row.exposures for row in rows.exposures if row.date == newest)
    share = errors / total if total else 0.0
    return _check(
        "flag_works", "exposures", share < 0.01,
        f"{100 * share:.1f} % errors", "under 1 %",
        f"{errors:.0f} of {total:.0f} exposures on {newest} came without a working flag and were served control",
        "a broken flag serves control to everybody and calls it a split",
    )  # fmt: skip


def sample_ratio(rows: MartRows, plan: Plan, shares: Mapping[str, float]) -> Check:
    """Randomised units arrived in the planned shares, phase by phase (sequential, so it may be read daily)."""
    results = {phase: _srm(rows, phase, shares[phase]) for phase in rows.phases() if phase in shares}
    worst = min(results, key=lambda phase: results[phase].p_value, default=None)
    p_value = results[worst].p_value if worst is not None else 1.0
    seen = expected = np.zeros(2)
    if worst is not None:
        seen, expected = results[worst].counts, results[worst].expected
    return _check(
        "sample_ratio", "exposures", p_value >= plan.alphas.srm,
        f"p {p_value:.4f}", f"p at least {plan.alphas.srm}",
        f"in phase {worst}: {_count(seen[0])} units in control and {_count(seen[1])} in treatment, "
        f"planned were {expected[0]:.0f} and {expected[1]:.0f}",
        "a split that is not the planned one compares different students",
    )  # fmt: skip


def _srm(rows: MartRows, phase: str, share: float) -> SrmResult:
    days: dict[date, list[float]] = {}
    for row in rows.units:
        if row.phase == phase:
            days.setdefault(row.date, [0.0, 0.0])[VARIANTS.index(row.variant)] += row.units
    counts = np.array([days[day] for day in sorted(days)], dtype=np.float64).reshape(-1, 2)
    return sequential_srm(counts, np.array([1 - share / 100, share / 100]))


def units_stay(rows: MartRows, field: str, limit: float) -> Check:
    """Units keep to one variant (or one coach) within a phase."""
    crossed = sum(getattr(row, field) for row in rows.units)
    total = sum(row.units for row in rows.units)
    share = crossed / total if total else 0.0
    what, why = {
        "two_variant_units": ("both variants", "who met both variants can be blamed on neither"),
        "multi_coach_units": (
            "several coaches",
            "the standard error leaves out one coach at a time; students who work with several need a second one",
        ),
    }[field]
    return _check(
        field, "exposures", share < limit,
        f"{100 * share:.2f} %", f"under {100 * limit:g} %",
        f"{_count(crossed)} of {total:.0f} units met {what} within one phase", why,
    )  # fmt: skip


def rated_alike(rating_rate: Finding | None, plan: Plan) -> Check:
    """B is rated about as often as A; above the limit no correction is trusted."""
    relative = rating_rate_difference(rating_rate) if rating_rate is not None else 0.0
    limit = plan.health.rating_rate_block
    return _check(
        "rated_alike", "feedback", abs(relative) <= limit,
        f"{100 * relative:+.1f} %", f"within {100 * limit:g} %",
        f"requests of B are rated {100 * abs(relative):.1f} % {'more' if relative > 0 else 'less'} often",
        "missing ratings are evidence: bad answers that nobody rates look like good ones",
    )  # fmt: skip
