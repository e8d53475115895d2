"""Effects by school, grade or concept: to look for ideas, corrected for how often one looks, never to decide."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from pacer_pipelines.stats.arrays import BoolArray, FloatArray
from pacer_pipelines.stats.estimator import Effects, estimate_effects
from pacer_pipelines.stats.multiplicity import benjamini_hochberg, holm
from pacer_pipelines.stats.summaries import Strata


@dataclass(frozen=True, slots=True, eq=False)
class SegmentEffects:
    """One effect per segment; every array has shape (K,).

    Args:
        effects: the effects, by position of the segment.
        shown: whether enough units and coaches stand behind a segment to show it to anybody.
        p_value: two-sided p of effect = 0, nan where it is not shown or has no standard error. For one look.
        p_holm: corrected for all segments tested, so that even one false finding is unlikely.
        p_bh: corrected so that few of the findings are false.
    """

    effects: Effects
    shown: BoolArray
    p_value: FloatArray
    p_holm: FloatArray
    p_bh: FloatArray


def segment_effects(
    strata: Strata, segment: npt.ArrayLike, segments: int, fewest_units: int = 10, fewest_coaches: int = 3
) -> SegmentEffects:
    """Give the effect within each segment, with p-values corrected for the number of segments tested.

    A segment is tested only if it may be shown: at least `fewest_units` in each variant and `fewest_coaches` with
    both. The p-values hold for one look; who looks every day must expect surprises.

    Args:
        strata: sums per segment, coach and phase.
        segment: the segment of each row, shape (S,), each in [0, K).
        segments: K, how many segments there are.
        fewest_units: smallest denominator of either variant that may be shown.
        fewest_coaches: smallest number of coaches with both variants that may be shown.

    Returns:
        The table; an exploration, not evidence.

    Raises:
        ValueError: what :func:`estimate_effects` refuses.

    References:
        Effects as :func:`estimate_effects`; corrections as :func:`holm` and :func:`benjamini_hochberg`.

    Example:
        >>> import numpy as np
        >>> n, good = np.full(8, 40.0), np.array([20.0, 22, 21, 23, 20, 22, 21, 23])
        >>> better = good + np.array([8, 9, 7, 8, 0, 1, -1, 0])
        >>> strata = Strata(np.array([0, 1, 2, 3] * 2), n, good, n, better, binary=True)
        >>> found = segment_effects(strata, [0] * 4 + [1] * 4, 2)
        >>> (found.p_holm < 0.05).tolist(), found.shown.tolist()
        ([True, False], [True, True])
    """
    effects = estimate_effects(strata, segment, segments)
    smaller = np.minimum(effects.n_control, effects.n_treatment)
    shown = effects.known & (smaller >= fewest_units) & (effects.clusters >= fewest_coaches)
    tested = np.flatnonzero(shown & np.isfinite(effects.z_star))
    p_value, p_holm, p_bh = (np.full(segments, np.nan) for _ in range(3))
    p_value[tested] = 2.0 * special.ndtr(-np.abs(effects.z_star[tested]))
    p_holm[tested], p_bh[tested] = holm(p_value[tested]), benjamini_hochberg(p_value[tested])
    return SegmentEffects(effects, shown, p_value, p_holm, p_bh)
