"""Pure numbers in, numbers out: sums, estimator, bars, sample ratio, ratings, planner, and two readings beside them."""

from pacer_pipelines.stats.alarms import (
    alarm_half_width,
    alarm_multiplier,
    alarm_p_value,
    few_clusters_factor,
)
from pacer_pipelines.stats.bars import planned_treatment_n, promote_bar, promote_lower_bound, promote_p_value
from pacer_pipelines.stats.bayes import Reading, bayesian_reading
from pacer_pipelines.stats.correlation import rating_correlation
from pacer_pipelines.stats.crossing import CrossedShare, crossed_share
from pacer_pipelines.stats.decision_weights import DecisionSums, decision_weighted
from pacer_pipelines.stats.design import (
    Design,
    days_to_detect,
    detectable_after,
    detectable_ever,
    effect_variance,
    implied_design_effect,
    rated_after,
)
from pacer_pipelines.stats.estimator import (
    Effect,
    Effects,
    cautious_effect,
    estimate_effect,
    estimate_effects,
)
from pacer_pipelines.stats.multiplicity import benjamini_hochberg, holm
from pacer_pipelines.stats.planner import (
    critical_value,
    days_left,
    effective_per_day,
    planned_effective_n,
    relative_duration,
    smallest_detectable_effect,
)
from pacer_pipelines.stats.proportions import difference_evidence, difference_lower_bound, proportion_bounds
from pacer_pipelines.stats.ratings import TippingPoint, per_request_bound, relative_difference, tipping_point
from pacer_pipelines.stats.relative import RelativeEffect, relative_effect
from pacer_pipelines.stats.segments import SegmentEffects, segment_effects
from pacer_pipelines.stats.srm import (
    SrmResult,
    WorstSlice,
    sequential_srm,
    split_limits,
    worst_phase,
    worst_slice,
)
from pacer_pipelines.stats.summaries import CovariateSums, Strata
from pacer_pipelines.stats.tails import normal_score, normal_scores, student_value
from pacer_pipelines.stats.units import summarise

__all__ = [  # noqa: RUF022 - in the order of reading: from sums to verdict material
    "Strata",
    "CovariateSums",
    "summarise",
    "Effect",
    "Effects",
    "estimate_effect",
    "estimate_effects",
    "cautious_effect",
    "RelativeEffect",
    "relative_effect",
    "normal_score",
    "normal_scores",
    "student_value",
    "promote_bar",
    "promote_p_value",
    "promote_lower_bound",
    "critical_value",
    "planned_treatment_n",
    "planned_effective_n",
    "effective_per_day",
    "alarm_multiplier",
    "alarm_half_width",
    "alarm_p_value",
    "few_clusters_factor",
    "proportion_bounds",
    "difference_evidence",
    "difference_lower_bound",
    "SrmResult",
    "sequential_srm",
    "split_limits",
    "WorstSlice",
    "worst_phase",
    "worst_slice",
    "CrossedShare",
    "crossed_share",
    "relative_difference",
    "per_request_bound",
    "TippingPoint",
    "tipping_point",
    "DecisionSums",
    "decision_weighted",
    "smallest_detectable_effect",
    "days_left",
    "relative_duration",
    "Design",
    "rated_after",
    "effect_variance",
    "implied_design_effect",
    "detectable_after",
    "detectable_ever",
    "days_to_detect",
    "rating_correlation",
    "SegmentEffects",
    "segment_effects",
    "holm",
    "benjamini_hochberg",
    "Reading",
    "bayesian_reading",
]
