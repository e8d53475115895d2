"""How likely B is better, for people who ask: a reading beside the verdict, which no rule looks at."""

from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.decisions.wording import difference_text, enough_to_show, points
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import bayesian_reading

READING = "a Bayesian reading: one look, a sceptical prior, and no rule uses it"


def reading_text(verdict: Verdict, plan: Plan) -> str:
    """The posterior of the primary effect in one sentence; empty while there is nothing to read.

    Prior: as many changes harm as help, and two of three are smaller than the plan's smallest effect of interest.
    """
    finding = next((item for item in verdict.findings if item.metric == plan.primary.metric), None)
    if finding is None or finding.effect is None or finding.se is None or not enough_to_show(finding):
        return ""
    reading = bayesian_reading(finding.effect, finding.se, plan.primary.smallest_effect)
    if reading is None:
        return ""
    metric, low = finding.metric, points(reading.low).removesuffix(" points")
    return (
        f"B is better with probability {_percent(reading.probability_better)}; effect "
        f"{difference_text(metric, reading.mean)}, with 95 % probability {low} to {points(reading.high)} ({READING})"
    )


def _percent(probability: float) -> str:
    percent = 100 * probability
    return "over 99.9 %" if percent > 99.9 else "under 0.1 %" if percent < 0.1 else f"{percent:.1f} %"
