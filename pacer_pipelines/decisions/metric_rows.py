"""One metric as the words and numbers that a reader sees, or as nothing when too few stand behind it."""

from dataclasses import dataclass

from pacer_pipelines.decisions.catalogue import in_a_row, say
from pacer_pipelines.decisions.values import Finding, Label, Role
from pacer_pipelines.decisions.wording import (
    AMOUNTS,
    TOO_FEW,
    amount_text,
    difference_text,
    enough_to_show,
    interval_text,
    metric_name,
    percent_text,
    rate_text,
)
from pacer_pipelines.metrics import Margin
from pacer_pipelines.plan import Plan

COUNTED = {
    "good_rate": "rated",
    "good_rate_mature": "rated",
    "good_rate_by_decision": "rated",
    "engagement": "cards",
    "card_reviewed_rate": "cards",
    "retention": "answers",
}
# of the rated share of requests: neither way is better
RATED: tuple[Label, ...] = ("better", "worse", "inconclusive")


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric as text; ``shown`` is False when too few stand behind it, and then no number is in it.

    ``relative`` is the effect as a share of control's rate, with its always-valid interval.
    """

    metric: str
    role: Role
    control: str
    treatment: str
    effect: str
    interval: str
    margin: str
    label: str
    n: str
    coaches: str
    strength: str
    note: str
    relative: str
    shown: bool


def metric_row(finding: Finding, plan: Plan) -> MetricRow:
    """The finding as one line of a table.

    Args:
        finding: what the metric says.
        plan: gives the margin as it was registered.
    """
    name, shown = finding.metric, enough_to_show(finding)
    margin = next((guarded.margin for guarded in plan.guarded if guarded.metric == name), None)

    def number(text: str) -> str:
        return text if shown else "-"

    return MetricRow(
        metric=metric_name(name),
        role=finding.role,
        control=number(rate_text(name, finding.rate_control)),
        treatment=number(rate_text(name, finding.rate_treatment)),
        effect=difference_text(name, finding.effect) if shown else _nothing(finding),
        interval=number(_interval(finding)),
        margin=_margin(name, margin, finding.better) if margin else "-",
        label=_label(finding),
        n=number(_n(finding)),
        coaches=number(say("row.coaches", number=finding.coaches)),
        strength=number(_strength(finding)),
        note=finding.note if shown else "",
        relative=number(_relative(finding)),
        shown=shown,
    )


def _n(finding: Finding) -> str:
    control, treatment = f"{finding.n_control:,}", f"{finding.n_treatment:,}"
    return say(f"row.{COUNTED.get(finding.metric, 'requests')}", control=control, treatment=treatment)


def _nothing(finding: Finding) -> str:
    nobody = finding.label == "no_data" and not finding.n_treatment
    return say("label.no_data") if nobody else TOO_FEW


def _label(finding: Finding) -> str:
    if finding.alarm:
        return say("label.alarm")
    if finding.label == "no_data" or finding.role not in ("sensitivity", "health"):
        return say(f"label.{finding.label}")
    if finding.role == "health":
        return say(f"label.{'rated_' if finding.label in RATED else ''}{finding.label}")
    return say("label.agrees" if finding.passes else "label.disagrees")


def _interval(finding: Finding) -> str:
    return interval_text(finding, bare=True) if finding.interval else "-"


def _relative(finding: Finding) -> str:
    if finding.relative is None:
        return "-"
    text = say("row.relative", percent=percent_text(finding.relative))
    if finding.relative_interval is None:
        return text
    low, high = map(percent_text, finding.relative_interval)
    return in_a_row(", ", (text, say("wording.interval", low=low.removesuffix(" %"), high=high)))


def _margin(metric: str, margin: Margin, better: str) -> str:
    sign = "-" if better == "higher" else "+"
    if margin.relative:
        return f"{sign}{margin.relative * 100:g} %"
    if metric in AMOUNTS:
        return amount_text(metric, f"{sign}{margin.absolute:g}")
    unit = "point" if margin.absolute == 0.01 else "points"
    return say(f"unit.{unit}", number=f"{sign}{margin.absolute * 100:g}")


def _strength(finding: Finding) -> str:
    if finding.z_star is None or finding.bar is None:
        return "-"
    text = say("wording.score", score=f"{finding.z_star:.2f}", bar=f"{finding.bar:.2f}")
    if finding.information is None:
        return text
    sample = say("row.of_sample", percent=f"{min(finding.information, 1) * 100:.0f} %")
    return in_a_row(", ", (text, sample))
