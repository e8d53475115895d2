"""Column lineage of the models, remembered: working it out costs more than building a day."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from pacer_pipelines.adapters.atomic_file import replace_text

KEY = "dagster/column_lineage"


class ColumnLineage:
    """Lineage by output name, kept beside dbt's traces until the project's fingerprint changes."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Read what is known for this version of the project."""
        self._path, self._fingerprint = path, fingerprint
        self._known: dict[str, str] = self._read()

    def __contains__(self, model: str) -> bool:
        """Whether the lineage of a model is known."""
        return model in self._known

    def attach(self, events: Callable[[], Iterator[Any]], model: str) -> Iterator[Any]:
        """Pass events on; each output carries the model's lineage, and a new lineage is remembered."""
        for event in events():
            if not isinstance(event, dg.Output):
                yield event
                continue
            metadata: dict[str, Any] = dict(event.metadata)
            if KEY in metadata:
                self._known[model] = dg.serialize_value(metadata[KEY].value)
            elif model in self._known:
                metadata[KEY] = dg.deserialize_value(self._known[model], dg.TableColumnLineage)
            yield dg.Output(event.value, event.output_name, metadata=metadata)

    def save(self) -> None:
        """Keep it for the next run."""
        replace_text(
            self._path, json.dumps({"fingerprint": self._fingerprint, "lineage": self._known}) + "\n"
        )

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return dict(content["lineage"]) if content["fingerprint"] == self._fingerprint else {}
