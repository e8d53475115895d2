"""House rules of the dbt project: the grain comes first, a key proves it, and nothing warns."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.errors import WarehouseFailed

# Contributions have no key: two requests may add the same to the same metric on the same day.
KEYLESS = {"int_metric_contributions", "int_decision_contributions"}


@pytest.fixture(scope="module")
def nodes(built: Warehouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(built.parse_manifest().read_text())["nodes"]
    return found


def test_every_model_says_its_grain_first(nodes: dict[str, Any]) -> None:
    models = [node for node in nodes.values() if node["resource_type"] == "model"]
    assert len(models) == 40
    assert [node["name"] for node in models if not node["description"].startswith("One row per ")] == []


def test_every_grain_is_proved_by_a_key_test(nodes: dict[str, Any]) -> None:
    tests = [node for node in nodes.values() if node["resource_type"] == "test"]
    proved = {
        node["attached_node"].split(".")[-1]
        for node in tests
        if node.get("test_metadata", {}).get("name") == "unique_key"
    }
    models = {node["name"] for node in nodes.values() if node["resource_type"] == "model"}
    assert models - proved == KEYLESS


def test_every_mart_is_rebuilt_by_day_under_a_contract(nodes: dict[str, Any]) -> None:
    marts = [
        node for node in nodes.values() if node.get("schema") == "marts" and node["resource_type"] == "model"
    ]
    assert len(marts) == 11
    assert {node["config"]["incremental_strategy"] for node in marts} == {"microbatch"}
    assert all(node["contract"]["enforced"] for node in marts)


def test_every_mart_reads_its_days_one_at_a_time(nodes: dict[str, Any]) -> None:
    """Without an event time on what a mart reads, each batch would put in the rows of all days."""
    for node in nodes.values():
        if node.get("schema") == "marts" and node["resource_type"] == "model":
            read = [nodes[above]["config"].get("event_time") for above in node["depends_on"]["nodes"]]
            assert any(read), node["name"]


def test_the_manifest_is_parsed_again_only_when_a_file_changed(built: Warehouse) -> None:
    manifest = built.parse_manifest()
    before = manifest.stat().st_mtime_ns
    assert built.parse_manifest() == manifest
    assert manifest.stat().st_mtime_ns == before


def test_a_project_that_does_not_parse_is_a_failure_with_the_file(tmp_path: Path, built: Warehouse) -> None:
    project = tmp_path / "project"
    shutil.copytree(built.project_dir, project, ignore=shutil.ignore_patterns("target"))
    (project / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(WarehouseFailed) as caught:
        Warehouse(tmp_path, project).parse_manifest()
    assert re.search(r"broken.*nowhere", caught.value.detail)
