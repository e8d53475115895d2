"""What gbstats 0.8 said of the same sums (record_gbstats.py), next to what we say.

It computes the interval of the same paper (Waudby-Smith et al. 2024) from another standard error (independent rows, no
strata) and another tuning: its rho^2 N is our r with

    rho^2 = (-2 ln a + ln(-2 ln a + 1)) / tuning           (approximate optimum)
    r     = (-W_-1(-a^2 / e) - 1) n / n_opt                (exact optimum)

so the same interval needs n_opt = tuning (-W_-1(-a^2 / e) - 1) / (-2 ln a + ln(-2 ln a + 1)) and n = units of both
variants. Its sample-ratio test is a chi-square for one look: another test, not compared.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

from pacer_pipelines.stats import (
    CovariateSums,
    Strata,
    alarm_half_width,
    alarm_p_value,
    bayesian_reading,
    estimate_effect,
)

TABLE = json.loads((Path(__file__).parent / "gbstats.json").read_text())
ROWS = TABLE["rows"]
NAMES = [f"{row['kind']}-{position}-{row['alpha']:.3f}" for position, row in enumerate(ROWS)]


def n_opt_of(row: dict[str, Any]) -> float:
    alpha = row["alpha"]
    exact = -float(special.lambertw(-alpha * alpha / math.e, -1).real) - 1
    logs = -2 * math.log(alpha)
    return float(row["tuning"]) * exact / (logs + math.log(logs + 1))


def one_stratum(row: dict[str, Any]) -> Strata:
    """The recorded sums as a single stratum of ours."""
    (n_a, y_a, *a), (n_b, y_b, *b) = row["control"], row["treatment"]
    covariate = None
    if row["kind"] == "ratio":
        n_a, n_b = a[1], b[1]
    if row["kind"] == "adjusted":
        covariate = CovariateSums(*(np.array([value]) for value in (*a[1:], *b[1:])))
    columns = (np.array([float(value)]) for value in (n_a, y_a, n_b, y_b))
    return Strata(np.array([0]), *columns, binary=row["kind"] == "proportion", covariate=covariate)


def test_the_table_is_of_the_version_that_it_names() -> None:
    assert TABLE["gbstats"] == "0.8.0"
    assert len(ROWS) == 32


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_always_valid_interval_is_the_same_for_the_same_error(row: dict[str, Any]) -> None:
    half = alarm_half_width(row["se"], row["n"], n_opt_of(row), row["alpha"])
    assert row["effect"] - half == pytest.approx(row["low"], rel=1e-8)
    assert row["effect"] + half == pytest.approx(row["high"], rel=1e-8)
    p_value = alarm_p_value(row["effect"], row["se"], row["n"], n_opt_of(row), row["alpha"])
    assert p_value == pytest.approx(row["p_value"], rel=1e-8)


@pytest.mark.parametrize("row", ROWS[: len(ROWS) // 4], ids=NAMES[: len(ROWS) // 4])
def test_the_estimate_is_the_same_where_there_is_one_stratum(row: dict[str, Any]) -> None:
    # Where the covariate's mean is the same in both variants, theta of all rows is theta within variants: ours.
    effect = estimate_effect(one_stratum(row))
    assert effect is not None
    assert effect.estimate == pytest.approx(row["effect"], rel=1e-8)
    if row["theta"] is not None:
        assert effect.slope == pytest.approx(row["theta"], rel=1e-8)


@pytest.mark.parametrize("row", ROWS[: len(ROWS) // 4], ids=NAMES[: len(ROWS) // 4])
def test_the_bayesian_reading_is_the_same_for_the_same_error_and_prior(row: dict[str, Any]) -> None:
    theirs = row["reading"]
    ours = bayesian_reading(row["effect"], row["se"], theirs["prior_sd"])
    assert ours is not None
    assert ours.mean == pytest.approx(theirs["mean"], rel=1e-8)
    assert ours.sd == pytest.approx(theirs["sd"], rel=1e-8)
    assert ours.probability_better == pytest.approx(theirs["chance_to_win"], rel=1e-8)
    assert (ours.low, ours.high) == pytest.approx((theirs["low"], theirs["high"]), rel=1e-8)
    # their difference of nearly equal terms leaves fewer digits
    assert ours.expected_loss == pytest.approx(theirs["risk_of_treatment"], rel=1e-6, abs=1e-12)
