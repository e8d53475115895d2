"""Two weeks of an experiment made of seeded counts: mart rows as the warehouse publishes them, for pure tests."""

from datetime import date, timedelta

import numpy as np

from pacer_pipelines.decisions.marts import (
    DecisionSum,
    ExposureDay,
    MartRows,
    MetricSum,
    RatedDay,
    StudentSum,
    UnitDay,
)

START = date(2026, 11, 2)
VARIANTS = ("control", "treatment")


def made_weeks(
    gain: float = 0.05,
    coaches: int = 24,
    days: int = 14,
    share: float = 0.3,
    students: bool = False,
    seed: int = 7,
) -> MartRows:
    """One phase; every coach has the same students in each variant, B's GOOD rate is higher by ``gain``."""
    rng = np.random.default_rng(seed)
    metrics: list[MetricSum] = []
    decisions: list[DecisionSum] = []
    by_student: list[StudentSum] = []
    for coach in (f"c{number:02d}" for number in range(coaches)):
        level = rng.uniform(0.65, 0.8)
        for variant in VARIANTS:
            requests = 100 * days * (share if variant == "treatment" else 1 - share) / 2
            requests = float(round(requests))
            rated = float(round(0.4 * requests))
            good = float(rng.binomial(int(rated), level + (gain if variant == "treatment" else 0)))
            cards = float(rng.binomial(int(requests), 0.56))
            sums = {
                "good_rate": (rated, good),
                "good_rate_mature": (rated, good),
                "rating_rate": (requests, rated),
                "card_rate": (requests, cards),
                "engagement": (cards, float(rng.poisson(1.05 * cards))),
                "failure_rate": (requests, float(rng.binomial(int(requests), 0.003))),
            }
            metrics += [MetricSum("1", coach, name, variant, n, y) for name, (n, y) in sums.items()]
            if students:
                by_student += _students(coach, variant, sums)
            for decision, part in (("APPROVE", 0.6), ("REJECT", 0.4)):
                decisions.append(
                    DecisionSum("1", coach, variant, decision, part * requests, part * rated, part * good)
                )
    every = [START + timedelta(days=number) for number in range(days)]
    split = {"control": 100 * (1 - share), "treatment": 100 * share}
    return MartRows(
        metrics=tuple(metrics),
        decisions=tuple(decisions),
        units=tuple(
            UnitDay("1", day, variant, round(split[variant]), 0, 0, "c00")
            for day in every
            for variant in VARIANTS
        ),
        exposures=tuple(ExposureDay("1", day, variant, 500, 0) for day in every for variant in VARIANTS),
        rated=tuple(RatedDay(day, 28.0 * share, 28.0 * (1 - share)) for day in every),
        students=tuple(by_student),
    )


def _students(coach: str, variant: str, sums: dict[str, tuple[float, float]]) -> list[StudentSum]:
    """Two students per pair of coaches, who both work with both coaches: clusters that cross strata."""
    pair = int(coach[1:]) // 2
    found = []
    for name, (n, y) in sums.items():
        half = float(n // 2), float(y // 2)
        for number, (units, hits) in enumerate((half, (n - half[0], y - half[1]))):
            found.append(StudentSum("1", coach, f"s{pair}-{number}", name, variant, units, hits))
    return found
