"""Student's tails on the normal scale, and the way back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pacer_pipelines.stats import normal_score, normal_scores, student_value

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


@pytest.mark.parametrize("df", [1, 2, 9, 39, 1000])
@pytest.mark.parametrize("t", [-8.0, -1.0, -1e-9, 0.0, 0.5, 3.0, 20.0])
def test_normal_score_has_the_same_tail_as_student(df: int, t: float) -> None:
    z = normal_score(t, df)
    assert stats.norm.sf(z) == pytest.approx(stats.t.sf(t, df), rel=1e-9)


def test_normal_score_far_out_equals_the_closed_forms() -> None:
    # df = 1: P(T > t) -> 1 / (pi t); df = 2: P(T > t) -> 1 / (2 t^2); exact in doubles out here.
    for df, log_tail, t in (
        (1, -math.log(math.pi) - math.log(1e300), 1e300),
        (2, -math.log(2) - 2 * math.log(1e160), 1e160),
    ):
        z = normal_score(t, df)
        assert stats.norm.logsf(z) == pytest.approx(log_tail, rel=1e-9)


@pytest.mark.parametrize("df", [1, 2, 11, 39, 400])
def test_normal_score_stays_finite_and_rises_however_large_t_is(df: int) -> None:
    # Fine around the place where doubles end and the series takes over, coarse beyond.
    t = np.unique(np.concatenate([np.linspace(0, 100, 401), np.logspace(2, 300, 600)]))
    z = np.array([normal_score(float(value), df) for value in t])
    assert np.isfinite(z).all()
    assert (np.diff(z) > 0).all()
    assert normal_score(-1e200, df) == -normal_score(1e200, df)


def test_normal_score_of_the_unknown_is_unknown() -> None:
    assert math.isnan(normal_score(math.nan, 5))
    assert math.isnan(normal_score(2.0, 0))


# Published: Student's 97.5 % point, Fisher & Yates 1963, table III.
@pytest.mark.parametrize(
    ("df", "t"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)]
)
def test_student_value_equals_the_table(df: int, t: float) -> None:
    assert student_value(1.959963985, df) == pytest.approx(t, abs=5e-4)


@pytest.mark.parametrize("z", [0.01, 0.5, 1.96, 3.92, 8.0, 20.0, 35.0])
def test_student_value_equals_the_closed_forms(z: float) -> None:
    # df = 1 is Cauchy's, cot(pi p); df = 2 is (1 - 2 p) / sqrt(2 p (1 - p)); p = Q(z).
    p = stats.norm.sf(z)
    assert student_value(z, 1) == pytest.approx(1 / math.tan(math.pi * p), rel=1e-8)
    assert student_value(z, 2) == pytest.approx((1 - 2 * p) / math.sqrt(2 * p * (1 - p)), rel=1e-8)


@given(st.floats(0.01, 30), st.integers(1, 1000))
@SETTINGS
def test_student_value_equals_scipy_and_is_the_way_back(z: float, df: int) -> None:
    t = student_value(z, df)
    assert t == pytest.approx(stats.t.isf(stats.norm.sf(z), df), rel=1e-8)
    assert normal_score(t, df) == pytest.approx(z, rel=1e-8)
    assert student_value(-z, df) == -t
    assert t >= z * (1 - 1e-12), "few coaches demand more"


@given(st.lists(st.tuples(st.floats(-1e6, 1e6) | st.just(math.nan), st.integers(0, 60)), max_size=20))
@SETTINGS
def test_many_scores_at_once_are_each_what_one_gives(pairs: list[tuple[float, int]]) -> None:
    together = normal_scores([t for t, _ in pairs], [df for _, df in pairs])
    assert repr(together.tolist()) == repr([normal_score(t, df) for t, df in pairs])


def test_student_value_of_the_unknown_is_unknown_and_without_a_tail_infinite() -> None:
    assert math.isnan(student_value(math.nan, 5))
    assert math.isnan(student_value(2.0, 0))
    assert student_value(math.inf, 5) == math.inf
    assert student_value(-40.0, 5) == -math.inf
