"""How likely B is better, for people who ask: a reading beside the verdict, which no rule looks at."""

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.decisions.wording import difference_text, enough_to_show, points
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats import bayesian_reading


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
    return say(
        "report.reading",
        probability=_percent(reading.probability_better),
        effect=difference_text(finding.metric, reading.mean),
        low=f"{100 * reading.low:+.1f}",
        high=points(reading.high),
    )


def _percent(probability: float) -> str:
    percent = 100 * probability
    if percent > 99.9:
        return say("report.over", percent="99.9 %")
    return say("report.under", percent="0.1 %") if percent < 0.1 else f"{percent:.1f} %"
