"""What an experiment can find: by today, and at the best by the time its planned sample is full."""

import math
from typing import NamedTuple

from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats.planner import critical_value, detectable_with_error


class Detectable(NamedTuple):
    """The smallest true effects that a promotion finds with 80 % power, absolute."""

    now: float
    at_best: float


def detectable(finding: Finding, plan: Plan) -> Detectable | None:
    """What the primary metric can find, from its own standard error; None while that is no possible effect.

    ``at_best`` lets the standard error fall with the square root of the sample until that is the planned one. It falls
    slower where more ratings come from the same students, so it is a floor.

    Args:
        finding: of the primary metric; its standard error is over coaches.
        plan: gives the level of the promotion.
    """
    if not finding.se or finding.bar is None or not finding.information or finding.coaches < 2:
        return None
    df, critical = finding.coaches - 1, critical_value(plan.alphas.promote)
    planned = finding.se * math.sqrt(min(finding.information, 1.0))
    found = Detectable(
        detectable_with_error(finding.se, finding.bar, df), detectable_with_error(planned, critical, df)
    )
    room = 1.0 - (finding.rate_control or 0.0)
    return found if found.now <= room else None
