"""What of a plan is not as it was registered before the first exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlanChange:
    """One key of a plan, by its path, before and now; what is not there is empty."""

    key: str
    before: str
    now: str


def plan_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[PlanChange, ...]:
    """Every key that differs, in the order of the alphabet.

    Args:
        before: a plan's content as JSON gives it, as it was registered.
        now: the same of the plan as it is.
    """
    then, today = _flat(before), _flat(now)
    return tuple(
        PlanChange(key, then.get(key, ""), today.get(key, ""))
        for key in sorted(then.keys() | today.keys())
        if then.get(key) != today.get(key)
    )


def _flat(content: Any, path: str = "") -> dict[str, str]:
    if content is None:
        # what is not given is not there
        return {}
    if not isinstance(content, Mapping | list):
        return {path: str(content)}
    parts = dict(enumerate(content)) if isinstance(content, list) else content
    found: dict[str, str] = {}
    for name, part in parts.items():
        found.update(_flat(part, f"{path}.{name}" if path else str(name)))
    return found
