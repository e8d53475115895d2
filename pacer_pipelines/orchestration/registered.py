"""Each plan as it was registered: kept in the home from the day of its first exposure, and never changed there."""

import json
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.plan import Plan


def frozen_hash(home: Path, plan: Plan, rows: MartRows) -> str:
    """Hash of the plan on the day of the first exposure; remembered from then on."""
    known = remembered_hash(home, plan.slug)
    if known is not None:
        return known
    first = min((row.date for row in rows.exposures), default=None)
    if first is not None:
        content = {
            "plan_hash": plan.plan_hash,
            "first_exposure_date": first.isoformat(),
            "plan": plan.content(),
        }
        replace_text(home / "plans" / f"{plan.slug}.json", json.dumps(content, indent=1) + "\n")
    return plan.plan_hash


def remembered_hash(home: Path, slug: str) -> str | None:
    """Hash of a plan as it was registered; None before its first exposure."""
    registered = _registered(home, slug)
    return str(registered["plan_hash"]) if registered else None


def registered_plan(home: Path, slug: str) -> dict[str, Any] | None:
    """A plan's content as it was registered; None before its first exposure."""
    registered = _registered(home, slug)
    return registered["plan"] if registered else None


def _registered(home: Path, slug: str) -> dict[str, Any] | None:
    path = home / "plans" / f"{slug}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
