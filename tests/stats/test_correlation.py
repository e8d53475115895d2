"""The correlation of a student's ratings, against a simulation that knows it and against its edges."""

import math

import numpy as np
import pytest

from pacer_pipelines.stats.correlation import rating_correlation


@pytest.mark.parametrize("rho", [0.02, 0.1, 0.3])
def test_it_finds_the_correlation_that_a_simulation_put_in(rho: float) -> None:
    rng = np.random.default_rng(7)
    students = 4_000
    cell = rng.integers(0, 20, students)
    rate = 0.6 + 0.01 * (cell - 10)
    strength = 1 / rho - 1
    n = rng.integers(2, 40, students)
    y = rng.binomial(n, rng.beta(rate * strength, (1 - rate) * strength))
    # its standard error by resampling students, 1.5 % to 3 % of rho here; five of them
    assert rating_correlation(cell, n, y) == pytest.approx(rho, rel=0.15)


def test_coaches_who_differ_are_not_students_who_differ() -> None:
    # every student is as the coach is: all GOOD in one cell, half of them in the other
    assert rating_correlation([0, 0, 1, 1], [4, 4, 4, 4], [4, 4, 2, 2]) < 0


@pytest.mark.parametrize(
    ("cell", "n", "y"),
    [
        ([], [], []),
        ([0, 1], [3, 3], [1, 2]),
        ([0, 0], [1, 1], [1, 0]),
        ([0, 0], [3, 3], [3, 3]),
    ],
)
def test_it_cannot_always_be_told(cell: list[int], n: list[int], y: list[int]) -> None:
    assert math.isnan(rating_correlation(cell, n, y))


@pytest.mark.parametrize(
    ("cell", "n", "y", "message"),
    [
        ([0], [1, 2], [1, 1], "different shapes"),
        ([[0]], [[1]], [[1]], "different shapes"),
        ([0, 0], [0, 2], [0, 1], "outside 0 <= y <= n"),
        ([0, 0], [1, 2], [2, 1], "outside 0 <= y <= n"),
        ([0, 0], [1, 2], [-1, 1], "outside 0 <= y <= n"),
        ([0, 0], [1, math.nan], [1, 1], "outside 0 <= y <= n"),
    ],
)
def test_impossible_counts_are_refused(cell: list[int], n: list[float], y: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rating_correlation(cell, n, y)
