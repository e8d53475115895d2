"""The Bayesian reading equals the integrals that define it."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pacer_pipelines.stats import Reading, bayesian_reading

Floats = npt.NDArray[np.float64]
SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


def reading_of(estimate: float, se: float, prior_sd: float) -> Reading:
    reading = bayesian_reading(estimate, se, prior_sd)
    assert reading is not None
    return reading


@pytest.mark.parametrize(
    ("estimate", "se", "prior_sd"),
    [(0.04, 0.0118, 0.03), (-0.02, 0.03, 0.03), (0.001, 0.5, 0.03), (0.3, 0.05, 2.0), (0.0, 0.01, 0.01)],
)
def test_equals_numerical_integration_of_likelihood_times_prior(
    estimate: float, se: float, prior_sd: float
) -> None:
    peak = estimate * prior_sd**2 / (prior_sd**2 + se**2)
    reach = 14 * min(se, prior_sd)

    def integral(of: Callable[[Floats], Floats], low: float = -math.inf, high: float = math.inf) -> float:
        # 400 nodes of Gauss and Legendre over 28 standard deviations or less: exact to rounding
        low, high = max(low, peak - reach), min(high, peak + reach)
        nodes, weights = np.polynomial.legendre.leggauss(400)
        at = (high + low) / 2 + (high - low) / 2 * nodes
        density = stats.norm.pdf(estimate, at, se) * stats.norm.pdf(at, 0, prior_sd)
        return float((high - low) / 2 * (weights @ (of(at) * density)))

    mass = integral(np.ones_like)
    reading = reading_of(estimate, se, prior_sd)
    mean = integral(lambda e: e) / mass
    assert reading.mean == pytest.approx(mean, rel=1e-8, abs=1e-12)
    assert reading.sd == pytest.approx(math.sqrt(integral(lambda e: (e - mean) ** 2) / mass), rel=1e-8)
    assert reading.probability_better == pytest.approx(integral(np.ones_like, low=0) / mass, rel=1e-8)
    assert reading.expected_loss == pytest.approx(integral(lambda e: -e, high=0) / mass, rel=1e-8)
    assert integral(np.ones_like, reading.low, reading.high) / mass == pytest.approx(0.95, rel=1e-8)


@given(st.floats(-1, 1), st.floats(1e-4, 1), st.floats(1e-4, 1))
@SETTINGS
def test_a_sceptical_prior_shrinks_and_is_never_less_sure_than_either_source(
    estimate: float, se: float, prior_sd: float
) -> None:
    reading, mirrored = reading_of(estimate, se, prior_sd), reading_of(-estimate, se, prior_sd)
    assert abs(reading.mean) <= abs(estimate)
    assert 0 < reading.sd <= min(se, prior_sd)
    assert reading.low <= reading.mean <= reading.high
    assert reading.expected_loss >= 0
    assert mirrored.probability_better == pytest.approx(1 - reading.probability_better, abs=1e-12)
    # E[max(-e, 0)] - E[max(e, 0)] = -E[e]
    assert reading.expected_loss - mirrored.expected_loss == pytest.approx(-reading.mean, abs=1e-12)


@pytest.mark.parametrize("se", [math.nan, 0.0, math.inf])
def test_an_unknown_error_gives_no_reading(se: float) -> None:
    assert bayesian_reading(0.04, se, 0.03) is None


@pytest.mark.parametrize(
    ("se", "prior_sd", "message"),
    [
        (0.01, 0.0, r"prior_sd: got 0\.0, allowed: a positive number"),
        (0.01, math.inf, "prior_sd: got inf"),
        (0.01, math.nan, "prior_sd: got nan"),
        (-0.01, 0.03, r"se: got -0\.01, allowed: 0 or more"),
    ],
)
def test_an_impossible_prior_or_error_is_refused(se: float, prior_sd: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bayesian_reading(0.04, se, prior_sd)
