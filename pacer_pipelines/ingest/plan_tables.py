"""The plans as landing tables, so that SQL can join what was registered with what happened."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.tables import columns
from pacer_pipelines.metrics import CARD_SHARES
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import LeftOut

PLAN_TABLES = {
    "experiments": columns(
        "experiment_id! VARCHAR", "slug! VARCHAR", "randomization_unit! VARCHAR", "start_date! DATE",
        "control_variant! VARCHAR", "treatment_variant! VARCHAR", "control_version VARCHAR",
        "treatment_version VARCHAR", "rating_days! INTEGER", "card_days! INTEGER", "covariate VARCHAR",
        "latency_cap DOUBLE", "tokens_cap DOUBLE", "cost_cap DOUBLE",
        "logged_experiment_id! VARCHAR", "counts_card_reviewed_rate BOOLEAN", "counts_retention BOOLEAN",
    ),
    "experiment_exclusions": columns("experiment_id! VARCHAR", "attribute! VARCHAR", "value_key! VARCHAR"),
    "flag_regions": columns(
        "experiment_id! VARCHAR", "flag_version! VARCHAR", "variant! VARCHAR", "low! INTEGER", "high! INTEGER"
    ),
}  # fmt: skip


def experiment_rows(plans: Iterable[Plan]) -> list[dict[str, Any]]:
    """One row per plan, so one per arm: what the models need of it."""
    return [
        {
            "experiment_id": plan.experiment_id,
            "slug": plan.slug,
            "randomization_unit": plan.randomization_unit,
            "start_date": plan.start_date,
            "control_variant": plan.control.variant,
            "treatment_variant": plan.treatment.variant,
            "control_version": plan.control.version,
            "treatment_version": plan.treatment.version,
            "rating_days": plan.maturity.rating_days,
            "card_days": plan.maturity.card_days,
            "covariate": plan.primary.covariate,
            **_caps(plan),
            "logged_experiment_id": plan.logged_id,
            **_counted(plan),
            "source_file": plan.file,
            "source_line": 1,
        }
        for plan in plans
    ]


def _caps(plan: Plan) -> dict[str, float | None]:
    """Where each skewed metric is cut; a metric that the plan does not name has no cap and is not counted."""
    named = {guarded.metric: guarded.winsorise_at for guarded in plan.guarded}
    return {
        "latency_cap": named.get("latency"),
        "tokens_cap": named.get("tokens"),
        "cost_cap": named.get("cost"),
    }


def _counted(plan: Plan) -> dict[str, bool]:
    """Whether the plan asks for the metrics of cards that are summed only for those who ask."""
    named = {guarded.metric for guarded in plan.guarded}
    return {f"counts_{metric}": metric in named for metric in sorted(CARD_SHARES)}


def exclusion_rows(plans: Iterable[Plan], pseudonyms: Pseudonyms) -> list[dict[str, Any]]:
    """One row per plan and segment that it leaves out; a coach by pseudonym, as coaches land."""
    return [
        {
            "experiment_id": plan.experiment_id,
            "attribute": item.attribute,
            "value_key": _key(item, pseudonyms),
            "source_file": plan.file,
            "source_line": position,
        }
        for plan in plans
        for position, item in enumerate(plan.left_out, start=1)
    ]


def region_rows(plan: Plan, served: Mapping[str, Sequence[tuple[str, int, int]]]) -> list[dict[str, Any]]:
    """One row per version of the flag file and region of buckets that it serves one variant.

    Args:
        plan: whose flag it is.
        served: (variant, low, high) of each region by version; buckets from low up to, not including, high.
    """
    return [
        {
            "experiment_id": plan.experiment_id,
            "flag_version": version,
            "variant": variant,
            "low": low,
            "high": high,
            "source_file": plan.file,
            "source_line": position,
        }
        for version in sorted(served)
        for position, (variant, low, high) in enumerate(served[version], start=1)
    ]


def _key(item: LeftOut, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.coach(item.value) if item.attribute == "coach" else item.value
