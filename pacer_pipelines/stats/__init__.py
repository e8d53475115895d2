"""Pure numbers in, numbers out: sums, estimator, bars, sample ratio, ratings, planner."""

from pacer_pipelines.stats.bars import alarm_half_width, alarm_multiplier, planned_treatment_n, promote_bar
from pacer_pipelines.stats.estimator import Effect, estimate_effect
from pacer_pipelines.stats.planner import days_left, relative_duration, smallest_detectable_effect
from pacer_pipelines.stats.ratings import (
    DecisionSums,
    decision_weighted,
    per_request_bound,
    relative_difference,
)
from pacer_pipelines.stats.srm import SrmResult, sequential_srm
from pacer_pipelines.stats.summaries import Strata

__all__ = [  # noqa: RUF022 - in the order of reading: from sums to verdict material
    "Strata",
    "Effect",
    "estimate_effect",
    "promote_bar",
    "planned_treatment_n",
    "alarm_multiplier",
    "alarm_half_width",
    "SrmResult",
    "sequential_srm",
    "relative_difference",
    "per_request_bound",
    "DecisionSums",
    "decision_weighted",
    "smallest_detectable_effect",
    "days_left",
    "relative_duration",
]
