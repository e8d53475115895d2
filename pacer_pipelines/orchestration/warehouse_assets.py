"""The dbt models as assets, built in this process for the days that a run has to build."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from pacer_pipelines.adapters.warehouse import BuildResult, DbtEvent, Warehouse
from pacer_pipelines.errors import WarehouseFailed
from pacer_pipelines.orchestration import effects, window
from pacer_pipelines.orchestration.column_lineage import ColumnLineage
from pacer_pipelines.orchestration.landing_assets import ONE_DAY
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource


class Translator(DagsterDbtTranslator):
    """A landing table is the asset that lands it; models are grouped by layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key of a model or source: its bare name."""
        return dg.AssetKey(str(dbt_resource_props["name"]))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Layer of a model: staging, intermediate or marts."""
        fqn = dbt_resource_props.get("fqn", [])
        return str(fqn[1]) if len(fqn) > 2 else None


TRANSLATOR = Translator(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))


def mart_keys(home: Path) -> list[dg.AssetKey]:
    """Keys of the marts."""
    nodes = _manifest(home)["nodes"].values()
    return sorted(
        dg.AssetKey(node["name"])
        for node in nodes
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    )


def warehouse_assets(partitions: dg.DailyPartitionsDefinition, home: Path) -> list[dg.AssetsDefinition]:
    """All models as one step, each of them an asset with its tests as checks.

    Args:
        partitions: days in the plans' time zone.
        home: the world's home, where dbt writes its traces.
    """
    manifest = _manifest(home)

    @dbt_assets(
        manifest=manifest, name="dbt_models", dagster_dbt_translator=TRANSLATOR, partitions_def=partitions,
        backfill_policy=ONE_DAY, pool="duckdb_writer",
    )  # fmt: skip
    def dbt_models(context: dg.AssetExecutionContext, world: WorldResource) -> Iterator[Any]:
        day = date.fromisoformat(context.partition_key)
        days = window.find_window("built", world.landing, world.home, day, effects.first_day(world))
        context.log.info(f"building {days.start} to {days.end}")
        events: list[DbtEvent] = []
        warehouse = Warehouse(world.home, DBT_PROJECT)
        try:
            built = warehouse.build(days.start, days.end, events.append)
        except WarehouseFailed:
            yield from as_dagster_events(events, None, manifest, context, warehouse)
            raise
        window.remember("built", world.home, days)
        yield from as_dagster_events(events, built, manifest, context, warehouse)

    return [dbt_models]


def as_dagster_events(
    events: list[DbtEvent],
    built: BuildResult | None,
    manifest: Mapping[str, Any],
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
) -> Iterator[Any]:
    """Turn dbt's results into materialisations with column lineage, and its tests into check results.

    The stock DbtCliResource starts dbt three times for the same (docs/adr/0003).
    """
    lineage = ColumnLineage(warehouse.home / "dbt" / "lineage.json", warehouse.fingerprint())
    columns = built.columns if built else {}
    for event in events:
        unique_id = event["data"]["node_info"]["unique_id"]
        node = manifest["nodes"][unique_id]
        names = [] if unique_id in lineage else _parents(node, manifest)
        history = {
            "columns": columns.get(str(node.get("relation_name")), {}),
            "parents": {name: {"columns": columns[name]} for name in names if name in columns},
        }
        message = DbtCoreCliEventMessage(event, history)
        told = partial(
            message.to_default_asset_events,
            manifest=manifest,
            dagster_dbt_translator=TRANSLATOR,
            context=context,
            # without a path no lineage is worked out
            target_path=built.target_path if built and unique_id not in lineage else None,
        )
        yield from lineage.attach(told, unique_id)
    lineage.save()


def _parents(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    """Relation names of the models and sources that a model reads."""
    parents = [
        manifest["nodes"].get(name) or manifest["sources"].get(name) for name in node["depends_on"]["nodes"]
    ]
    return [str(parent["relation_name"]) for parent in parents if parent]


def _manifest(home: Path) -> dict[str, Any]:
    path = Warehouse(home, DBT_PROJECT).parse_manifest()
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
