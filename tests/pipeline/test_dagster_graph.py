"""What somebody sees who opens the Dagster UI: the way from logs to verdict, told by the graph itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from pacer_pipelines.config import load_world
from pacer_pipelines.orchestration.definitions import DAILY, build_definitions

from .worlds import PLAN, ROOT, World

SUITES = sorted((ROOT / "expectations").glob("*.json"))
LOGS = (
    "exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews", "anki_card_links",
    "roster",
)  # fmt: skip
MARTS = (
    "metric_sums_daily", "student_sums_daily", "segment_sums_daily", "ratings_by_decision_daily", "units_daily",
    "exposures_daily", "served_identities_daily", "row_fates_daily", "rows_hourly", "rating_delays_daily",
    "cards_daily",
)  # fmt: skip
STORY = ("exposures", "stg_exposures", "int_requests", "metric_sums_daily", "published_marts", "verdicts")
GROUPS = {"landing", "completeness", "staging", "intermediate", "marts", "verdict", "effects"}


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    """The example, owned by somebody whom Dagster can show."""
    world = new_world()
    text = world.plan_file.read_text(encoding="utf-8")
    owner = tomllib.loads(text)["owner"]
    world.plan_file.write_text(text.replace(owner, "team:llm-quality"), encoding="utf-8")
    return world


@pytest.fixture(scope="module")
def definitions(world: World) -> dg.Definitions:
    return build_definitions(load_world(world.config))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def upstream(graph: AssetGraph, name: str) -> set[str]:
    """Names of everything that an asset rests on."""
    found: set[str] = set()
    waiting = [dg.AssetKey(name)]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent.to_user_string() not in found:
                found.add(parent.to_user_string())
                waiting.append(parent)
    return found


def names(graph: AssetGraph) -> set[str]:
    return {key.to_user_string() for key in graph.get_all_asset_keys()}


def test_every_asset_tells_what_it_is(graph: AssetGraph) -> None:
    assert {*LOGS, *MARTS, "log_checks", "published_marts", "verdicts", "traffic_flag"} <= names(graph)
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert len(node.description) > 20, key
        assert node.group_name in GROUPS, key
        assert node.kinds, key
        assert node.owners == ["team:llm-quality"], key


def test_every_asset_is_a_day_in_the_plans_time_zone(graph: AssetGraph) -> None:
    plan = tomllib.loads(PLAN.read_text(encoding="utf-8"))
    for key in graph.get_all_asset_keys():
        partitions = graph.get(key).partitions_def
        assert isinstance(partitions, dg.DailyPartitionsDefinition), key
        assert partitions.timezone == plan["timezone"]
        assert partitions.get_first_partition_key() == str(plan["start_date"])


def test_descriptions_of_tables_begin_with_their_grain(graph: AssetGraph) -> None:
    for name in (*LOGS, *MARTS, "log_checks", "verdicts"):
        description = graph.get(dg.AssetKey(name)).description
        assert description is not None
        assert description.startswith("One row per"), name


def test_the_message_rests_on_every_log(graph: AssetGraph) -> None:
    assert {*LOGS, *MARTS, "log_checks", "verdicts", "traffic_flag"} <= upstream(graph, "slack_message")


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(STORY)))
def test_the_story_reads_from_log_to_verdict(graph: AssetGraph, earlier: str, later: str) -> None:
    assert earlier in upstream(graph, later)
    assert later not in upstream(graph, earlier)


def test_checks_never_stand_before_the_models(graph: AssetGraph) -> None:
    """A failing expectation must not stop the sums on which a rollback rests."""
    for mart in MARTS:
        assert "log_checks" not in upstream(graph, mart)
    sources = {dg.AssetKey(suite.stem) for suite in SUITES}
    for key in graph.asset_check_keys:
        assert key.asset_key not in sources or not graph.get(key).blocking, key


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_each_expectation_is_a_check_on_its_source(graph: AssetGraph, suite: Path) -> None:
    attached = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(suite.stem)}
    for expectation in json.loads(suite.read_text(encoding="utf-8"))["expectations"]:
        assert expectation["meta"]["name"] in attached
        check = graph.get(dg.AssetCheckKey(dg.AssetKey(suite.stem), expectation["meta"]["name"]))
        assert check.description == expectation["meta"]["why"]


def test_dbt_tests_are_checks_on_their_models(graph: AssetGraph) -> None:
    for mart in MARTS:
        assert [key for key in graph.asset_check_keys if key.asset_key == dg.AssetKey(mart)], mart


def test_only_doors_are_tried_again(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(DAILY)
    retried = {node.name for node in job.nodes if node.definition.retry_policy is not None}  # type: ignore[attr-defined]
    assert retried
    assert retried <= {*LOGS, "pacer_database", "anki_exports", "traffic_flag", "slack_message"}


def test_the_day_is_judged_in_the_morning_of_the_plans_time_zone(definitions: dg.Definitions) -> None:
    (schedule,) = definitions.get_repository_def().schedule_defs
    assert schedule.job_name == DAILY
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.execution_timezone == tomllib.loads(PLAN.read_text(encoding="utf-8"))["timezone"]


def test_dagster_phones_nobody(world: World) -> None:
    assert world.pacer("home").stdout.strip() == str(world.home)
    settings = (world.home / "dagster" / "dagster.yaml").read_text(encoding="utf-8")
    assert "telemetry: {enabled: false}" in settings


def test_the_workspace_loads(world: World, tmp_path: Path) -> None:
    """``workspace.yaml`` as Dagster's own command line reads it."""
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(ROOT / "workspace.yaml")],
        env={**os.environ, "PACER_CONFIG": str(world.config), "DAGSTER_HOME": str(tmp_path),
             "DAGSTER_DISABLE_TELEMETRY": "yes"},
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pacer_pipelines" in done.stdout + done.stderr
