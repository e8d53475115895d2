"""How often the watch errs, and how many bad calls it takes to see a broken B: simulated days, hour by hour.

Run as ``PYTHONPATH=tests python -m simulation.watch``; the numbers stand in docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pacer_pipelines.decisions.watch import Tally, Watched, find_harm
from pacer_pipelines.plan import Plan, load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
OPEN_HOURS, LOOK_MINUTES = 14, 10
EXPERIMENTS, BREAKS = 100, 200
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class School:
    """One experiment: calls, students, B's share, and how often a call of A and of B fails.

    ``alike`` is the correlation of two calls of one student: some students fail far more often than others.
    """

    share: float = 0.3
    a: float = 0.0033
    b: float = 0.0062
    alike: float = 0.0
    calls: int = 2000
    students: int = 480
    days: int = 42


@dataclass(frozen=True)
class Caught:
    """When a broken B was cut: failed calls of B until the look, and minutes after it broke."""

    failed: int
    minutes: float


def false_alarm(school: School, rng: np.random.Generator, plan: Plan = PLAN) -> bool:
    """Whether one experiment is ever cut, looked at every ten minutes of each day."""
    is_b = rng.random(school.students) < school.share
    rates = _rates(school, is_b, rng)
    return any(
        find_harm(plan, plan.start_date + timedelta(days=day), {"failures": watched})
        for day in range(school.days)
        for _, watched in _looks(*_calls(school, rates, rng), is_b)
    )


def caught(school: School, broken: float, rng: np.random.Generator, plan: Plan = PLAN) -> Caught | None:
    """How a B that breaks two hours into the seventh day is caught on that day; None when it is not.

    Args:
        school: the experiment before it breaks.
        broken: chance that a call of B fails from then on.
        rng: random numbers.
        plan: the plan.
    """
    is_b = rng.random(school.students) < school.share
    minute, student, failed = _calls(school, _rates(school, is_b, rng), rng)
    struck = is_b[student] & (minute >= 120) & (rng.random(minute.size) < broken)
    failed = failed | struck
    day: date = plan.start_date + timedelta(days=6)
    for now, watched in _looks(minute, student, failed, is_b):
        if find_harm(plan, day, {"failures": watched}):
            seen = is_b[student] & failed & (minute >= 120) & (minute < now)
            return Caught(int(seen.sum()), now - 120.0)
    return None


def _rates(school: School, is_b: npt.NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    mean = np.where(is_b, school.b, school.a)
    if not school.alike:
        return mean
    mass = 1 / school.alike - 1
    return rng.beta(mean * mass, (1 - mean) * mass)


def _calls(
    school: School, rates: Floats, rng: np.random.Generator
) -> tuple[Floats, Ints, npt.NDArray[np.bool_]]:
    """Minute, student and failure of each call of one day, in order."""
    number = rng.poisson(school.calls)
    minute = np.sort(rng.random(number)) * OPEN_HOURS * 60
    student = rng.integers(school.students, size=number)
    return minute, student, rng.random(number) < rates[student]


def _looks(
    minute: Floats, student: Ints, failed: npt.NDArray[np.bool_], is_b: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, Watched]]:
    """Minute of each look and what the watch has counted by then: the first call of each student and hour.

    Looks at which fewer than three students of B had a failure are left out: they cut nothing.
    """
    trial = np.zeros(minute.size, dtype=bool)
    trial[np.unique((minute // 60).astype(int) * 10_000 + student, return_index=True)[1]] = True
    ends = np.searchsorted(minute, np.arange(1, OPEN_HOURS * 60 // LOOK_MINUTES + 1) * LOOK_MINUTES)
    b = is_b[student]
    hits = np.flatnonzero(trial & failed & b)
    first = np.zeros(minute.size, dtype=bool)
    first[hits[np.unique(student[hits], return_index=True)[1]]] = True
    sums = [
        np.cumsum(part) for part in (trial & ~b & failed, trial & ~b, trial & b & failed, trial & b, first)
    ]
    for look, end in enumerate(ends, start=1):
        if end == 0 or sums[-1][end - 1] < 3:
            continue
        k_a, n_a, k_b, n_b, units = (int(part[end - 1]) for part in sums)
        yield look * LOOK_MINUTES, Watched(Tally(k_a, n_a, k_a), Tally(k_b, n_b, units))


def main(seed: int = 20261124) -> None:
    """Print both tables."""
    print(f"false alarms in {EXPERIMENTS} experiments of 42 days each")
    example = School()
    for name, school in (
        ("as in the example", example),
        ("B worse by the whole margin", replace(example, b=0.0133)),
        ("the same, students unlike", replace(example, b=0.0133, alike=0.05)),
        ("students far more unlike", replace(example, b=0.0133, alike=0.2)),
        ("no difference, share 50 %", replace(example, b=0.0033, share=0.5)),
    ):
        rng = np.random.default_rng(seed)
        print(f"  {name:30} {sum(false_alarm(school, rng) for _ in range(EXPERIMENTS))}", flush=True)
    print("failed calls of B until the look that cuts it (median, 95 %), minutes (median), caught that day")
    for share in (0.1, 0.3, 0.5):
        for broken in (1.0, 0.3, 0.1, 0.05):
            rng = np.random.default_rng(seed)
            found = [caught(replace(example, share=share), broken, rng) for _ in range(BREAKS)]
            days = [item for item in found if item is not None]
            failed, minutes = [item.failed for item in days], [item.minutes for item in days]
            words = f"  B {share:4.0%}, fails {broken:4.0%}: "
            if days:
                words += f"{np.median(failed):.0f}, {np.quantile(failed, 0.95):.0f}; {np.median(minutes):.0f} min; "
            print(words + f"{len(days) / BREAKS:.0%}", flush=True)


if __name__ == "__main__":
    main()
