"""What dbt did, as Dagster events: materialisations with column lineage, and tests as check results.

The stock DbtCliResource starts dbt three times for the same (docs/adr/0003).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from pacer_pipelines.adapters.warehouse import BuildResult, DbtEvent, Warehouse
from pacer_pipelines.orchestration.column_lineage import ColumnLineage


@dataclass(frozen=True, slots=True)
class DbtEvents:
    """Turns dbt's results into events of one run."""

    manifest: Mapping[str, Any]
    translator: DagsterDbtTranslator
    context: dg.AssetExecutionContext
    warehouse: Warehouse

    def of(self, events: list[DbtEvent], built: BuildResult | None) -> Iterator[Any]:
        """Give the Dagster events of a build.

        Args:
            events: finished models and tests, as dbt told them.
            built: what the build did; None when it failed, then no lineage is worked out.
        """
        lineage = ColumnLineage(self.warehouse.home / "dbt" / "lineage.json", self.warehouse.fingerprint())
        for event in events:
            unique_id = event["data"]["node_info"]["unique_id"]
            asked = built is not None and unique_id not in lineage
            message = DbtCoreCliEventMessage(event, self._columns(unique_id, built, asked))
            told = partial(
                message.to_default_asset_events,
                manifest=self.manifest,
                dagster_dbt_translator=self.translator,
                context=self.context,
                # without a path no lineage is worked out
                target_path=built.target_path if built and asked else None,
            )
            yield from lineage.attach(told, unique_id)
        lineage.save()

    def _columns(self, unique_id: str, built: BuildResult | None, with_parents: bool) -> dict[str, Any]:
        """Column types of a model, and of what it reads when its lineage is asked for."""
        node, known = self.manifest["nodes"][unique_id], built.columns if built else {}
        parents = node["depends_on"]["nodes"] if with_parents else []
        names = [self._relation(parent) for parent in parents]
        return {
            "columns": known.get(str(node.get("relation_name")), {}),
            "parents": {name: {"columns": known[name]} for name in names if name in known},
        }

    def _relation(self, unique_id: str) -> str:
        node = self.manifest["nodes"].get(unique_id) or self.manifest["sources"][unique_id]
        return str(node["relation_name"])
