"""Several treatments beside one control: one plan per treatment, an *arm*, each judged by itself.

The error rates are split evenly between the arms (Bonferroni), so the chance that any worthless treatment is ever
promoted stays what the file says (docs/adr/0016-several-treatments-are-arms.md).
"""

from pathlib import Path
from typing import Any

from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.plan import Plan, load_plan, plan_of, read_content


def load_plans(path: Path) -> tuple[Plan, ...]:
    """The plans that one TOML file is: one, or one arm per treatment.

    Args:
        path: ``experiments/<slug>.toml``; the file name must be the slug.

    Returns:
        A plan with ``[treatment]`` as it is. With ``[[treatments]]`` an arm for each, in the file's order: slug
        ``<slug>-<variant>``, experiment_id ``<experiment_id>/<variant>``, each error rate divided by their number.

    Raises:
        PlanInvalid: naming file, key, what was got and what is allowed.
    """
    content = read_content(path)
    if "treatments" not in content:
        return (load_plan(path),)
    treatments = content.pop("treatments")
    _require_several(path, content, treatments)
    # what is wrong beside the treatments is said once, in the file's own words
    common = plan_of(path, {**content, "treatment": treatments[0]})
    arms = tuple(plan_of(path, _arm(content, common, treatment, len(treatments))) for treatment in treatments)
    if len({arm.slug for arm in arms}) < len(arms):
        names = [arm.treatment.variant for arm in arms]
        raise PlanInvalid(path.name, [("treatments", names, "variants that differ, also in lower case")])
    return arms


def _require_several(path: Path, content: dict[str, Any], treatments: Any) -> None:
    if "treatment" in content:
        raise PlanInvalid(path.name, [("treatment", "a table", "either [treatment] or [[treatments]]")])
    tables = isinstance(treatments, list) and all(isinstance(item, dict) for item in treatments)
    if not tables or len(treatments) < 2:
        raise PlanInvalid(
            path.name, [("treatments", f"{len(treatments) if tables else 'no'} tables", "two or more")]
        )


def _arm(content: dict[str, Any], common: Plan, treatment: dict[str, Any], arms: int) -> dict[str, Any]:
    """The content of one arm's plan."""
    name = str(treatment.get("variant", ""))
    alphas = {key: alpha / arms for key, alpha in common.alphas.model_dump().items()}
    return {
        **content,
        "slug": f"{common.slug}-{name.lower()}",
        "experiment_id": f"{common.experiment_id}/{name}",
        "logged_as": common.experiment_id,
        "arms": arms,
        "treatment": treatment,
        "alphas": alphas,
    }
