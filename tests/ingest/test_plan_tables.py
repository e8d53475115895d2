"""The plans as rows: what the models need of each, and nothing where a plan says nothing."""

from pathlib import Path

import pytest

from pacer_pipelines.ingest.plan_tables import PLAN_TABLES, experiment_rows
from pacer_pipelines.plan import Plan, load_plan

EXAMPLE = Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(EXAMPLE)


def changed(plan: Plan, **primary: object) -> Plan:
    """The same plan with another primary metric, and with latency and cost among its guardrails."""
    content = plan.model_dump()
    content["primary"] |= primary
    margin = {"relative": 0.25}
    content["guardrails"] = [
        {"metric": "latency", "better": "lower", "margin": margin, "winsorise_at": 30_000},
        {"metric": "cost", "better": "lower", "margin": margin, "winsorise_at": 0.05},
    ]
    return Plan.model_validate(content)


def test_a_row_has_exactly_the_columns_of_its_table(plan: Plan) -> None:
    (row,) = experiment_rows([plan])
    assert list(row) == [column.name for column in PLAN_TABLES["experiments"]]


def test_a_plan_that_names_no_covariate_and_no_skewed_metric_lands_without(plan: Plan) -> None:
    (row,) = experiment_rows([plan])
    assert [row[name] for name in ("covariate", "latency_cap", "tokens_cap", "cost_cap")] == [None] * 4


def test_covariate_and_caps_land_as_the_plan_says(plan: Plan) -> None:
    (row,) = experiment_rows([changed(plan, covariate="pre_period")])
    assert (row["covariate"], row["latency_cap"], row["tokens_cap"], row["cost_cap"]) == (
        "pre_period", 30_000, None, 0.05,
    )  # fmt: skip


def test_a_metric_of_cards_is_counted_for_the_plan_that_names_it(plan: Plan) -> None:
    content = plan.model_dump()
    content["secondary"] = [{"metric": "retention", "better": "higher", "margin": {"absolute": 0.05}}]
    rows = experiment_rows([plan, Plan.model_validate(content)])
    assert [(row["counts_card_reviewed_rate"], row["counts_retention"]) for row in rows] == [
        (False, False), (False, True),
    ]  # fmt: skip
