"""Checks on the experiment itself: was the traffic split as planned, and does the plan still stand?"""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.findings import rating_rate_difference
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, ServedIdentity
from pacer_pipelines.decisions.phases import flag_version_of, opening_of
from pacer_pipelines.decisions.values import Check, Finding
from pacer_pipelines.decisions.wording import FEWEST_UNITS
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import (
    SrmResult,
    WorstSlice,
    crossed_share,
    sequential_srm,
    worst_phase,
    worst_slice,
)

VARIANTS = ("control", "treatment")
# phase of requests that had to be guessed from PACER's own table, because there is no exposure log
SNAPSHOT_PHASE = "snapshot"
# largest share of exposures that may be where their bucket does not belong: each moves the effect towards zero
MISASSIGNED = 0.01
# smallest share of a phase's exposures that makes another identity more than the end of a deploy
SIDE_BY_SIDE = 0.05


def experiment_checks(
    rows: MartRows, plan: Plan, shares: Mapping[str, float], frozen_hash: str, rating_rate: Finding | None
) -> tuple[Check, ...]:
    """Every check that the marts and the flag's history allow.

    Args:
        rows: the marts of one experiment.
        plan: its plan.
        shares: percent of traffic on treatment by flag version, as the flag file said.
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
        assignment_consistent(rows),
        served_identity(rows),
        sample_ratio(srm_by_phase(rows, shares), plan),
        sample_ratio_by_coach(rows, plan, shares),
        sample_ratio_by_day(rows, plan, shares),
        two_variant_units(rows, plan),
        multi_coach_units(rows, plan),
        rated_alike(rating_rate, plan),
    )


def _check(
    name: str, source: str, passed: bool, observed: str, expected: str, detail: str, why: str
) -> Check:
    """A critical check; what is wrong is told only when something is."""
    return Check(name, source, "critical", passed, observed, expected, "" if passed else detail, why)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _count(units: float) -> str:
    """A number of people, unless it is so small that it tells who they are."""
    few = 0 < units < FEWEST_UNITS
    return say("health.under", number=FEWEST_UNITS) if few else f"{units:.0f}"


def plan_unchanged(plan: Plan, frozen_hash: str) -> Check:
    """The plan is the one that was registered before the first exposure."""
    return _check(
        "plan_unchanged", "plan", plan.plan_hash == frozen_hash,
        plan.plan_hash[:12], frozen_hash[:12],
        say("health.plan_unchanged", before=frozen_hash[:12], after=plan.plan_hash[:12]),
        "a rule that is changed after looking at the data promises nothing",
    )  # fmt: skip


def exposures_logged(rows: MartRows) -> Check:
    """The exposures come from the exposure log, not from a guess."""
    phases = rows.phases()
    guessed = SNAPSHOT_PHASE in phases
    return _check(
        "exposures_logged", "exposures", bool(phases) and not guessed,
        "guessed from PACER's database" if guessed else f"{len(phases)} phases", "at least one phase",
        say("health.exposures_logged"),
        "without the log a verdict would rest on guesses",
    )  # fmt: skip


def flag_known(rows: MartRows, shares: Mapping[str, float]) -> Check:
    """Every flag version in the exposures is known with its share of traffic."""
    unknown = [version for version in rows.flag_versions() if version not in shares]
    return _check(
        "flag_versions_known", "flag", not unknown,
        f"{len(unknown)} unknown", "0 unknown",
        say("health.flag_versions_known", versions=", ".join(unknown)),
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
        say("health.flag_works", errors=f"{errors:.0f}", total=f"{total:.0f}", date=newest),
        "a broken flag serves control to everybody and calls it a split",
    )  # fmt: skip


def assignment_consistent(rows: MartRows) -> Check:
    """Units are served the variant that their own bucket has in the flag file: none on the newest day is not.

    Two windows. The newest day alone says whether the fault is still there, so one exposure fails it, and the day
    after the repair passes. But the sums of a verdict reach back to the first day and hold what came before the repair
    as well; so the share over all days must stay below what may be crossed (as for ``two_variant_units``). A short
    fault heals at once, a long one only as sound days outgrow it, and until then nothing is promoted on it.
    """
    newest = max((row.date for row in rows.exposures), default=None)
    wrong, known = _misassigned(row for row in rows.exposures if row.date == newest)
    wrong_ever, known_ever = _misassigned(rows.exposures)
    share = wrong_ever / known_ever if known_ever else 0.0
    nothing = "nothing to judge: no line says enough"
    return _check(
        "assignment_consistent", "exposures", not wrong and share < MISASSIGNED,
        f"{wrong:.0f} on {newest}, {100 * share:.2f} % of all days" if known_ever else nothing,
        f"0 on the newest day, under {100 * MISASSIGNED:g} % of all days",
        say(
            "health.assignment_consistent", wrong=f"{wrong:.0f}", known=f"{known:.0f}", date=newest,
            wrong_ever=f"{wrong_ever:.0f}", known_ever=f"{known_ever:.0f}",
        ),
        "who is served by anything but the bucket was not randomised, however even the split looks",
    )  # fmt: skip


def _misassigned(exposures: Iterable[ExposureDay]) -> tuple[float, float]:
    """Exposures that are not where their bucket belongs, and all of which that could be asked."""
    found = list(exposures)
    return sum(row.misassigned for row in found), sum(row.assignment_known for row in found)


def served_identity(rows: MartRows) -> Check:
    """Within the newest phase each variant is one model, one prompt and one decoding.

    A change opens a phase, so what is left here are two at once. Each field is asked by itself, among the exposures
    that say it: a failed call that tells no digest is no other model.
    """
    newest = rows.phases()[-1:]
    told = [row for row in rows.identities if row.phase in newest]
    worst = max(told, key=_other, default=None)
    share = _other(worst) if worst else 0.0
    detail = (
        say(
            "health.served_identity",
            others=f"{worst.exposures - worst.of_value:.0f}",
            exposures=f"{worst.exposures:.0f}",
            variant=worst.variant,
            phase=worst.phase,
            field=worst.field,
            values=worst.values,
        )
        if worst
        else ""
    )
    return _check(
        "served_identity", "exposures", share < SIDE_BY_SIDE,
        f"{100 * share:.1f} % of another identity, {_counted(_changes(rows), 'change')} so far" if worst else
        "nothing to judge: no line says what was served",
        f"under {100 * SIDE_BY_SIDE:g} % in the newest phase", detail,
        "evidence on two models is evidence on neither",
    )  # fmt: skip


def _other(row: ServedIdentity) -> float:
    """Share of the exposures that do not say what the most do."""
    return 1 - row.of_value / row.exposures


def _changes(rows: MartRows) -> int:
    """How often what is served has changed under one version of the flag file."""
    return sum(opening_of(phase) > 1 for phase in rows.phases())


def srm_by_phase(rows: MartRows, shares: Mapping[str, float]) -> dict[str, SrmResult]:
    """The sequential test of each phase with a known share, oldest first."""
    found: dict[str, SrmResult] = {}
    for phase in known_phases(rows, shares):
        days: dict[date, list[float]] = {}
        for row in rows.units:
            if row.phase == phase:
                days.setdefault(row.date, [0.0, 0.0])[VARIANTS.index(row.variant)] += row.units
        counts = np.array([days[day] for day in sorted(days)], dtype=np.float64).reshape(-1, 2)
        found[phase] = sequential_srm(counts, weights(shares[flag_version_of(phase)]))
    return found


def known_phases(rows: MartRows, shares: Mapping[str, float]) -> list[str]:
    """Phases whose planned split is known, oldest first."""
    return [phase for phase in rows.phases() if flag_version_of(phase) in shares]


def weights(share: float) -> tuple[float, float]:
    """Planned shares of control and treatment from the percent on treatment."""
    return 1 - share / 100, share / 100


def sample_ratio(results: Mapping[str, SrmResult], plan: Plan) -> Check:
    """Randomised units arrived in the planned shares, in every phase (sequential, so it may be read daily)."""
    phases = list(results)
    worst = worst_phase(list(results.values()))
    where = say("health.in_phase", phase=phases[worst.position]) if worst.position is not None else ""
    return _ratio_check("sample_ratio", worst, where, _counted(len(phases), "phase"), plan)


def sample_ratio_by_coach(rows: MartRows, plan: Plan, shares: Mapping[str, float]) -> Check:
    """No single coach's units arrived in other shares: what cancels out over all coaches is found here."""
    coaches = sorted({row.coach for row in rows.units})
    phases = known_phases(rows, shares)
    counts = np.zeros((len(coaches), len(phases), 2))
    place = {coach: number for number, coach in enumerate(coaches)}
    for row in rows.units:
        if row.phase in phases:
            counts[place[row.coach], phases.index(row.phase), VARIANTS.index(row.variant)] += row.units
    worst = (
        worst_slice(counts, [weights(shares[flag_version_of(phase)]) for phase in phases])
        if phases
        else worst_phase(())
    )
    seen = f"worst of {len(coaches)} coaches" + (
        f": {coaches[worst.position]}" if worst.position is not None else ""
    )
    return _ratio_check("sample_ratio_by_coach", worst, say("health.at_one_coach"), seen, plan)


def sample_ratio_by_day(rows: MartRows, plan: Plan, shares: Mapping[str, float]) -> Check:
    """No single day's units arrived in other shares: an hour of a broken flag is found here."""
    phases = known_phases(rows, shares)
    days = sorted({row.date for row in rows.units})
    counts = np.zeros((len(days), len(phases), 2))
    for row in rows.units:
        if row.phase in phases:
            counts[days.index(row.date), phases.index(row.phase), VARIANTS.index(row.variant)] += row.units
    splits = [weights(shares[flag_version_of(phase)]) for phase in phases]
    worst = worst_slice(counts, splits, open_ended=True) if phases else worst_phase(())
    where = say("health.on_day", date=days[worst.position]) if worst.position is not None else ""
    return _ratio_check("sample_ratio_by_day", worst, where, _counted(len(days), "day"), plan)


def _ratio_check(name: str, worst: WorstSlice, where: str, seen: str, plan: Plan) -> Check:
    control, treatment = worst.counts
    return _check(
        name, "exposures", worst.p_value >= plan.alphas.srm,
        f"p {worst.p_value:.4f}, {seen}", f"p at least {plan.alphas.srm}",
        say(
            "health.sample_ratio", where=where, control=_count(control), treatment=_count(treatment),
            planned_control=f"{worst.expected[0]:.0f}", planned_treatment=f"{worst.expected[1]:.0f}",
        ),
        "a split that is not the planned one compares different students",
    )  # fmt: skip


def two_variant_units(rows: MartRows, plan: Plan) -> Check:
    """Units keep to one variant within a phase."""
    limit = plan.health.two_variant_units
    share, observed, detail = _crossed(rows, "two_variant_units")
    return _check(
        "two_variant_units", "exposures", share < limit, observed, f"under {100 * limit:g} %", detail,
        "who met both variants can be blamed on neither",
    )  # fmt: skip


def multi_coach_units(rows: MartRows, plan: Plan) -> Check:
    """Units keep to one coach within a phase, or the standard error is worked out by student too."""
    limit = plan.health.multi_coach_units
    share, observed, detail = _crossed(rows, "multi_coach_units")
    by_student = bool(rows.students)
    return _check(
        "multi_coach_units", "exposures", share < limit or by_student,
        observed + (", standard error by student too" if by_student else ""), f"under {100 * limit:g} %",
        detail,
        "the standard error leaves out one coach at a time; students who work with several need a second one",
    )  # fmt: skip


def students_cross_coaches(rows: MartRows, plan: Plan) -> bool:
    """Whether so many units met several coaches that a second standard error is needed."""
    return _crossed(rows, "multi_coach_units")[0] >= plan.health.multi_coach_units


def _crossed(rows: MartRows, field: str) -> tuple[float, str, str]:
    crossed = sum(getattr(row, field) for row in rows.units)
    total = sum(row.units for row in rows.units)
    share = crossed_share(crossed, total).share if total else 0.0
    detail = say(f"health.{field}", crossed=_count(crossed), total=f"{total:.0f}")
    return share, f"{100 * share:.2f} %", detail


def rated_alike(rating_rate: Finding | None, plan: Plan) -> Check:
    """B is rated about as often as A; above the limit no correction is trusted."""
    relative = rating_rate_difference(rating_rate) if rating_rate is not None else 0.0
    limit = plan.health.rating_rate_block
    return _check(
        "rated_alike", "feedback", abs(relative) <= limit,
        f"{100 * relative:+.1f} %", f"within {100 * limit:g} %",
        say(f"health.rated_{'more' if relative > 0 else 'less'}", percent=f"{100 * abs(relative):.1f} %"),
        "missing ratings are evidence: bad answers that nobody rates look like good ones",
    )  # fmt: skip
