"""Many effects at once, and what must hold with labels and a covariate as it does without."""

import math
from dataclasses import astuple, replace

import numpy as np
import numpy.typing as npt
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_worlds import Drawn, sums_of, units

from pacer_pipelines.stats import (
    CovariateSums,
    Effect,
    Strata,
    cautious_effect,
    estimate_effect,
    estimate_effects,
    summarise,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)
# tea-tasting brings ibis and sqlglot, which look for an old accelerator while a metric is analysed
pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated")


def both(one: Strata, other: Strata) -> tuple[Effect, Effect] | None:
    """The effects of both, or None if neither has one."""
    first, second = estimate_effect(one), estimate_effect(other)
    assert (first is None) == (second is None)
    return None if first is None or second is None else (first, second)


@given(units(), st.booleans())
@SETTINGS
def test_swapping_the_variants_flips_the_sign(drawn: Drawn, covariate: bool) -> None:
    pair = both(sums_of(drawn, covariate), sums_of(drawn, covariate, swap=True))
    if pair:
        one, other = pair
        assert other.estimate == pytest.approx(-one.estimate, abs=1e-9)
        assert other.se == pytest.approx(one.se, rel=1e-7, abs=1e-9, nan_ok=True)
        assert other.slope == pytest.approx(one.slope, abs=1e-9)


@given(units(), st.booleans(), st.randoms(use_true_random=False))
@SETTINGS
def test_the_order_of_units_or_of_labelled_rows_changes_no_bit(
    drawn: Drawn, covariate: bool, random: object
) -> None:
    order = list(range(len(drawn["y"])))
    random.shuffle(order)  # type: ignore[attr-defined]
    strata = sums_of(drawn, covariate)
    again = sums_of({name: [column[i] for i in order] for name, column in drawn.items()}, covariate)
    rows = np.arange(strata.cluster.size)
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert repr(estimate_effect(again)) == repr(estimate_effect(strata))
    assert repr(estimate_effect(strata.take(rows))) == repr(estimate_effect(strata))


@given(units(), st.booleans(), st.randoms(use_true_random=False))
@SETTINGS
def test_the_order_of_unlabelled_rows_changes_no_bit(drawn: Drawn, covariate: bool, random: object) -> None:
    strata = replace(sums_of(drawn, covariate), stratum=None)
    rows = np.arange(strata.cluster.size)
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert repr(estimate_effect(strata.take(rows))) == repr(estimate_effect(strata))


@given(units(), st.booleans(), st.sampled_from([0.25, 3.0, 1000.0]), st.sampled_from([-1.0, 0.01, 50.0]))
@SETTINGS
def test_other_units_of_y_scale_the_effect_and_other_units_of_x_only_the_slope(
    drawn: Drawn, covariate: bool, y: float, x: float
) -> None:
    plain = replace(sums_of(drawn, covariate), binary=False, counted_control=None)
    pair = both(plain, sums_of(drawn, covariate, y=y, x=x))
    if pair:
        one, other = pair
        assert other.estimate == pytest.approx(y * one.estimate, rel=1e-8, abs=1e-9 * y)
        assert other.se == pytest.approx(y * one.se, rel=1e-6, abs=1e-9 * y, nan_ok=True)
        assert other.slope == pytest.approx(y / x * one.slope, rel=1e-8, abs=1e-9 * y / abs(x))


@given(units(), st.booleans(), st.integers(0, 1))
@SETTINGS
def test_a_stratum_with_one_variant_changes_nothing(drawn: Drawn, covariate: bool, arm: int) -> None:
    more = {"cluster": [9, 0], "stratum": [9, 9], "treated": [arm, arm], "y": [1, 0], "x": [2, -1]}
    wider = {name: column + more[name] for name, column in drawn.items()}
    assert repr(estimate_effect(sums_of(wider, covariate))) == repr(
        estimate_effect(sums_of(drawn, covariate))
    )


@given(units(), st.booleans())
@SETTINGS
def test_a_constant_covariate_gives_the_plain_effect(drawn: Drawn, shifted: bool) -> None:
    level = [7 if shifted else 0] * len(drawn["y"])
    pair = both(sums_of(drawn, False), sums_of({**drawn, "x": level}, True))
    if pair:
        assert pair[1].slope == 0.0
        assert astuple(pair[1])[:2] == pytest.approx(astuple(pair[0])[:2], rel=1e-9, abs=1e-12, nan_ok=True)


@given(
    st.lists(units(), min_size=1, max_size=5), st.booleans(), st.booleans(), st.randoms(use_true_random=False)
)
@SETTINGS
def test_many_at_once_are_each_to_the_bit_what_one_gives_alone(
    drawn: list[Drawn], covariate: bool, labelled: bool, random: object
) -> None:
    alone = [sums_of(one, covariate) for one in drawn]
    if not labelled:
        alone = [replace(one, stratum=None) for one in alone]
    together, analysis = joined(alone)
    rows = np.arange(analysis.size)
    random.shuffle(rows)  # type: ignore[attr-defined]
    # one analysis more than there are rows for: it has no effect
    found = estimate_effects(together.take(rows), analysis[rows], len(drawn) + 1)
    for position, one in enumerate(alone):
        assert repr(found.at(position)) == repr(estimate_effect(one))
    assert found.at(len(drawn)) is None


def joined(parts: list[Strata]) -> tuple[Strata, npt.NDArray[np.int64]]:
    """Rows of several analyses behind each other, and which analysis each belongs to."""

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.concatenate([getattr(part, name) for part in parts])

    first, covariate = parts[0], None
    if first.covariate is not None:
        names = CovariateSums.__dataclass_fields__
        covariate = CovariateSums(
            *(np.concatenate([getattr(part.covariate, name) for part in parts]) for name in names)
        )
    together = replace(
        first,
        **{
            name: column(name) for name in ("cluster", "n_control", "y_control", "n_treatment", "y_treatment")
        },
        counted_control=None,
        stratum=None if first.stratum is None else column("stratum"),
        covariate=covariate,
    )
    return together, np.repeat(np.arange(len(parts)), [part.cluster.size for part in parts])


def test_no_analysis_at_all_gives_empty_arrays() -> None:
    nothing = np.zeros(0)
    strata = Strata(np.zeros(0, np.int64), nothing, nothing, nothing, nothing)
    assert estimate_effects(strata, np.zeros(0, np.int64), 0).estimate.shape == (0,)
    assert estimate_effects(strata, np.zeros(0, np.int64), 2).known.tolist() == [False, False]


@pytest.mark.parametrize(
    ("analysis", "message"),
    [
        ([0, 2], r"analysis: got 2 at 1, allowed: 0 <= analysis < 2"),
        ([-1, 0], r"analysis: got -1 at 0"),
        ([0], r"analysis: got shape \(1,\), allowed: \(2,\)"),
        ([0.0, 1.0], "analysis: got float64 values, allowed: integers"),
    ],
)
def test_an_analysis_that_does_not_exist_is_refused(analysis: list[int], message: str) -> None:
    ten = np.full(2, 10.0)
    with pytest.raises(ValueError, match=message):
        estimate_effects(Strata(np.array([0, 1]), ten, ten, ten, ten), analysis, 2)


def test_without_strata_or_coaches_the_effect_is_that_of_tea_tasting() -> None:
    # Each request a cluster, one stratum, equal sizes m: leaving one out is exactly Welch's variance times
    # (2 m - 1) / (2 m - 2). tea-tasting's CUPED takes theta from all rows together, not within variants: another
    # estimator, not compared.
    rng = np.random.default_rng(4)
    m = 300
    y, treated = rng.gamma(2.0, 3.0, 2 * m), np.repeat([0, 1], m)
    effect = estimate_effect(summarise(np.arange(2 * m), np.zeros(2 * m, np.int64), treated, y))

    def aggregates(rows: npt.NDArray[np.float64]) -> tt.aggr.Aggregates:
        return tt.aggr.Aggregates(m, mean_={"y": rows.mean()}, var_={"y": rows.var(ddof=1)})

    peer = tt.Mean("y", equal_var=False).analyze_aggregates(aggregates(y[:m]), aggregates(y[m:]))
    assert effect is not None
    assert effect.estimate == pytest.approx(peer.effect_size, rel=1e-8)
    peer_se = peer.effect_size / peer.statistic
    assert effect.se == pytest.approx(peer_se * math.sqrt((2 * m - 1) / (2 * m - 2)), rel=1e-8)
    assert effect.rate_control == pytest.approx(peer.control, rel=1e-12)


def test_a_ratio_metric_is_that_of_tea_tasting_and_nearly_its_delta_method() -> None:
    rng = np.random.default_rng(5)
    m = 2000
    n = rng.integers(1, 6, 2 * m).astype(float)
    y, treated = rng.poisson(1.3 * n).astype(float), np.repeat([0, 1], m)
    effect = estimate_effect(summarise(np.arange(2 * m), np.zeros(2 * m, np.int64), treated, y, n=n))

    def aggregates(rows: slice) -> tt.aggr.Aggregates:
        (v_y, c), (_, v_n) = np.cov(y[rows], n[rows])
        return tt.aggr.Aggregates(
            m,
            mean_={"y": y[rows].mean(), "n": n[rows].mean()},
            var_={"y": v_y, "n": v_n},
            cov_={("n", "y"): c},
        )

    peer = tt.RatioOfMeans("y", "n", equal_var=False).analyze_aggregates(
        aggregates(slice(0, m)), aggregates(slice(m, None))
    )
    assert effect is not None
    assert effect.estimate == pytest.approx(peer.effect_size, rel=1e-8)
    # first order against jackknife: they differ by terms of 1 / m
    assert effect.se == pytest.approx(peer.effect_size / peer.statistic, rel=2e-3)


def an_effect(se: float, df: int) -> Effect:
    return Effect(0.02, se, df + 1, df, 0.02 / se, 0.0, 900.0, 100.0, 0.4, 0.42, 12, 90.0)


def test_of_two_errors_the_larger_counts_on_the_fewer_degrees_of_freedom() -> None:
    coach, student = an_effect(0.010, 11), an_effect(0.016, 300)
    for pair in ((coach, student), (student, coach)):
        cautious = cautious_effect(*pair)
        assert (cautious.se, cautious.df, cautious.t) == (0.016, 11, pytest.approx(1.25))
        assert cautious.clusters == pair[0].clusters
        assert cautious.z_star < min(1.25, 2.0)


def test_of_two_errors_one_unknown_leaves_nothing_known() -> None:
    unknown = an_effect(math.nan, 0)
    for cautious in (
        cautious_effect(an_effect(0.01, 11), unknown),
        cautious_effect(unknown, an_effect(0.01, 11)),
    ):
        assert math.isnan(cautious.se)
        assert math.isnan(cautious.z_star)
