"""The way back from a verdict to the lines of the logs, link by link."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.flags import flag_changes
from pacer_pipelines.adapters.trace import landed_requests
from pacer_pipelines.adapters.verdicts import Stored
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.decisions.evidence import Inputs
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.replay import from_plain
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration import window
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource
from pacer_pipelines.plan import Plan

LEFT_OUT_COLUMNS = {"school": "school", "grade": "grade", "coach": "coach_key"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The chain behind one verdict, link by link; every part JSON-ready."""

    verdict: dict[str, Any]
    revisions: tuple[dict[str, Any], ...]
    flag: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, Any], ...]
    models: dict[str, tuple[str, ...]]
    checks: dict[str, Any]
    landed: tuple[dict[str, Any], ...]
    requests: tuple[dict[str, Any], ...]


def explain(world: WorldResource, verdict_id: str, limit: int = 5) -> Explanation:
    """The way from a verdict to the lines of the logs.

    Args:
        world: the world.
        verdict_id: the verdict, or the beginning of its id.
        limit: how many raw requests to list per variant.

    Raises:
        VerdictUnknown: there is none.
        SourceUnreadable: what it was made of is not there.
    """
    stored = world.verdicts.find(verdict_id)
    verdict = Verdict.from_dict(stored.content)
    inputs, plan = from_plain(stored.made_of)
    return Explanation(
        verdict=stored.content,
        revisions=tuple(_revision(other) for other in world.verdicts.revisions(plan.slug, verdict.date)),
        flag=tuple(
            {
                "at": str(change.at),
                "from": change.from_version,
                "to": change.to_version,
                "share": change.share,
                "who": change.who,
            }
            for change in flag_changes(world.world.flag_history, plan.flag_key)
            if change.verdict_id == verdict.verdict_id
        ),
        findings=tuple(_finding(finding, inputs.rows) for finding in stored.content["findings"]),
        models=lineage(world.home),
        checks={
            "passed": sum(check.passed for check in verdict.checks),
            "failed": [check for check in stored.content["checks"] if not check["passed"]],
        },
        landed=_landed(world, verdict, plan),
        requests=tuple(
            _requests(world, inputs, plan, variant, limit) for variant in ("control", "treatment")
        ),
    )


def _revision(stored: Stored) -> dict[str, Any]:
    row = stored.content
    return {"revision": stored.revision, **{name: row[name] for name in ("verdict_id", "verdict", "rule")}}


def _finding(finding: dict[str, Any], rows: MartRows) -> dict[str, Any]:
    """A finding with the mart rows that it was worked out from, added up by variant."""
    own = [row for row in rows.metrics if row.metric == finding["metric"]]
    shown = {
        name: finding[name]
        for name in ("metric", "role", "label", "effect", "z_star", "bar", "passes", "alarm")
    }
    if not own:
        return {**shown, "mart": None}
    sums = {
        variant: {"n": sum(row.n for row in own if row.variant == variant),
                  "y": sum(row.y for row in own if row.variant == variant)}
        for variant in ("control", "treatment")
    }  # fmt: skip
    strata = {(row.coach, row.phase) for row in own}
    return {**shown, "mart": {"table": "metric_sums_daily", "rows": len(own), "strata": len(strata), **sums}}


def lineage(home: Path, mart: str = "metric_sums_daily") -> dict[str, tuple[str, ...]]:
    """Each model behind a mart with what it is built from, down to the landed tables; from dbt's own manifest."""
    manifest = json.loads(Warehouse(home, DBT_PROJECT).parse_manifest().read_text(encoding="utf-8"))
    parents: dict[str, list[str]] = manifest["parent_map"]
    found: dict[str, tuple[str, ...]] = {}
    waiting = [next(key for key in parents if key.startswith("model.") and key.endswith(f".{mart}"))]
    while waiting:
        name = waiting.pop(0)
        short = name.rpartition(".")[2]
        if name.startswith("model.") and short not in found:
            found[short] = tuple(sorted(parent.rpartition(".")[2] for parent in parents[name]))
            waiting += parents[name]
    return found


def _landed(world: WorldResource, verdict: Verdict, plan: Plan) -> tuple[dict[str, Any], ...]:
    """Each landed table: whether it is as the verdict knew it, and the files that it came from."""
    now = window.partitions(world.landing, world.home, verdict.date, plan.start_date)
    return tuple(
        {
            "table": table,
            "recorded": digest,
            "now": now.get(table),
            "changed": now.get(table) != digest,
            "files": [
                {"file": receipt.file, "sha256": receipt.sha256, "rows_in": receipt.rows_in, "landed": receipt.landed,
                 "rejected": receipt.rejected, "forgotten": receipt.forgotten}
                for receipt in world.landing.receipts(table)
                if _knowable(receipt.per_day, verdict.date)
            ],
        }
        for table, digest in sorted(verdict.partitions.items())
    )  # fmt: skip


def _knowable(per_day: dict[str, int], day: date) -> bool:
    return any(part == "undated" or part <= day.isoformat() for part in per_day) or not per_day


def _requests(world: WorldResource, inputs: Inputs, plan: Plan, variant: str, limit: int) -> dict[str, Any]:
    """Requests of one variant in the marts and in the landing, and the first lines of the log."""
    served = plan.control if variant == "control" else plan.treatment
    left_out: dict[str, list[str]] = {}
    for segment in plan.left_out:
        value = world.pseudonyms.coach(segment.value) if segment.attribute == "coach" else segment.value
        left_out.setdefault(LEFT_OUT_COLUMNS[segment.attribute], []).append(value)
    landed = landed_requests(
        world.home, plan.logged_id, served.variant, inputs.date, left_out=left_out, limit=limit
    )
    counted = round(sum(row.exposures for row in inputs.rows.exposures if row.variant == variant))
    return {
        "variant": served.variant,
        "in_marts": counted,
        "landed": landed.total,
        "left_out": landed.left_out,
        "lines": [line._asdict() for line in landed.first],
    }
