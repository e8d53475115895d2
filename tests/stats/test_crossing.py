"""The share of units that crossed has the exact interval."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from pacer_pipelines.stats import crossed_share


@given(st.integers(1, 5000), st.data())
@settings(derandomize=True, deadline=None, max_examples=100)
def test_the_interval_equals_statsmodels(units: int, data: st.DataObject) -> None:
    crossed = data.draw(st.integers(0, units) | st.sampled_from([0, units]))
    found = crossed_share(crossed, units)
    peer = proportion_confint(crossed, units, alpha=0.05, method="beta")
    assert (found.low, found.high) == pytest.approx(peer, rel=1e-8, abs=1e-14)
    assert found.share == crossed / units
    assert found.low <= found.share <= found.high


def test_nothing_crossed_is_bounded_by_the_rule_of_three() -> None:
    # Hanley & Lippman-Hand 1983, JAMA 249(13), 1743-1745: 3 / n is the one-sided 95 % limit; two-sided 3.69 / n.
    found = crossed_share(0, 1000)
    assert (found.share, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(-math.log(0.025) / 1000, rel=2e-3)


def test_without_units_everything_is_possible() -> None:
    found = crossed_share(0, 0)
    assert math.isnan(found.share)
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("crossed", "units"),
    [(3, 2), (-1, 2), (0.5, 2), (1, 2.5), (0, -1), (math.nan, 2), (1, math.nan), (1, math.inf)],
)
def test_impossible_counts_are_refused(crossed: float, units: float) -> None:
    with pytest.raises(
        ValueError, match=rf"crossed of units: got {crossed} of {units}, allowed: whole numbers"
    ):
        crossed_share(crossed, units)
