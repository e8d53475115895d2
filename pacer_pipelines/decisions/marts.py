"""The published sums of one experiment, as plain rows, and the strata that the estimator takes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from pacer_pipelines.metrics import BINARY_METRICS
from pacer_pipelines.stats import Strata


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
    """One row per phase x day x variant: randomised units by the day of their first exposure."""

    phase: str
    date: date
    variant: str
    units: float
    two_variant_units: float
    multi_coach_units: float


class ExposureDay(NamedTuple):
    """One row per phase x day x variant: what the exposure log held."""

    phase: str
    date: date
    variant: str
    exposures: float
    flag_errors: float


class RatedDay(NamedTuple):
    """One row per day: rated requests of treatment that became known on it."""

    date: date
    n_treatment: float


@dataclass(frozen=True, slots=True)
class MartRows:
    """Everything that the marts say of one experiment up to and including one day."""

    metrics: tuple[MetricSum, ...]
    decisions: tuple[DecisionSum, ...]
    units: tuple[UnitDay, ...]
    exposures: tuple[ExposureDay, ...]
    rated: tuple[RatedDay, ...]
    students: tuple[StudentSum, ...] = ()

    def strata(self, metric: str) -> Strata | None:
        """Strata (coach x phase) of one metric, or None when it has no row at all."""
        rows = [
            (row.phase, row.coach, row.variant, row.n, row.y) for row in self.metrics if row.metric == metric
        ]
        return strata_of(rows, binary=metric in BINARY_METRICS) if rows else None

    def phases(self) -> list[str]:
        """Phases in the order in which their first exposure came."""
        first: dict[str, date] = {}
        for row in self.exposures:
            first[row.phase] = min(first.get(row.phase, row.date), row.date)
        return sorted(first, key=lambda phase: (first[phase], phase))

    def phase_start(self, phase: str) -> date:
        """Day of the first exposure in a phase."""
        return min(row.date for row in self.exposures if row.phase == phase)


Cell = tuple[str, str, str, float, float]


def strata_of(rows: Iterable[Cell], *, binary: bool) -> Strata:
    """Strata from (phase, coach, variant, n, y) rows; a missing variant counts zero.

    Coaches and strata are ordered by name, so that the same rows give the same floating-point sums.
    """
    cells = {(coach, phase, variant): (n, y) for phase, coach, variant, n, y in rows}
    keys = sorted({(coach, phase) for coach, phase, _ in cells})
    coaches = {coach: index for index, coach in enumerate(sorted({coach for coach, _ in keys}))}

    def column(variant: str, pick: Callable[[tuple[float, float]], float]) -> np.ndarray:
        return np.array([pick(cells.get((*key, variant), (0.0, 0.0))) for key in keys], dtype=np.float64)

    return Strata(
        cluster=np.array([coaches[coach] for coach, _ in keys], dtype=np.int64),
        n_control=column("control", lambda cell: cell[0]),
        y_control=column("control", lambda cell: cell[1]),
        n_treatment=column("treatment", lambda cell: cell[0]),
        y_treatment=column("treatment", lambda cell: cell[1]),
        binary=binary,
    )
