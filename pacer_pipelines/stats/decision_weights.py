"""Ratings weighted to the decisions that the model made: coaches rate approved requests more often."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pacer_pipelines.stats.arrays import FloatArray, IntArray
from pacer_pipelines.stats.estimator import Effect, estimate_effect
from pacer_pipelines.stats.summaries import Strata


@dataclass(frozen=True, slots=True, eq=False)
class DecisionSums:
    """Requests, rated requests and GOOD ratings of one decision, per stratum and variant.

    All arrays have shape (S,); the rows of all decisions of one call mean the same strata, 0 where nothing
    happened.

    Args:
        cluster: index of the coach of each stratum.
        requests_control: requests in control with this decision.
        rated_control: those of them with a rating.
        good_control: those of them rated GOOD.
        requests_treatment: requests in treatment with this decision.
        rated_treatment: those of them with a rating.
        good_treatment: those of them rated GOOD.

    Raises:
        ValueError: unless 0 <= good <= rated <= requests everywhere.
    """

    cluster: IntArray
    requests_control: FloatArray
    rated_control: FloatArray
    good_control: FloatArray
    requests_treatment: FloatArray
    rated_treatment: FloatArray
    good_treatment: FloatArray

    def __post_init__(self) -> None:
        """Hold the sums to the rules of `Strata`, twice: rated within requests, GOOD within rated."""
        rated = _within(
            "rated of requests",
            self.cluster,
            (self.requests_control, self.rated_control),
            (self.requests_treatment, self.rated_treatment),
        )
        good = _within(
            "GOOD of rated",
            self.cluster,
            (self.rated_control, self.good_control),
            (self.rated_treatment, self.good_treatment),
        )
        object.__setattr__(self, "cluster", rated.cluster)
        for variant in ("control", "treatment"):
            object.__setattr__(self, f"requests_{variant}", getattr(rated, f"n_{variant}"))
            object.__setattr__(self, f"rated_{variant}", getattr(good, f"n_{variant}"))
            object.__setattr__(self, f"good_{variant}", getattr(good, f"y_{variant}"))


def decision_weighted(by_decision: Mapping[str, DecisionSums]) -> Effect | None:
    """Give the effect on GOOD per rating, as if every decision had been rated equally often.

    Coaches mostly rate APPROVE, so the rated rows are not the requests. Within a variant v, ratings of
    decision d get the weight (N_vd / N_v) / (n_vd / n_v), with N requests and n rated over the strata that
    have ratings in both variants; the weighted sums enter the same estimator. A sensitivity estimate: it
    mends selection by decision, not selection within a decision, and the jackknife takes the weights as
    given.

    Args:
        by_decision: the sums of each decision (APPROVE, REJECT), all on the same strata in the same order.

    Returns:
        The effect; None when no stratum has ratings in both variants, or when a variant has requests with a
        decision that nobody rated: no weight can stand in for ratings that do not exist.

    Raises:
        ValueError: decisions whose strata differ.

    References:
        Weighting class adjustment for nonresponse: Little 1986, International Statistical Review 54(2),
        139-157.

    Example:
        >>> import numpy as np
        >>> coach = np.array([0, 1])
        >>> both = lambda *values: [np.array([value, value]) for value in values]
        >>> approve = DecisionSums(coach, *both(100, 80, 60), *both(100, 80, 64))
        >>> reject = DecisionSums(coach, *both(50, 20, 10), *both(50, 20, 10))
        >>> round(decision_weighted({"APPROVE": approve, "REJECT": reject}).estimate, 4)
        0.0333
    """
    cells = [by_decision[decision] for decision in sorted(by_decision)]
    if not cells:
        return None
    cluster = cells[0].cluster
    if any(not np.array_equal(cell.cluster, cluster) for cell in cells):
        raise ValueError(
            "cluster: got different strata per decision, allowed: the same strata in the same order"
        )
    requests = np.array([(cell.requests_control, cell.requests_treatment) for cell in cells])
    rated = np.array([(cell.rated_control, cell.rated_treatment) for cell in cells])
    good = np.array([(cell.good_control, cell.good_treatment) for cell in cells])
    weight = _decision_weights(requests, rated)
    if weight is None:
        return None
    n, y = (weight * rated).sum(axis=0), (weight * good).sum(axis=0)
    return estimate_effect(Strata(cluster, n[0], y[0], n[1], y[1]))


def _within(
    what: str,
    cluster: IntArray,
    control: tuple[FloatArray, FloatArray],
    treatment: tuple[FloatArray, FloatArray],
) -> Strata:
    try:
        return Strata(cluster, *control, *treatment, binary=True)
    except ValueError as refused:
        raise ValueError(f"{what}: {refused}") from None


def _decision_weights(requests: FloatArray, rated: FloatArray) -> FloatArray | None:
    """Weights of shape (decisions, variants, 1) from sums of shape (decisions, variants, strata)."""
    comparable = (rated.sum(axis=0) > 0).all(axis=0)
    asked = requests[:, :, comparable].sum(axis=2)
    answered = rated[:, :, comparable].sum(axis=2)
    if not comparable.any() or ((asked > 0) & (answered == 0)).any():
        return None
    weight = np.zeros_like(asked)
    np.divide(asked * answered.sum(axis=0), answered * asked.sum(axis=0), out=weight, where=answered > 0)
    return np.expand_dims(weight, axis=2)
