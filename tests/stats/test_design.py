"""What a split, its unit and its traffic can find; formulas against a simulation and against each other."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pacer_pipelines.stats.design import (
    Design,
    Unit,
    days_to_detect,
    detectable_after,
    detectable_ever,
    effect_variance,
    implied_design_effect,
    rated_after,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=80)
EXAMPLE = Design(0.78, 0.1, "student", 800, 480, 0.05, lag_days=7)

UNITS: st.SearchStrategy[Unit] = st.sampled_from(("request", "student"))
DESIGNS = st.builds(
    Design,
    baseline=st.floats(0.02, 0.98),
    treatment_share=st.floats(0.01, 0.99),
    unit=UNITS,
    rated_per_day=st.floats(1, 1e5),
    students=st.integers(2, 100_000),
    correlation=st.floats(0, 0.9),
    lag_days=st.integers(0, 20),
)


def simulated_variance(unit: Unit, share: float, ratings: int, correlation: float, runs: int) -> float:
    """Variance of B minus A over runs of 100 students whose own rates follow a beta distribution around 0.6."""
    rng = np.random.default_rng(20261102)
    students, p = 100, 0.6
    # a beta-binomial has the correlation 1 / (a + b + 1)
    strength = 1 / correlation - 1
    rates = rng.beta(p * strength, (1 - p) * strength, size=(runs, students))
    if unit == "student":
        in_b = np.zeros(students, dtype=np.int64)
        in_b[: round(share * students)] = ratings
        n_b = np.broadcast_to(in_b, rates.shape)
    else:
        n_b = rng.binomial(ratings, share, size=rates.shape)
    good_b, good_a = rng.binomial(n_b, rates), rng.binomial(ratings - n_b, rates)
    effect = good_b.sum(1) / n_b.sum(1) - good_a.sum(1) / (ratings - n_b).sum(1)
    return float(effect.var(ddof=1))


@pytest.mark.parametrize("unit", ["request", "student"])
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_the_variance_is_that_of_a_simulation(unit: Unit, share: float, correlation: float) -> None:
    runs, ratings = 6_000, 20
    design = Design(0.6, share, unit, rated_per_day=1, students=100, correlation=correlation)
    seen = simulated_variance(unit, share, ratings, correlation, runs)
    # a variance from 6,000 nearly normal values has a relative standard error of sqrt(2 / 6,000) = 1.8 %: four
    # of them. At 0.3 a variance that forgot the correlation by student, or took (1 - rho) off by request, misses by
    # 30 % and more
    tolerance = 4 * math.sqrt(2 / runs)
    assert seen == pytest.approx(effect_variance(design, 100 * ratings), rel=tolerance)


@given(DESIGNS, st.floats(1, 20), st.floats(0.005, 0.3))
@SETTINGS
def test_more_traffic_never_needs_more_days(design: Design, times: float, effect: float) -> None:
    days = days_to_detect(design, effect)
    more = days_to_detect(replace(design, rated_per_day=design.rated_per_day * times), effect)
    assert days is None or (more is not None and more <= days)
    everybody = days_to_detect(replace(design, students=design.students * times), effect)
    assert days is None or (everybody is not None and everybody <= days)


@given(DESIGNS, st.floats(0.005, 0.3), st.integers(0, 400))
@SETTINGS
def test_a_split_by_student_is_never_cheaper(design: Design, effect: float, day: int) -> None:
    request, student = replace(design, unit="request"), replace(design, unit="student")
    by_request, by_student = days_to_detect(request, effect), days_to_detect(student, effect)
    assert by_request is not None
    assert by_student is None or by_student >= by_request
    assert detectable_after(student, day) >= detectable_after(request, day)
    assert detectable_ever(student) >= detectable_ever(request) == 0


@given(DESIGNS, st.floats(0.005, 0.3))
@SETTINGS
def test_the_days_are_the_first_on_which_the_effect_is_found(design: Design, effect: float) -> None:
    days = days_to_detect(design, effect)
    if days is None:
        assert detectable_ever(design) >= effect * (1 - 1e-9)
        return
    assume(days < 10**9)
    assert detectable_after(design, days) <= effect * (1 + 1e-6)
    assert detectable_after(design, days - 1) >= effect * (1 - 1e-6)


@given(DESIGNS, st.floats(0.005, 0.3), st.integers(1, 400))
@SETTINGS
def test_an_even_split_is_the_cheapest(design: Design, effect: float, day: int) -> None:
    even = replace(design, treatment_share=0.5)
    days, at_best = days_to_detect(design, effect), days_to_detect(even, effect)
    assert days is None or (at_best is not None and at_best <= days)
    assert detectable_after(even, day) <= detectable_after(design, day) * (1 + 1e-9)


@given(DESIGNS, st.integers(0, 400))
@SETTINGS
def test_no_duration_finds_less_than_the_floor(design: Design, day: int) -> None:
    assert detectable_after(design, day) >= detectable_ever(design) * (1 - 1e-9)


def test_the_floor_is_what_endless_ratings_find() -> None:
    endless = replace(EXAMPLE, rated_per_day=1e12)
    assert detectable_after(endless, 42) == pytest.approx(detectable_ever(EXAMPLE), rel=1e-6)
    # (1.96 + 0.84) sqrt(0.78 * 0.22 * 0.05 / (480 * 0.1 * 0.9)), by hand
    assert detectable_ever(EXAMPLE) == pytest.approx(0.03946, abs=1e-5)
    assert detectable_ever(replace(EXAMPLE, correlation=0.0)) == 0


def test_requests_count_once_their_ratings_are_in() -> None:
    assert [rated_after(EXAMPLE, day) for day in (0, 7, 8, 14)] == [0, 0, 800, 5600]
    assert detectable_after(EXAMPLE, 7) == math.inf


def test_nobody_rated_twice_is_like_independent_rows() -> None:
    assert implied_design_effect(EXAMPLE, 480) == implied_design_effect(EXAMPLE, 100) == 1
    # Kish: 1 + (20 - 1) 0.05
    assert implied_design_effect(EXAMPLE, 9600) == pytest.approx(1.95)
    assert implied_design_effect(replace(EXAMPLE, unit="request"), 9600) == 1
    one_each = replace(EXAMPLE, students=100_000)
    assert days_to_detect(one_each, 0.03) == days_to_detect(replace(EXAMPLE, unit="request"), 0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": 1.0}, "baseline: got 1.0, allowed: a rate"),
        ({"treatment_share": 0.0}, "treatment_share: got 0.0, allowed: a share"),
        ({"unit": "coach"}, "unit: got coach, allowed: request or student"),
        ({"rated_per_day": 0.0}, "rated_per_day: got 0.0, allowed: a positive number"),
        ({"rated_per_day": math.inf}, "rated_per_day: got inf"),
        ({"students": 1}, "students: got 1, allowed: 2 or more"),
        ({"correlation": 1.0}, "correlation: got 1.0"),
        ({"correlation": math.nan}, "correlation: got nan"),
        ({"lag_days": -1}, "lag_days: got -1, allowed: 0 or more"),
    ],
)
def test_an_impossible_design_cannot_be_built(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(EXAMPLE, **change)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="days: got -1"):
        rated_after(EXAMPLE, -1)
    with pytest.raises(ValueError, match="n_rated: got -1"):
        implied_design_effect(EXAMPLE, -1)
    with pytest.raises(ValueError, match="n_rated: got 0, allowed: a positive number"):
        effect_variance(EXAMPLE, 0)
    with pytest.raises(ValueError, match="smallest_effect: got 0"):
        days_to_detect(EXAMPLE, 0)


def test_a_pace_that_no_calendar_holds_is_never() -> None:
    assert days_to_detect(replace(EXAMPLE, unit="request", rated_per_day=5e-324), 0.03) is None
