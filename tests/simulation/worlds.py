"""Worlds that never were: the sums that the marts would hold, day by day, for a truth that we know.

Requests of a student are Poisson, so any sum over students, split by variant, decision, rating and the day the rating
came, is Poisson too, independently: drawing the sums is drawing the requests. Only a covariate, which needs every
student's own counts, is drawn student by student.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .rows import Counts, count_rows
from .truth import CONTROL, TREATMENT, Array, Cell, Students, draw_students


@dataclass(frozen=True, slots=True)
class Metric:
    """Denominator and numerator known by the end of each day, shape (days, variants, worlds, phases, coaches).

    ``x`` has the sums of the covariate, its square, and covariate times numerator, where there is one.
    """

    n: Array
    y: Array
    x: tuple[Array, Array, Array] | None = None


@dataclass(frozen=True, slots=True)
class Worlds:
    """Many worlds of one kind: all that the marts would say of them.

    ``decisions`` has requests, rated and GOOD by decision, each (days, variants, decisions, worlds, phases,
    coaches); ``units`` those that arrived on each day, shaped as a metric.
    """

    cell: Cell
    count: int
    metrics: Mapping[str, Metric]
    decisions: tuple[Array, Array, Array]
    units: Array


def make_worlds(cell: Cell, batch: int, count: int) -> Worlds:
    """Worlds of a cell, always the same for the same cell and batch.

    Args:
        cell: the kind of world.
        batch: number of the batch, so that batches can be made in any order and process.
        count: how many worlds.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy=cell.seed, spawn_key=(batch,)))
    people = draw_students(rng, cell, count)
    counts = count_rows(rng, cell, people)
    known = {name: _running(n, y, cell, people) for name, (n, y) in counts.metrics.items()}
    requests, rated, good = (np.cumsum(_by_coach(part, cell, people), axis=0) for part in counts.decisions)
    return Worlds(cell, count, known, (requests, rated, good), _units(rng, cell, people, counts))


def _running(n: Array, y: Array, cell: Cell, people: Students) -> Metric:
    """Running sums by coach, with those of the covariate where the plan has one."""

    def running(counts: Array) -> Array:
        return np.cumsum(_by_coach(counts, cell, people), axis=0).astype(np.float64)

    if not cell.covariate:
        return Metric(running(n), running(y))
    x = people.one_by_one(people.covariate)[:, None]
    return Metric(running(n), running(y), (running(n * x), running(n * x * x), running(y * x)))


def _by_coach(counts: Array, cell: Cell, people: Students) -> Array:
    """Counts by variant and coach; those of single students are added up."""
    if not cell.covariate:
        return counts
    treated = people.treated(cell)[:, None]
    both = np.concatenate([counts * ~treated, counts * treated], axis=1)
    return np.add.reduceat(both, np.cumsum(cell.sizes) - cell.sizes, axis=-1)


def _units(rng: np.random.Generator, cell: Cell, people: Students, counts: Counts) -> Array:
    """Randomised units by the day of their first exposure in a phase: each request, or each student once."""
    if cell.unit == "request":
        return counts.exposures
    arrived = np.zeros((cell.days, 2, people.rate.shape[0], len(cell.ramp), cell.coaches))
    ends = [start - 1 for start, _ in cell.ramp[1:]] + [cell.days]
    # the first day with a request; drawn for itself, which moves hardly anybody by a day
    chance = -np.expm1(-np.maximum(people.rate, 1e-12))
    for phase, ((start, share), end) in enumerate(zip(cell.ramp, ends, strict=True)):
        first = start + rng.geometric(chance) - 1
        for day in range(start, min(end, start + 14) + 1):
            came = (first == day) & (people.rate > 0)
            for variant, inside in ((CONTROL, people.bucket >= share), (TREATMENT, people.bucket < share)):
                arrived[day - 1, variant, :, phase] = (came & inside).sum(-1)
    return arrived
