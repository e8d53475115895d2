"""The reviewed suites as files: an expectation that cannot explain itself is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pacer_pipelines.errors import ConfigInvalid

if TYPE_CHECKING:
    import pandas as pd

META = ("name", "frame", "why", "expected", "observed", "says")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    ">": lambda column, value: column > value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
}


@dataclass(frozen=True)
class Suite:
    """One suite file: its source, who owns it, and its expectations, frame by frame."""

    source: str
    owner: str
    frames: dict[str, list[dict[str, Any]]]


def read_suite(path: Path) -> Suite:
    """Read one suite file.

    Raises:
        ConfigInvalid: it is no suite, or an expectation lacks what explains it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        expectations = content["expectations"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigInvalid(f"{path.name}: not a suite: {error}") from error
    frames: dict[str, list[dict[str, Any]]] = {}
    for number, expectation in enumerate(expectations, start=1):
        meta = expectation.get("meta", {})
        missing = [key for key in META if not meta.get(key)]
        if missing or expectation.get("severity") not in ("critical", "warning"):
            lacks = ", ".join(missing) or "severity critical or warning"
            raise ConfigInvalid(f"{path.name}: expectation {number} ({meta.get('name')}): lacks {lacks}")
        if not (path.parent / "frames" / f"{meta['frame']}.sql").is_file():
            raise ConfigInvalid(f"{path.name}: {meta['name']}: no frame frames/{meta['frame']}.sql")
        frames.setdefault(meta["frame"], []).append(expectation)
    return Suite(path.stem, content.get("meta", {}).get("owner", ""), frames)


def nearest(frame: pd.DataFrame, expectation: Mapping[str, Any]) -> float | None:
    """The day's number of an expectation: of its column, in the row nearest to the threshold.

    Args:
        frame: the rows that were judged.
        expectation: a suite's; ``meta.trend`` names another column, and then all rows count.
    """
    kwargs, trend = expectation["kwargs"], expectation["meta"].get("trend")
    rows = frame if trend else frame[_meant(frame, kwargs.get("row_condition"))]
    column = rows[trend or kwargs["column"]].dropna()
    if column.empty or "value_set" in kwargs:
        return None
    return float(column.max() if kwargs.get("max_value") is not None else column.min())


def _meant(frame: pd.DataFrame, condition: Mapping[str, Any] | None) -> pd.Series[bool]:
    """Rows that a row condition of Great Expectations means."""
    import pandas as pd

    everything = pd.Series(True, index=frame.index)
    if condition is None:
        return everything
    if condition["type"] == "and":
        for part in condition["conditions"]:
            everything &= _meant(frame, part)
        return everything
    column = frame[condition["column"]["name"]]
    found: pd.Series[bool] = _OPERATORS[condition["operator"]](column, condition["parameter"])
    return found.fillna(False).astype(bool)
