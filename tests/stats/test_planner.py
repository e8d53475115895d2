"""What a plan can find and what its split costs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer_pipelines.stats import (
    days_left,
    planned_treatment_n,
    relative_duration,
    smallest_detectable_effect,
)
from pacer_pipelines.stats.planner import (
    critical_value,
    detectable_with_error,
    effective_per_day,
    planned_effective_n,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)


@given(st.floats(0.01, 0.99), st.floats(0.001, 0.5), st.floats(0.01, 0.99), st.floats(0.1, 20))
@SETTINGS
def test_the_planned_size_finds_exactly_the_effect_it_was_planned_for(
    baseline: float, effect: float, share: float, design_effect: float
) -> None:
    n = planned_treatment_n(baseline, effect, share, design_effect)
    assert smallest_detectable_effect(baseline, n, share, design_effect) == pytest.approx(effect, rel=1e-9)


def test_no_unit_finds_nothing() -> None:
    assert smallest_detectable_effect(0.6, 0, 0.1) == math.inf
    with pytest.raises(ValueError, match="n_treatment: got nan"):
        smallest_detectable_effect(0.6, math.nan, 0.1)
    with pytest.raises(ValueError, match=r"baseline: got 1\.2"):
        smallest_detectable_effect(1.2, 100, 0.1)


@pytest.mark.parametrize(
    ("now", "planned", "per_day", "days"),
    [
        (0, 100, 10, 10),
        (0, 101, 10, 11),
        (100, 100, 10, 0),
        (120, 100, 0, 0),
        (99, 100, 0, None),
        (0, 100, -3, None),
        (0, math.inf, 10, None),
        (0, 100, math.nan, None),
        (0, 1e308, 1e-300, None),
    ],
)
def test_days_left_are_whole_days_or_never(
    now: float, planned: float, per_day: float, days: int | None
) -> None:
    assert days_left(now, planned, per_day) == days


@given(st.floats(0.01, 0.99))
@SETTINGS
def test_duration_follows_from_the_planned_size(share: float) -> None:
    traffic = planned_treatment_n(0.6, 0.03, share) / share
    even = planned_treatment_n(0.6, 0.03, 0.5) / 0.5
    assert relative_duration(share) == pytest.approx(traffic / even, rel=1e-9)
    assert relative_duration(share) >= 1.0 - 1e-12


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, math.nan])
def test_a_split_must_leave_both_variants_some_traffic(share: float) -> None:
    with pytest.raises(ValueError, match="treatment_share: got"):
        relative_duration(share)


@pytest.mark.parametrize(
    ("alpha", "bar"),
    # tables of the normal distribution at 1 - alpha / 2; the last one is where 1 - alpha / 2 is 1 in doubles
    [(0.05, 1.96), (0.01, 2.58), (0.1, 1.64), (0.2, 1.28), (1e-20, 9.34)],
)
def test_the_bar_belongs_to_its_error_rate(alpha: float, bar: float) -> None:
    assert critical_value(alpha) == bar


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.05, math.nan])
def test_an_error_rate_lies_between_none_and_all(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha: got"):
        critical_value(alpha)


@given(st.floats(0.01, 0.99), st.floats(0.001, 0.5), st.floats(0.01, 0.99), st.floats(0.1, 20))
@SETTINGS
def test_the_effective_size_is_the_planned_one_at_any_split(
    baseline: float, effect: float, share: float, design_effect: float
) -> None:
    n = planned_treatment_n(baseline, effect, share, design_effect)
    control = n * (1 - share) / share
    expected = n * control / (n + control)
    assert planned_effective_n(baseline, effect, design_effect) == pytest.approx(expected, rel=1e-9)


def test_a_day_adds_effective_units_only_where_both_variants_are_rated() -> None:
    # 800 ratings at 25 %: 200 * 600 / 800
    assert effective_per_day(800, 0.25) == 150
    assert effective_per_day(800, 0) == effective_per_day(800, 1) == effective_per_day(0, 0.5) == 0


@pytest.mark.parametrize(
    ("rated", "share", "name"),
    [
        (-1, 0.5, "rated_per_day"),
        (math.inf, 0.5, "rated_per_day"),
        (1, 1.1, "treatment_share"),
        (1, math.nan, "treat"),
    ],
)
def test_impossible_traffic_is_refused(rated: float, share: float, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        effective_per_day(rated, share)


@pytest.mark.parametrize(
    ("se", "bar", "df", "power", "message"),
    [
        (0.0, 2.0, 9, 0.8, "se: got 0.0"),
        (math.inf, 2.0, 9, 0.8, "se: got inf"),
        (0.1, -1.0, 9, 0.8, "bar: got -1.0"),
        (0.1, 2.0, 0, 0.8, "df: got 0"),
        (0.1, 2.0, 9, 1.0, "power: got 1.0"),
    ],
)
def test_what_no_experiment_has_finds_nothing(
    se: float, bar: float, df: float, power: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        detectable_with_error(se, bar, df, power)


@pytest.mark.parametrize("df", [2, 7, 23])
def test_a_bar_far_out_is_passed_by_what_is_farther_out_still_without_a_step(df: int) -> None:
    bars = np.linspace(2.0, 20.0, 400)
    found = np.array([detectable_with_error(0.01, bar, df) for bar in bars])
    assert (np.diff(found) > 0).all()
    # in logarithms a smooth curve: no step where the far tail begins
    bends = np.diff(np.log(found), 2)
    assert np.abs(bends).max() < 0.01


def test_a_bar_beyond_every_value_finds_nothing() -> None:
    assert detectable_with_error(0.01, 40.0, 23) == math.inf
