"""The dbt models as assets, built in this process for the days that a run has to build."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from pacer_pipelines.adapters.warehouse import DbtEvent, Warehouse
from pacer_pipelines.errors import WarehouseFailed
from pacer_pipelines.orchestration import effects, window
from pacer_pipelines.orchestration.dbt_events import DbtEvents
from pacer_pipelines.orchestration.landing_assets import ONE_DAY
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource


class Translator(DagsterDbtTranslator):
    """A landing table is the asset that lands it; models are grouped by layer and owned like everything else."""

    def __init__(self, owners: list[str]) -> None:
        """Keep who answers for the models."""
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._owners = owners

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Owners of a model."""
        return self._owners

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key of a model or source: its bare name."""
        return dg.AssetKey(str(dbt_resource_props["name"]))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Layer of a model: staging, intermediate or marts."""
        fqn = dbt_resource_props.get("fqn", [])
        return str(fqn[1]) if len(fqn) > 2 else None


def mart_keys(home: Path) -> list[dg.AssetKey]:
    """Keys of the marts."""
    nodes = _manifest(home)["nodes"].values()
    return sorted(
        dg.AssetKey(node["name"])
        for node in nodes
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    )


def warehouse_assets(
    partitions: dg.DailyPartitionsDefinition, owners: list[str], home: Path
) -> list[dg.AssetsDefinition]:
    """All models as one step, each of them an asset with its tests as checks.

    Args:
        partitions: days in the plans' time zone.
        owners: who answers for them.
        home: the world's home, where dbt writes its traces.
    """
    manifest, translator = _manifest(home), Translator(owners)

    @dbt_assets(
        manifest=manifest, name="dbt_models", dagster_dbt_translator=translator, partitions_def=partitions,
        backfill_policy=ONE_DAY, pool="duckdb_writer",
    )  # fmt: skip
    def dbt_models(context: dg.AssetExecutionContext, world: WorldResource) -> Iterator[Any]:
        day = date.fromisoformat(context.partition_key)
        days = window.find_window("built", world.landing, world.home, day, effects.first_day(world))
        context.log.info(f"building {days.start} to {days.end}")
        events: list[DbtEvent] = []
        warehouse = Warehouse(world.home, DBT_PROJECT)
        told = DbtEvents(manifest, translator, context, warehouse)
        try:
            built = warehouse.build(days.start, days.end, events.append)
        except WarehouseFailed as error:
            context.log.error(error.detail)
            yield from told.of(events, None)
            raise
        window.remember("built", world.home, days)
        yield from told.of(events, built)

    return [dbt_models]


def _manifest(home: Path) -> dict[str, Any]:
    path = Warehouse(home, DBT_PROJECT).parse_manifest()
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
