"""The bars equal the numbers that the simulations of statistics.md were run with."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.power import NormalIndPower  # type: ignore[import-untyped]

from pacer_pipelines.stats import alarm_half_width, alarm_multiplier, planned_treatment_n, promote_bar

SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


# statistics.md, "Two bars": bar at t 1/4 3.92, 1/2 2.77, 3/4 2.26, 1 1.96.
@pytest.mark.parametrize(("t", "bar"), [(0.25, 3.92), (0.5, 2.77), (0.75, 2.26), (1.0, 1.96), (3.0, 1.96)])
def test_promote_bar_equals_the_specification(t: float, bar: float) -> None:
    assert round(promote_bar(t), 2) == bar


def test_promote_bar_spends_five_percent_over_all_looks() -> None:
    # First passage of a Brownian motion through a level c has density c / sqrt(2 pi t^3) exp(-c^2 / 2t);
    # the bar critical / sqrt(t) on the z scale is the level `critical` on the Brownian scale.
    level = promote_bar(0.4) * math.sqrt(0.4)
    spent, _ = integrate.quad(
        lambda t: level / math.sqrt(2 * math.pi * t**3) * math.exp(-(level**2) / (2 * t)), 0, 1
    )
    assert spent == pytest.approx(0.05, abs=5e-5)


@pytest.mark.parametrize("t", [0.0, -1.0])
def test_nothing_known_promotes_nothing(t: float) -> None:
    assert promote_bar(t) == math.inf


@given(st.floats(1e-9, 2), st.floats(1e-9, 2))
@SETTINGS
def test_promote_bar_never_rises_with_information(one: float, other: float) -> None:
    assert promote_bar(min(one, other)) >= promote_bar(max(one, other)) >= 1.96


# statistics.md, "Two bars": n_opt 300; a = 0.10: n 50 3.19, 300 2.76, 2000 2.93; a = 1/30: 3.58, 3.18, 3.33.
@pytest.mark.parametrize(
    ("alpha", "n", "multiplier"),
    [
        (0.10, 50, 3.19),
        (0.10, 300, 2.76),
        (0.10, 2000, 2.93),
        (1 / 30, 50, 3.58),
        (1 / 30, 300, 3.18),
        (1 / 30, 2000, 3.33),
    ],
)
def test_alarm_multiplier_equals_the_specification(alpha: float, n: float, multiplier: float) -> None:
    assert round(alarm_multiplier(n, n_opt=300, alpha=alpha), 2) == multiplier
    assert alarm_half_width(0.02, n, 300, alpha) == pytest.approx(0.02 * alarm_multiplier(n, 300, alpha))


@given(st.floats(1, 1e6), st.floats(0.001, 0.5), st.floats(0.01, 100))
@SETTINGS
def test_the_alarm_interval_is_tightest_where_the_plan_wants_it(
    n_opt: float, alpha: float, ratio: float
) -> None:
    tightest = alarm_multiplier(n_opt, n_opt, alpha)
    assert alarm_multiplier(ratio * n_opt, n_opt, alpha) >= tightest * (1 - 1e-12)
    assert tightest > stats.norm.isf(alpha / 2), "valid on every day costs more than valid on one"


@given(st.floats(1, 1e5), st.floats(0.001, 0.4), st.floats(1.01, 2))
@SETTINGS
def test_a_stricter_alarm_is_a_wider_interval(n: float, alpha: float, factor: float) -> None:
    assert alarm_multiplier(n, 300, alpha) > alarm_multiplier(n, 300, alpha * factor)


def test_no_alarm_without_data_or_without_a_standard_error() -> None:
    assert alarm_multiplier(0) == math.inf
    assert alarm_half_width(0.0, 0) == math.inf
    assert math.isnan(alarm_half_width(math.nan, 100))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_planned_size_equals_the_peer(share: float) -> None:
    # statsmodels: one-sided 2.5 %, power 80 %; effect in standard deviations, ratio = control / treatment.
    peer = NormalIndPower().solve_power(
        0.03 / math.sqrt(0.24), alpha=0.025, power=0.8, ratio=(1 - share) / share, alternative="larger"
    )
    planned = planned_treatment_n(
        0.6, 0.03, share, critical=stats.norm.isf(0.025), power_z=stats.norm.ppf(0.8)
    )
    assert planned == pytest.approx(peer, rel=1e-6)


def test_a_design_effect_multiplies_the_size() -> None:
    assert planned_treatment_n(0.6, 0.03, 0.1, design_effect=2.5) == pytest.approx(
        2.5 * planned_treatment_n(0.6, 0.03, 0.1)
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"baseline": 0.0}, "baseline: got 0.0, allowed: a rate in"),
        ({"baseline": 60.0}, "baseline: got 60.0"),
        ({"smallest_effect": 0.0}, "smallest_effect: got 0.0, allowed: a positive number"),
        ({"smallest_effect": math.inf}, "smallest_effect: got inf"),
        ({"treatment_share": 1.0}, "treatment_share: got 1.0, allowed: a share in"),
        ({"design_effect": 0.0}, "design_effect: got 0.0"),
        ({"critical": math.nan}, "critical: got nan"),
        ({"power_z": -1.0}, "power_z: got -1.0"),
    ],
)
def test_an_impossible_plan_has_no_size(changed: dict[str, float], message: str) -> None:
    plan = {"baseline": 0.6, "smallest_effect": 0.03, "treatment_share": 0.1}
    with pytest.raises(ValueError, match=message):
        planned_treatment_n(**{**plan, **changed})


def test_impossible_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="fraction: got nan"):
        promote_bar(math.nan)
    with pytest.raises(ValueError, match="critical: got 0"):
        promote_bar(0.5, critical=0)
    with pytest.raises(ValueError, match="n: got -1"):
        alarm_multiplier(-1)
    with pytest.raises(ValueError, match="n_opt: got 0"):
        alarm_multiplier(10, n_opt=0)
    with pytest.raises(ValueError, match="alpha: got 1"):
        alarm_multiplier(10, alpha=1.0)
    with pytest.raises(ValueError, match=r"se: got -0\.1"):
        alarm_half_width(-0.1, 10)
