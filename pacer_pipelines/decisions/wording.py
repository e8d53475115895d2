"""How numbers and metrics are spelled wherever a person reads them."""

from pacer_pipelines.decisions.catalogue import Said, catalogue, say
from pacer_pipelines.decisions.values import Finding

# metrics that are no share: how many decimals, and the unit
AMOUNTS = {"engagement": (2, "number"), "latency": (1, "ms"), "tokens": (0, "tokens"), "cost": (5, "usd")}
# nobody may be recognised in a number: students are minors
FEWEST_UNITS, FEWEST_COACHES = 10, 3
TOO_FEW = say("wording.too_few")


def enough_to_show(finding: Finding) -> bool:
    """Whether enough requests and coaches stand behind a finding to show its numbers to anybody."""
    smaller = min(finding.n_control, finding.n_treatment)
    return smaller >= FEWEST_UNITS and finding.coaches >= FEWEST_COACHES


def metric_name(metric: str) -> str:
    """Name of a metric for people."""
    known = metric in catalogue("en")["metric"]
    return say(f"metric.{metric}") if known else metric.replace("_", " ")


def points(value: float) -> Said:
    """A difference of rates in percentage points, signed: ``+2.3 points``."""
    return say("unit.points", number=f"{100 * value:+.1f}")


def rate_text(metric: str, value: float | None) -> str:
    """A rate as percent, an amount as a number with its unit, nothing as a dash."""
    if value is None:
        return "–"
    return _amount(metric, value) if metric in AMOUNTS else f"{100 * value:.1f} %"


def difference_text(metric: str, value: float | None) -> str:
    """A signed difference in the unit of its metric."""
    if value is None:
        return "–"
    return _amount(metric, value, "+") if metric in AMOUNTS else points(value)


def amount_text(metric: str, number: str) -> Said:
    """A number with the unit of its metric, one of :data:`AMOUNTS`."""
    return say(f"unit.{AMOUNTS[metric][1]}", number=number)


def _amount(metric: str, value: float, sign: str = "") -> Said:
    return amount_text(metric, _number(metric, value, sign))


def _number(metric: str, value: float, sign: str = "") -> str:
    return f"{value:{sign},.{AMOUNTS[metric][0]}f}"


def effect_text(finding: Finding) -> Said:
    """The effect (treatment minus control) with both rates."""
    if finding.effect is None:
        return say("wording.no_data")
    if not enough_to_show(finding):
        return TOO_FEW
    return say(
        "wording.effect",
        effect=difference_text(finding.metric, finding.effect),
        control=rate_text(finding.metric, finding.rate_control),
        treatment=rate_text(finding.metric, finding.rate_treatment),
    )


def percent_text(value: float | None) -> str:
    """A relative change, signed: ``+5.3 %``; nothing as a dash."""
    return "–" if value is None else f"{100 * value:+.1f} %"


def interval_text(finding: Finding, *, bare: bool = False) -> Said:
    """The always-valid interval: ``-1.0 to +5.6 points``; ``bare`` without the unit where all are points."""
    if finding.interval is None:
        return say("wording.not_known_yet")
    if not enough_to_show(finding):
        return TOO_FEW
    low, high = finding.interval
    if finding.metric in AMOUNTS:
        low_text, high_text = _number(finding.metric, low, "+"), _amount(finding.metric, high, "+")
        return say("wording.interval", low=low_text, high=high_text)
    upper = f"{100 * high:+.1f}" if bare else points(high)
    return say("wording.interval", low=f"{100 * low:+.1f}", high=upper)


def score_text(finding: Finding) -> Said:
    """The test statistic beside its bar: ``z* 1.31, promote bar 2.77``."""
    known = finding.z_star is not None and enough_to_show(finding)
    return say(
        "wording.score",
        score=f"{finding.z_star:.2f}" if known else say("wording.not_shown"),
        bar=say("wording.out_of_reach") if finding.bar is None else f"{finding.bar:.2f}",
    )
