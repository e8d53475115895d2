"""Summing units is what the warehouse does: exact, mergeable, and with refusals that name the row."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_worlds import Drawn, sums_of, units

from pacer_pipelines.stats import CovariateSums, Strata, estimate_effect, summarise

SETTINGS = settings(derandomize=True, deadline=None, max_examples=80)


def all_columns(strata: Strata) -> list[list[float]]:
    """Every number of it, for comparing two exactly."""
    names = ("cluster", "stratum", "n_control", "y_control", "n_treatment", "y_treatment")
    found = [getattr(strata, name).tolist() for name in names]
    if strata.covariate is not None:
        found += [getattr(strata.covariate, item.name).tolist() for item in fields(CovariateSums)]
    return found


def test_sums_by_hand() -> None:
    strata = summarise(
        [7, 7, 7, 5],
        [1, 1, 1, 1],
        [0, 0, 1, 0],
        [1.0, 4.0, 9.0, 2.0],
        x=[0.5, 2.0, 3.0, -1.0],
        winsorise_at=8.0,
    )
    assert strata.cluster.tolist() == [5, 7]
    assert strata.n_control.tolist() == [1.0, 2.0]
    assert strata.y_control.tolist() == [2.0, 5.0]
    assert strata.y_treatment.tolist() == [0.0, 8.0]
    assert strata.covariate is not None
    assert strata.covariate.x_control.tolist() == [-1.0, 2.5]
    assert strata.covariate.xx_control.tolist() == [1.0, 4.25]
    assert strata.covariate.xy_control.tolist() == [-2.0, 8.5]
    assert strata.covariate.xy_treatment.tolist() == [0.0, 24.0]


@given(units(), units(), st.booleans())
@SETTINGS
def test_merging_two_days_equals_summing_both_at_once(one: Drawn, other: Drawn, covariate: bool) -> None:
    whole = {name: one[name] + other[name] for name in one}
    merged = sums_of(one, covariate).merge(sums_of(other, covariate))
    assert all_columns(merged) == all_columns(sums_of(whole, covariate))
    assert all_columns(sums_of(other, covariate).merge(sums_of(one, covariate))) == all_columns(merged)
    assert repr(estimate_effect(merged)) == repr(estimate_effect(sums_of(whole, covariate)))


@given(units(smallest=1))
@SETTINGS
def test_a_shifted_metric_merges_what_was_counted(drawn: Drawn) -> None:
    shifted = sums_of(drawn, False).shift_control(absolute=0.25)
    twice = shifted.merge(shifted)
    assert twice.counted_control is not None
    assert shifted.counted_control is not None
    assert twice.counted_control.sum() == 2 * shifted.counted_control.sum()
    assert not twice.binary


def test_nobody_yet_sums_to_no_row() -> None:
    empty = summarise(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), [], x=[])
    assert empty.cluster.size == 0
    assert empty.merge(empty).cluster.size == 0
    assert estimate_effect(empty) is None


UNITS = {"cluster": [0, 1], "stratum": [0, 0], "treated": [0, 1], "y": [1.0, 0.0]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"treated": [0, 2]}, "treated: got 2 at 1, allowed: 0 or 1"),
        ({"treated": [0]}, r"treated: got shape \(1,\), allowed: \(2,\)"),
        ({"stratum": [0.5, 1.0]}, "stratum: got float64 values, allowed: integers"),
        ({"cluster": [[0, 1]]}, r"cluster: got shape \(1, 2\), allowed: \(S,\)"),
        ({"y": [1.0, np.nan]}, "y: got nan at 1, allowed: finite numbers"),
        ({"y": [1.0]}, r"y: got shape \(1,\), allowed: \(2,\)"),
        ({"n": [1.0, -1.0]}, r"n_treatment: got -1\.0 at 1, allowed: n >= 0"),
        (
            {"n": [1.0, 2.0], "x": [0.0, 1.0]},
            r"n: got 2\.0 at 1, allowed: 1 per unit when there is a covariate",
        ),
        ({"x": [0.0, np.inf]}, "x: got inf at 1, allowed: finite numbers"),
        ({"winsorise_at": np.nan}, "winsorise_at: got nan, allowed: a finite number"),
        # two units of which one adds 2 and one 0 would add up to something possible
        ({"y": [2.0, 0.0], "binary": True}, r"y: got 2\.0 at 0, allowed: 0 or 1 per unit of n"),
        ({"y": [0.5, 0.0], "binary": True}, r"y: got 0\.5 at 0, allowed: 0 or 1 per unit of n"),
        ({"y": [0.0, -1.0], "binary": True}, r"y: got -1\.0 at 1, allowed: 0 or 1 per unit of n"),
    ],
)
def test_impossible_units_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise(**{**UNITS, **changed})  # type: ignore[arg-type]
