"""Fields of a log line that no parser knows: kept without their content, and told when a known one went missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Record

FIELDS_KEPT = 20
# a word of a programmer; a student's id has more digits in a row, and other names have other letters
_NAME = re.compile(r"(?!.*[0-9]{3})[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_TYPES = {
    str: "text", bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip


@dataclass(frozen=True)
class LogFields:
    """The fields of one log.

    Args:
        known: Names at the top of a line, read or passed over on purpose.
        inside: Name of a known object -> the names known in it.
    """

    known: frozenset[str]
    inside: dict[str, frozenset[str]] = field(default_factory=dict)

    def unknown(self, record: Record) -> Iterator[tuple[str, Any]]:
        """Give name and value of what is not known, one inside an object as `object.name`."""
        yield from ((name, record[name]) for name in sorted(record.keys() - self.known))
        for name, known in self.inside.items():
            if not self._knows(record, name):
                value = record[name]
                yield from ((f"{name}.{inner}", value[inner]) for inner in sorted(value.keys() - known))

    def _knows(self, record: Record, name: str) -> bool:
        value = record.get(name)
        return type(value) is not dict or value.keys() <= self.inside[name]

    def quarantined(self, record: Record, keys: Pseudonyms) -> str | None:
        """Give the unknown fields as a JSON object, name -> type, length and keyed hash; None when there is none.

        Neither a value nor a name that looks like no field's name is repeated, since it may be a child's. Truth values
        and nulls say nothing of anybody and are kept. Of more than 20 fields the rest is counted under the name "".
        """
        if record.keys() <= self.known:
            for name in self.inside:
                if not self._knows(record, name):
                    break
            else:
                return None
        found = [(_shown(name, keys), _described(value, keys)) for name, value in self.unknown(record)]
        kept: dict[str, object] = dict(found[:FIELDS_KEPT])
        if len(found) > FIELDS_KEPT:
            kept[""] = len(found) - FIELDS_KEPT
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))

    def likely(self, missing: str, record: Record) -> str | None:
        """Give the unknown field of a line that a missing one is likely called now, None if there is none."""
        names = {_plain(name): name for name, _ in self.unknown(record) if _NAME.fullmatch(name)}
        close = get_close_matches(_plain(missing), names, n=1, cutoff=0.7)
        if close:
            return names[close[0]]
        return next(iter(names.values())) if len(names) == 1 else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def _shown(name: str, keys: Pseudonyms) -> str:
    return name if _NAME.fullmatch(name) else keys.content(json.dumps(name))


def _described(value: Any, keys: Pseudonyms) -> dict[str, object]:
    described: dict[str, object] = {"type": _TYPES[type(value)]}
    if type(value) is bool:
        described["value"] = value
    elif value is not None:
        spelt = json.dumps(value, sort_keys=True)
        described["length"] = len(value) if isinstance(value, str | list | dict) else len(spelt)
        described["hash"] = keys.content(spelt)
    return described
