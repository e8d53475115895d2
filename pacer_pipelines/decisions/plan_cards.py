"""What a plan that asks for shares of cards or answers should know before the start (docs/engagement.md)."""

from pacer_pipelines.decisions.metric_rows import COUNTED
from pacer_pipelines.decisions.plan_check import PlanCheck
from pacer_pipelines.decisions.plan_traffic import within_arm
from pacer_pipelines.decisions.wording import metric_name
from pacer_pipelines.metrics import CARD_SHARES, Guarded
from pacer_pipelines.stats import planned_treatment_n
from pacer_pipelines.stats.planner import critical_value

# where a share varies most; nobody knows it before the first card
_HALF = 0.5
_OF_ALL_CARDS = frozenset({"card_reviewed_rate", "engagement"})


def card_warnings(check: PlanCheck) -> tuple[str, ...]:
    """What each margin asks for at least, and what retention alone cannot see; nothing for other plans."""
    guarded = check.plan.guarded
    sizes = tuple(_size(item, check) for item in guarded if item.metric in CARD_SHARES)
    return (*sizes, *_only_the_answered({item.metric for item in guarded}))


def _size(item: Guarded, check: PlanCheck) -> str:
    """The least number that the margin asks for. No day: a traffic says neither cards nor answers."""
    _, share = within_arm(check.plan, check.traffic, check.share / 100)
    margin = item.margin.absolute or _HALF * item.margin.relative
    critical = critical_value(check.plan.alphas.promote)
    least = planned_treatment_n(_HALF, margin, share, critical=critical)
    return (
        f"{metric_name(item.metric)}: at a rate of 50 % its margin is {100 * margin:g} points, which takes at least "
        f"{least:,.0f} {COUNTED[item.metric]} of B at {check.share:g} % to show, and more since those of one student "
        "are alike. How many there will be is not known, so no day is promised"
    )


def _only_the_answered(named: set[str]) -> tuple[str, ...]:
    if "retention" not in named or named & _OF_ALL_CARDS:
        return ()
    return (
        "retention sees only cards that were answered: it rises when B's hard cards are left alone. Name "
        "card_reviewed_rate or engagement beside it",
    )
