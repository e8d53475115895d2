"""Estimate and standard error equal least squares on single requests, refitted without each cluster."""

import math

import numpy as np
import pandas as pd
import pyfixest as pf  # type: ignore[import-untyped]
import pytest
from unit_worlds import Kind, Units, an_experiment, least_squares, refitted_error

from pacer_pipelines.stats import CovariateSums, Effect, Strata, estimate_effect, summarise

# pyfixest 0.60 asks pandas for what pandas 3.1 no longer likes
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")

KINDS: list[Kind] = ["binary", "latency", "ratio"]


def effect_of(strata: Strata) -> Effect:
    effect = estimate_effect(strata)
    assert effect is not None
    return effect


def by_pyfixest(units: Units) -> tuple[float, float]:
    """Coefficient and CRV3 error; without any small-sample factor it is the bare root of the sum of squares."""
    rows = pd.DataFrame(
        {
            "rate": units.outcome(),
            "treated": units.treated,
            "stratum": units.stratum,
            "who": units.cluster,
            "n": units.n,
        }
    )
    formula = "rate ~ treated | stratum"
    if units.x is not None:
        rows["x"], formula = units.x, "rate ~ treated + x | stratum"
    plain = pf.ssc(k_adj=False, G_adj=False)
    fitted = pf.feols(formula, rows, vcov={"CRV3": "who"}, weights="n", ssc=plain)
    g = np.unique(units.cluster).size
    return float(fitted.coef()["treated"]), float(fitted.se()["treated"]) * math.sqrt((g - 1) / g)


@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_student", [False, True], ids=["coaches", "students"])
def test_effect_and_error_equal_pyfixest(kind: Kind, covariate: bool, by_student: bool) -> None:
    units = an_experiment(11, kind, covariate=covariate, by_student=by_student, coaches=4)
    estimate, se = by_pyfixest(units)
    effect = effect_of(units.sums())
    assert effect.estimate == pytest.approx(estimate, rel=1e-8)
    assert effect.se == pytest.approx(se, rel=1e-8)


@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_student", [False, True], ids=["coaches", "students"])
@pytest.mark.parametrize(("seed", "phases", "requests"), [(1, 1, 200), (2, 3, 200), (3, 2, 90)])
def test_effect_and_error_equal_refitting_with_statsmodels(
    kind: Kind, covariate: bool, by_student: bool, seed: int, phases: int, requests: int
) -> None:
    # 90 requests: some strata have one variant only, and leaving out a student empties some more.
    units = an_experiment(
        seed, kind, covariate=covariate, by_student=by_student, phases=phases, requests=requests
    )
    estimate, slope = least_squares(units)
    effect = effect_of(units.sums())
    assert effect.estimate == pytest.approx(estimate, rel=1e-8)
    assert effect.slope == pytest.approx(slope, rel=1e-8)
    assert effect.se == pytest.approx(refitted_error(units), rel=1e-8)
    kept = units.comparable()
    assert effect.clusters == np.unique(kept.cluster).size
    assert (effect.n_control, effect.n_treatment) == (
        kept.n[kept.treated == 0].sum(),
        kept.n[kept.treated == 1].sum(),
    )


def test_students_of_one_coach_only_are_clusters_like_coaches() -> None:
    # Each student has a coach of his own: strata nested in clusters, the case without labels.
    units = an_experiment(5, coaches=7, covariate=True)
    labelled = units.sums()
    bare = Strata(
        labelled.cluster,
        labelled.n_control,
        labelled.y_control,
        labelled.n_treatment,
        labelled.y_treatment,
        binary=True,
        covariate=labelled.covariate,
    )
    one, other = effect_of(labelled), effect_of(bare)
    assert other.estimate == pytest.approx(one.estimate, rel=1e-12)
    assert other.se == pytest.approx(one.se, rel=1e-12)
    assert (other.clusters, other.strata) == (one.clusters, one.strata)


def test_clusters_by_coach_do_not_ask_how_rows_are_split_among_students() -> None:
    units = an_experiment(6, "latency", covariate=True, by_student=True)
    coach = units.stratum // 2
    whole = effect_of(summarise(coach, units.stratum, units.treated, units.outcome(), x=units.x))
    peer = refitted_error(Units(coach, units.stratum, units.treated, units.y, units.n, units.x, "latency"))
    assert whole.se == pytest.approx(peer, rel=1e-8)


def test_a_student_without_a_unit_in_a_metric_is_no_cluster_of_it() -> None:
    # The warehouse has a row for each student of a stratum; nobody rated those of the last one.
    cluster, stratum = np.array([0, 1, 2, 3, 9]), np.array([0, 0, 1, 1, 1])
    n = np.array([8.0, 5.0, 7.0, 9.0, 0.0])
    with_row = Strata(cluster, n, n / 2, n, n / 4, stratum=stratum)
    assert repr(effect_of(with_row)) == repr(effect_of(with_row.take(np.arange(4))))
    assert with_row.overlapping().cluster.tolist() == [0, 1, 2, 3]


def test_without_the_only_student_of_a_variant_there_is_no_error() -> None:
    cluster, stratum = np.array([0, 1, 2]), np.zeros(3, np.int64)
    strata = Strata(
        cluster, np.array([4.0, 3, 0]), np.array([2.0, 1, 0]), np.array([0.0, 0, 5]), np.array([0.0, 0, 3]),
        binary=True, stratum=stratum,
    )  # fmt: skip
    effect = effect_of(strata)
    assert effect.estimate == pytest.approx(3 / 5 - 3 / 7)
    assert effect.clusters == 3
    assert math.isnan(effect.se)
    assert math.isnan(effect.z_star)


def test_a_huge_coach_with_an_effect_of_its_own_does_not_drown_the_others() -> None:
    # By hand: without coach 0 the estimate is that of coach 1, 0.1; without coach 1 it is that of coach 0, 0.3.
    huge = np.array([1e19, 10.0])
    strata = Strata(np.array([0, 1]), huge, np.array([4e18, 4]), huge, np.array([7e18, 5]))
    effect = effect_of(strata)
    assert effect.estimate == pytest.approx(0.3, rel=1e-12)
    assert effect.se == pytest.approx(math.sqrt(0.5 * (0.2**2 + 0.0)), rel=1e-6)


def test_a_covariate_that_is_constant_within_strata_tells_nothing() -> None:
    units = an_experiment(7, "latency", coaches=5)
    plain = effect_of(units.sums())
    # 0.1 per stratum in steps: its squares within strata are nothing but rounding
    for x in (0.1 * units.stratum, 1e6 + 0.1 * units.stratum, np.zeros(units.y.size)):
        adjusted = effect_of(summarise(units.cluster, units.stratum, units.treated, units.outcome(), x=x))
        assert adjusted.slope == 0.0
        assert adjusted.estimate == pytest.approx(plain.estimate, rel=1e-12)
        assert adjusted.se == pytest.approx(plain.se, rel=1e-9)


def test_a_covariate_that_is_the_variant_tells_nothing() -> None:
    units = an_experiment(7, "latency", coaches=5)
    treated = units.treated.astype(float)
    adjusted = effect_of(summarise(units.cluster, units.stratum, units.treated, units.outcome(), x=treated))
    assert adjusted.slope == 0.0
    assert adjusted.estimate == pytest.approx(effect_of(units.sums()).estimate, rel=1e-12)


@pytest.mark.parametrize("elsewhere", [0.0, 1.0], ids=["constant", "the variant itself"])
def test_a_covariate_that_one_coach_alone_knows_is_given_up_without_that_coach(elsewhere: float) -> None:
    units = an_experiment(8, "latency", covariate=True, coaches=5)
    assert units.x is not None
    known = np.where(units.cluster == 2, units.x, elsewhere * units.treated)
    units = Units(units.cluster, units.stratum, units.treated, units.y, units.n, known, "latency")
    full, clusters = least_squares(units)[0], np.unique(units.cluster)
    refits = []
    for one in clusters:
        rest = units.without(int(one))
        if one == 2:
            rest = Units(rest.cluster, rest.stratum, rest.treated, rest.y, rest.n, None, "latency")
        refits.append(least_squares(rest)[0])
    se = math.sqrt((clusters.size - 1) / clusters.size * ((np.array(refits) - full) ** 2).sum())
    assert effect_of(units.sums()).se == pytest.approx(se, rel=1e-8)


def test_a_cluster_twice_in_a_stratum_is_refused() -> None:
    one = np.ones(3)
    twice = Strata(np.array([4, 5, 4]), one, one, one, one, stratum=np.array([1, 1, 1]))
    with pytest.raises(ValueError, match="cluster and stratum: got 4 and 1 twice, allowed: once; merge adds"):
        estimate_effect(twice)


def test_a_margin_moves_single_requests_and_their_sums_alike() -> None:
    units = an_experiment(9, "latency", covariate=True, by_student=True)
    moved = np.where(units.treated == 0, units.outcome() * 0.9 + 0.5, units.outcome())
    by_hand = effect_of(summarise(units.cluster, units.stratum, units.treated, moved, x=units.x))
    shifted = effect_of(units.sums().shift_control(relative=0.1, absolute=0.5))
    assert shifted.estimate == pytest.approx(by_hand.estimate, rel=1e-9)
    assert shifted.se == pytest.approx(by_hand.se, rel=1e-9)


def test_a_covariate_of_another_scale_or_origin_per_stratum_changes_no_effect() -> None:
    units = an_experiment(10, covariate=True, by_student=True)
    assert units.x is not None
    one = effect_of(units.sums())
    moved = -4.0 * units.x + 2.0 * units.stratum
    other = effect_of(summarise(units.cluster, units.stratum, units.treated, units.y, x=moved, binary=True))
    assert other.estimate == pytest.approx(one.estimate, rel=1e-9)
    assert other.se == pytest.approx(one.se, rel=1e-9)
    assert other.slope == pytest.approx(one.slope / -4.0, rel=1e-9)


def test_no_rows_at_all_with_a_covariate_give_no_effect() -> None:
    nothing, nobody = np.zeros(0), np.zeros(0, np.int64)
    covariate = CovariateSums(*[nothing] * 6)
    empty = Strata(nobody, *[nothing] * 4, stratum=nobody, covariate=covariate)
    assert estimate_effect(empty) is None
