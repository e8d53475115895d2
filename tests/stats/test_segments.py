"""Effects by segment: each what it is alone, corrected for how many are looked at, silent about small ones."""

import numpy as np
import pytest
from scipy import stats
from unit_worlds import an_experiment

from pacer_pipelines.stats import Strata, benjamini_hochberg, estimate_effect, holm, segment_effects


def by_school() -> tuple[Strata, np.ndarray]:
    """Four schools of six coaches in two phases; the last school has hardly any request."""
    parts = [an_experiment(seed, "binary", requests=900).sums() for seed in (1, 2, 3)]
    parts.append(an_experiment(4, "binary", requests=24, coaches=2).sums())
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("cluster", "n_control", "y_control", "n_treatment", "y_treatment", "stratum")
    }
    return Strata(**columns, binary=True), np.repeat(np.arange(4), [part.cluster.size for part in parts])


def test_each_segment_has_the_effect_that_it_has_alone() -> None:
    strata, school = by_school()
    found = segment_effects(strata, school, 4)
    for position in range(4):
        alone = estimate_effect(strata.take(np.flatnonzero(school == position)))
        assert repr(found.effects.at(position)) == repr(alone)


def test_p_values_are_two_sided_on_students_scale_and_corrected_over_the_segments_shown() -> None:
    strata, school = by_school()
    found = segment_effects(strata, school, 4)
    assert found.shown.tolist() == [True, True, True, False]
    effects = found.effects
    p = 2 * stats.t.sf(np.abs(effects.t[:3]), effects.df[:3])
    np.testing.assert_allclose(found.p_value[:3], p, rtol=1e-8)
    np.testing.assert_allclose(found.p_holm[:3], holm(p), rtol=1e-8)
    np.testing.assert_allclose(found.p_bh[:3], benjamini_hochberg(p), rtol=1e-8)
    for values in (found.p_value, found.p_holm, found.p_bh):
        assert np.isnan(values[3])


@pytest.mark.parametrize(
    ("fewest_units", "fewest_coaches", "shown"),
    [(10, 3, True), (60, 3, True), (61, 3, False), (10, 5, False)],
)
def test_a_segment_is_shown_from_the_fewest_on(fewest_units: int, fewest_coaches: int, shown: bool) -> None:
    n, good = np.full(4, 15.0), np.array([5.0, 6, 7, 8])
    strata = Strata(np.arange(4), n, good, n, good + np.array([1.0, 2, 0, 1]), binary=True)
    found = segment_effects(strata, np.zeros(4, np.int64), 1, fewest_units, fewest_coaches)
    assert found.shown.tolist() == [shown]
    assert np.isfinite(found.p_value).tolist() == [shown]


def test_a_segment_without_an_error_is_shown_and_not_tested() -> None:
    n = np.full(3, 20.0)
    found = segment_effects(Strata(np.arange(3), n, n, n, 2 * n), np.zeros(3, np.int64), 1)
    assert found.shown.tolist() == [True]
    assert np.isnan(found.p_value).all()


def test_a_segment_that_nobody_is_in_is_neither() -> None:
    n = np.full(3, 20.0)
    found = segment_effects(Strata(np.arange(3), n, n / 2, n, n / 4, binary=True), np.ones(3, np.int64), 3)
    assert found.shown.tolist() == [False, True, False]


def test_a_segment_that_does_not_exist_is_refused() -> None:
    n = np.full(3, 20.0)
    with pytest.raises(ValueError, match="analysis: got 3 at 2, allowed: 0 <= analysis < 3"):
        segment_effects(Strata(np.arange(3), n, n, n, n), [0, 1, 3], 3)
