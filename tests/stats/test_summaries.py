"""Sums that cannot be are refused, and a margin moves control by exactly what the plan says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer_pipelines.stats import CovariateSums, Strata

GOOD = {
    "cluster": [0, 1],
    "n_control": [10, 20],
    "y_control": [4, 9],
    "n_treatment": [5, 0],
    "y_treatment": [2, 0],
}


def strata_of(binary: bool = False, **changed: Any) -> Strata:
    columns = {name: np.asarray(values) for name, values in {**GOOD, **changed}.items()}
    return Strata(**columns, binary=binary)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_control": [10, -1]}, r"n_control: got -1\.0 at 1, allowed: n >= 0"),
        ({"n_treatment": [np.nan, 0]}, r"n_treatment: got nan at 0, allowed: finite"),
        ({"n_control": [np.inf, 1]}, r"n_control: got inf at 0, allowed: finite"),
        ({"y_control": [4, np.nan]}, r"y_control: got nan at 1, allowed: finite"),
        ({"y_treatment": [2, 1]}, r"y_treatment: got 1\.0 at 1, allowed: y = 0 where n = 0"),
        ({"n_control": [1, 2, 3]}, r"n_control: got shape \(3,\), allowed: \(2,\)"),
        ({"cluster": [[0, 1]]}, r"cluster: got shape \(1, 2\), allowed: \(S,\)"),
        ({"cluster": [0.0, 1.0]}, r"cluster: got float64 values, allowed: integers"),
        (
            {"counted_control": [4, 99]},
            r"counted_control: got 99\.0 at 1, allowed: 0 <= counted_control <= n",
        ),
    ],
)
def test_impossible_sums_are_refused_with_what_got_and_allowed(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        strata_of(**changed)


@pytest.mark.parametrize("y", [[11, 9], [-1, 9]])
def test_a_binary_metric_has_no_more_successes_than_units(y: list[int]) -> None:
    with pytest.raises(ValueError, match=r"y_control: got .* at 0, allowed: 0 <= y <= n for a binary metric"):
        strata_of(binary=True, y_control=y)


def test_amounts_may_exceed_their_denominator() -> None:
    assert strata_of(y_control=[44, 90]).y_control.tolist() == [44.0, 90.0]


def test_sums_are_a_copy_that_nobody_can_change() -> None:
    n = np.array([10.0, 20.0])
    strata = strata_of(n_control=n)
    n[0] = -5.0
    assert strata.n_control[0] == 10.0
    with pytest.raises(ValueError, match="read-only"):
        strata.n_control[0] = -5.0


def test_overlapping_keeps_only_strata_with_both_variants() -> None:
    kept = strata_of(binary=True).overlapping()
    assert (kept.cluster.tolist(), kept.n_control.tolist(), kept.binary) == ([0], [10.0], True)


def test_no_stratum_at_all_is_a_possible_state() -> None:
    empty: list[float] = []
    strata = strata_of(cluster=empty, n_control=empty, y_control=empty, n_treatment=empty, y_treatment=empty)
    assert strata.overlapping().cluster.size == 0


@given(relative=st.floats(-1, 1), absolute=st.floats(-0.5, 0.5))
@settings(derandomize=True, deadline=None, max_examples=50)
def test_a_margin_moves_the_rate_of_control_and_nothing_else(relative: float, absolute: float) -> None:
    strata = strata_of(binary=True)
    shifted = strata.shift_control(relative=relative, absolute=absolute)
    rate = strata.y_control / strata.n_control
    np.testing.assert_allclose(
        shifted.y_control / shifted.n_control, rate * (1 - relative) + absolute, rtol=1e-12, atol=1e-12
    )
    assert shifted.y_treatment.tolist() == strata.y_treatment.tolist()
    assert not shifted.binary


def test_a_shifted_binary_metric_remembers_what_was_counted() -> None:
    twice = strata_of(binary=True).shift_control(absolute=0.01).shift_control(relative=0.1)
    assert twice.counted_control is not None
    assert twice.counted_control.tolist() == [4.0, 9.0]
    assert strata_of().shift_control(absolute=0.01).counted_control is None


def test_a_margin_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute margin: got nan"):
        strata_of().shift_control(absolute=float("nan"))


def with_covariate(**changed: Any) -> Strata:
    sums = {
        "x_control": [3.0, 4.0],
        "xx_control": [5.0, 6.0],
        "xy_control": [2.0, 2.0],
        "x_treatment": [1.0, 0.0],
        "xx_treatment": [3.0, 0.0],
        "xy_treatment": [1.0, 0.0],
    }
    columns = {name: np.asarray(values) for name, values in {**sums, **changed}.items()}
    return Strata(
        **{name: np.asarray(values) for name, values in GOOD.items()},  # type: ignore[arg-type]
        covariate=CovariateSums(**columns),
        stratum=np.array([4, 5]),
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_control": [3.0, np.nan]}, "x_control: got nan at 1, allowed: finite numbers"),
        ({"xx_treatment": [3.0]}, r"xx_treatment: got shape \(1,\), allowed: \(2,\)"),
        ({"x_treatment": [1.0, 1.0]}, r"x_treatment: got 1\.0 at 1, allowed: x = 0 where n = 0"),
        ({"xx_treatment": [3.0, 1.0]}, r"xx_treatment: got 1\.0 at 1, allowed: xx = 0 where n = 0"),
        ({"xy_treatment": [1.0, 1.0]}, r"xy_treatment: got 1\.0 at 1, allowed: xy = 0 where n = 0"),
        ({"xx_control": [0.8, 6.0]}, r"xx_control: got 0\.8 at 0, allowed: x\^2 <= n \* xx"),
        ({"x_control": [0.0, 0.0], "xx_control": [5.0, -1.0]}, r"xx_control: got -1\.0 at 1, allowed: x\^2"),
    ],
)
def test_an_impossible_covariate_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_covariate(**changed)


def test_a_margin_moves_the_products_with_the_covariate_too() -> None:
    # by hand: sum of x (0.9 y + 0.5) = 0.9 xy + 0.5 x
    shifted = with_covariate().shift_control(relative=0.1, absolute=0.5).covariate
    assert shifted is not None
    assert shifted.xy_control.tolist() == pytest.approx([3.3, 3.8])
    assert shifted.xy_treatment.tolist() == [1.0, 0.0]


def test_taking_rows_takes_their_covariate_and_label() -> None:
    last = with_covariate().take(np.array([1]))
    assert last.covariate is not None
    assert last.stratum is not None
    assert (last.covariate.x_control.tolist(), last.stratum.tolist()) == ([4.0], [5])


def test_overlapping_asks_the_stratum_and_not_the_row() -> None:
    # Two students of one stratum, one in each variant: neither row has both, the stratum has.
    strata = strata_of(
        n_control=[10, 0], y_control=[4, 0], n_treatment=[0, 5], y_treatment=[0, 2], stratum=[3, 3]
    )
    assert strata.overlapping().cluster.tolist() == [0, 1]
    assert strata.take(np.array([0])).overlapping().cluster.size == 0


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"stratum: got shape \(3,\), allowed: \(2,\)"):
        strata_of(stratum=[1, 2, 3])


def test_only_labelled_sums_of_one_kind_can_be_merged() -> None:
    label = np.array([4, 5])
    counts, amounts = strata_of(binary=True, stratum=label), strata_of(stratum=label)
    with pytest.raises(ValueError, match="stratum: got no labels, allowed: a label per row"):
        strata_of().merge(amounts)
    with pytest.raises(
        ValueError, match=r"sums to merge: got \('binary'.*\('amounts'.*allowed: the same kind"
    ):
        counts.merge(amounts)
    with pytest.raises(ValueError, match="'shifted', 'without a covariate'"):
        counts.merge(counts.shift_control(absolute=0.1))
    with pytest.raises(ValueError, match="'amounts', 'with a covariate'"):
        amounts.merge(with_covariate())


def test_a_covariate_is_merged_with_its_rows() -> None:
    twice = with_covariate().merge(with_covariate()).covariate
    assert twice is not None
    assert twice.xx_control.tolist() == [10.0, 12.0]
