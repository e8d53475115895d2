"""How numbers and metrics are spelled wherever a person reads them."""

from pacer_pipelines.decisions.values import Finding

METRIC_NAMES = {
    "good_rate": "GOOD rate",
    "good_rate_mature": "GOOD rate of mature requests",
    "good_rate_by_decision": "GOOD rate weighted by decision",
    "good_rate_this_step": "GOOD rate at this step",
    "good_per_request": "GOOD per request",
    "no_bad_per_request": "requests without a BAD",
    "card_rate": "Anki card rate",
    "engagement": "reviews per card",
    "card_reviewed_rate": "cards reviewed",
    "retention": "retention (answers not Again)",
    "failure_rate": "failed judgements",
    "latency": "latency per request",
    "tokens": "tokens per request",
    "cost": "cost per request",
    "rating_rate": "rated share of requests",
}
# metrics that are no share: how many decimals, and the unit behind the number
AMOUNTS = {"engagement": (2, ""), "latency": (1, " ms"), "tokens": (0, " tokens"), "cost": (5, " USD")}
# nobody may be recognised in a number: students are minors
FEWEST_UNITS, FEWEST_COACHES = 10, 3
TOO_FEW = "too few to show"


def enough_to_show(finding: Finding) -> bool:
    """Whether enough requests and coaches stand behind a finding to show its numbers to anybody."""
    smaller = min(finding.n_control, finding.n_treatment)
    return smaller >= FEWEST_UNITS and finding.coaches >= FEWEST_COACHES


def metric_name(metric: str) -> str:
    """Name of a metric for people."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def points(value: float) -> str:
    """A difference of rates in percentage points, signed: ``+2.3 points``."""
    return f"{100 * value:+.1f} points"


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


def _amount(metric: str, value: float, sign: str = "") -> str:
    decimals, unit = AMOUNTS[metric]
    return f"{value:{sign},.{decimals}f}{unit}"


def effect_text(finding: Finding) -> str:
    """The effect (treatment minus control) with both rates."""
    if finding.effect is None:
        return "no data"
    if not enough_to_show(finding):
        return TOO_FEW
    control = rate_text(finding.metric, finding.rate_control)
    treatment = rate_text(finding.metric, finding.rate_treatment)
    return f"{difference_text(finding.metric, finding.effect)} ({control} in A, {treatment} in B)"


def percent_text(value: float | None) -> str:
    """A relative change, signed: ``+5.3 %``; nothing as a dash."""
    return "–" if value is None else f"{100 * value:+.1f} %"


def interval_text(finding: Finding) -> str:
    """The always-valid interval: ``-1.0 to +5.6 points``."""
    if finding.interval is None:
        return "not known yet"
    if not enough_to_show(finding):
        return TOO_FEW
    low, high = finding.interval
    if finding.metric in AMOUNTS:
        unit = AMOUNTS[finding.metric][1]
        return (
            f"{_amount(finding.metric, low, '+').removesuffix(unit)} to {_amount(finding.metric, high, '+')}"
        )
    return f"{100 * low:+.1f} to {100 * high:+.1f} points"


def score_text(finding: Finding) -> str:
    """The test statistic beside its bar: ``z* 1.31 of 2.77``."""
    known = finding.z_star is not None and enough_to_show(finding)
    score = f"{finding.z_star:.2f}" if known else "not shown"
    bar = "out of reach" if finding.bar is None else f"{finding.bar:.2f}"
    return f"z* {score}, promote bar {bar}"
