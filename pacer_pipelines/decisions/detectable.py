"""What an experiment can find: by today, and at the best by the time its planned sample is full."""

import math
from typing import NamedTuple

from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats.planner import critical_value

# normal quantile of 80 % power, as the planned sample has it
POWER_Z = 0.84


class Detectable(NamedTuple):
    """The smallest true effects that a promotion finds with 80 % power, absolute."""

    now: float
    at_best: float


def detectable(finding: Finding, plan: Plan) -> Detectable | None:
    """What the primary metric can find, from its own standard error; None while there is none.

    ``at_best`` lets the standard error fall with the square root of the sample until that is the planned one. It falls
    slower where more ratings come from the same students, so it is a floor.

    Args:
        finding: of the primary metric.
        plan: gives the level of the promotion.

    References:
        (critical + z_power) x standard error, as ``smallest_detectable_effect`` of stats/planner.py.
    """
    if finding.se is None or finding.bar is None or not finding.information:
        return None
    planned = finding.se * math.sqrt(min(finding.information, 1.0))
    return Detectable(
        (finding.bar + POWER_Z) * finding.se, (critical_value(plan.alphas.promote) + POWER_Z) * planned
    )
