"""The published sums of one experiment, as plain rows, and the strata that the estimator takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from pacer_pipelines.decisions.phases import flag_version_of, opening_of
from pacer_pipelines.metrics import BINARY_METRICS
from pacer_pipelines.stats import CovariateSums, Strata

# the warehouse adds whole numbers, exactly: microseconds, millionths of a dollar, thousandths of a covariate
UNITS = {"latency": 1e3, "cost": 1e6}
COVARIATE_UNIT = 1e3
# what the serving client logs as the version while it cannot read a flag
NO_VERSION = "none"


class MetricSum(NamedTuple):
    """One row per phase x coach x metric x variant: all contributions known by the run's date.

    ``x``, ``xx`` and ``xy`` are the sums of the student's covariate, of its square, and of covariate times
    numerator over the units of ``n``; 0 when the plan has no covariate. The covariate counts in thousandths.
    """

    phase: str
    coach: str
    metric: str
    variant: str
    n: float
    y: float
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0


class StudentSum(NamedTuple):
    """One row per phase x coach x student x metric x variant: as :class:`MetricSum`, student by student."""

    phase: str
    coach: str
    student: str
    metric: str
    variant: str
    n: float
    y: float
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0


class SegmentSum(NamedTuple):
    """One row per attribute x value x phase x coach x metric x variant; to explore, never to decide."""

    attribute: str
    value: str
    phase: str
    coach: str
    metric: str
    variant: str
    n: float
    y: float


class DecisionSum(NamedTuple):
    """One row per phase x coach x variant x decision of the model."""

    phase: str
    coach: str
    variant: str
    decision: str
    requests: float
    rated: float
    good: float


class UnitDay(NamedTuple):
    """One row per phase x day x variant x coach: randomised units by the day of their first exposure."""

    phase: str
    date: date
    variant: str
    units: float
    two_variant_units: float
    multi_coach_units: float
    coach: str = "unknown"


class ExposureDay(NamedTuple):
    """One row per phase x day x variant: what the exposure log held.

    ``assignment_known`` counts analysed exposures whose bucket or variant could be checked, ``misassigned`` those of
    them that were not where their unit's bucket belongs; both are 0 in what verdicts of before were made of.
    """

    phase: str
    date: date
    variant: str
    exposures: float
    flag_errors: float
    assignment_known: float = 0.0
    misassigned: float = 0.0


class ServedIdentity(NamedTuple):
    """One row per phase x variant x field: what the analysed exposures that say this field say of it.

    ``value`` is what most of them say, ``of_value`` of ``exposures``; ``values`` is the number of different ones.
    """

    phase: str
    variant: str
    field: str
    value: str
    exposures: float
    of_value: float
    values: int


class RatedDay(NamedTuple):
    """One row per day: rated requests of each variant that became known on it."""

    date: date
    n_treatment: float
    n_control: float = 0.0


@dataclass(frozen=True, slots=True)
class MartRows:
    """Everything that the marts say of one experiment up to and including one day."""

    metrics: tuple[MetricSum, ...]
    decisions: tuple[DecisionSum, ...]
    units: tuple[UnitDay, ...]
    exposures: tuple[ExposureDay, ...]
    rated: tuple[RatedDay, ...]
    students: tuple[StudentSum, ...] = ()
    identities: tuple[ServedIdentity, ...] = ()

    def strata(self, metric: str) -> Strata | None:
        """Strata (coach x phase) of one metric, or None when it has no row at all."""
        return strata_of((row for row in self.metrics if row.metric == metric), metric)

    def strata_by_student(self, metric: str) -> Strata | None:
        """The same strata with one row per student in each, or None when students were not read."""
        return strata_of((row for row in self.students if row.metric == metric), metric)

    def phases(self) -> list[str]:
        """Phases in the order in which their first exposure came.

        Requests of a moment without a working flag have no version, so they are in no phase: an outage of minutes must
        not be a version that nobody knows for ever. How many there are is asked by ``health.flag_works``.
        """
        versioned = [
            row for row in self.exposures if row.phase != NO_VERSION or row.exposures > row.flag_errors
        ]
        first: dict[str, date] = {}
        for row in versioned or self.exposures:
            first[row.phase] = min(first.get(row.phase, row.date), row.date)
        return sorted(first, key=lambda phase: (first[phase], flag_version_of(phase), opening_of(phase)))

    def flag_versions(self) -> list[str]:
        """Versions of the flag file that served the phases, in the same order, each once."""
        return list(dict.fromkeys(map(flag_version_of, self.phases())))

    def phase_start(self, phase: str) -> date:
        """Day of the first exposure in a phase."""
        return min(row.date for row in self.exposures if row.phase == phase)


def strata_of(rows: Iterable[MetricSum | StudentSum], metric: str) -> Strata | None:
    """Strata of one metric from its rows; a missing variant counts zero; None without any row.

    Coaches, students and strata are numbered by name, so that the same rows give the same floating-point sums.
    """
    found = list(rows)
    if not found:
        return None
    keys = [
        (row.coach, row.phase, row.student if isinstance(row, StudentSum) else row.coach) for row in found
    ]
    cells = {key: position for position, key in enumerate(sorted(set(keys)))}
    strata = _numbered(key[:2] for key in cells)
    clusters = _numbered(key[2] for key in cells)
    at = np.array([cells[key] for key in keys], dtype=np.int64)
    treated = np.array([row.variant == "treatment" for row in found])

    def column(name: str, unit: float) -> tuple[np.ndarray, np.ndarray]:
        values = np.array([getattr(row, name) for row in found], dtype=np.float64)
        control, treatment = np.zeros(len(cells)), np.zeros(len(cells))
        np.add.at(control, at[~treated], values[~treated])
        np.add.at(treatment, at[treated], values[treated])
        return control / unit, treatment / unit

    unit = UNITS.get(metric, 1.0)
    n, y = column("n", 1.0), column("y", unit)
    covariate = None
    if any(row.xx for row in found):
        x, xx = column("x", COVARIATE_UNIT), column("xx", COVARIATE_UNIT**2)
        xy = column("xy", COVARIATE_UNIT * unit)
        covariate = CovariateSums(x[0], xx[0], xy[0], x[1], xx[1], xy[1])
    return Strata(
        cluster=np.array([clusters[key[2]] for key in cells], dtype=np.int64),
        n_control=n[0],
        y_control=y[0],
        n_treatment=n[1],
        y_treatment=y[1],
        binary=metric in BINARY_METRICS,
        stratum=np.array([strata[key[:2]] for key in cells], dtype=np.int64),
        covariate=covariate,
    )


def _numbered(names: Iterable[Any]) -> dict[Any, int]:
    return {name: number for number, name in enumerate(sorted(set(names)))}
