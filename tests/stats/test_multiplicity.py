"""Corrected p-values equal two peers, and keep to their order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from pacer_pipelines.stats import benjamini_hochberg, holm

SETTINGS = settings(derandomize=True, deadline=None, max_examples=30)
P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=30)


@given(P_VALUES)
@SETTINGS
def test_both_corrections_equal_statsmodels(p_values: list[float]) -> None:
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], rtol=1e-12)
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), multipletests(p_values, method="fdr_bh")[1], rtol=1e-12
    )


def test_the_fifteen_p_values_of_the_paper_of_1995() -> None:
    # Benjamini & Hochberg 1995, section 4.1: at 0.05 their procedure rejects the first four, Holm's the first three.
    paper = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
        0.7590, 1.0000,
    ]  # fmt: skip
    assert np.flatnonzero(benjamini_hochberg(paper) <= 0.05).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(holm(paper) <= 0.05).tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_both_corrections_equal_tea_tasting() -> None:
    # On metrics of one experiment; its defaults are other procedures (Hochberg with Sidak).
    import tea_tasting as tt
    from tea_tasting.metrics.mean import MeanResult

    p_values = [0.04, 0.001, 0.03, 0.5, 0.02, 0.013]
    nothing = dict.fromkeys((name for name in MeanResult._fields if name != "pvalue"), 0.0)
    results = tt.experiment.ExperimentResult(
        {f"metric {i}": MeanResult(pvalue=p, **nothing) for i, p in enumerate(p_values)}
    )
    fwer = tt.adjust_fwer(results, alpha=0.05, arbitrary_dependence=True, method="bonferroni").to_dicts()
    fdr = tt.adjust_fdr(results, alpha=0.05, arbitrary_dependence=False).to_dicts()
    np.testing.assert_allclose(holm(p_values), [row["pvalue_adj"] for row in fwer], rtol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p_values), [row["pvalue_adj"] for row in fdr], rtol=1e-12)


@given(P_VALUES, st.randoms(use_true_random=False))
@SETTINGS
def test_corrections_only_raise_keep_the_order_and_follow_the_rows(
    p_values: list[float], random: object
) -> None:
    p = np.array(p_values)
    strict, mild = holm(p), benjamini_hochberg(p)
    assert (p <= mild * (1 + 1e-15)).all()
    assert (mild <= strict * (1 + 1e-12)).all()
    assert (strict <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(strict[order]) >= 0).all()
    assert (np.diff(mild[order]) >= 0).all()
    random.shuffle(order)  # type: ignore[attr-defined]
    assert holm(p[order]).tolist() == strict[order].tolist()


def test_no_question_needs_no_correction() -> None:
    assert holm([]).tolist() == []
    assert benjamini_hochberg([]).tolist() == []


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
@pytest.mark.parametrize(
    ("p_values", "message"),
    [
        ([0.5, 1.5], r"p_values: got 1\.5 at 1, allowed: 0 to 1"),
        ([-0.1], r"p_values: got -0\.1 at 0"),
        ([0.5, np.nan], "p_values: got nan at 1, allowed: finite"),
        ([[0.5, 0.1]], r"p_values: got shape \(1, 2\), allowed: \(2,\)"),
    ],
)
def test_what_is_no_p_value_is_refused(correct: object, p_values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        correct(p_values)  # type: ignore[operator]
