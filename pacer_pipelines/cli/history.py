"""What happened to the traffic, and who or what did it: ``pacer history``."""

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from pacer_pipelines.cli.terminal import print_timeline
from pacer_pipelines.cli.world import with_world
from pacer_pipelines.config import World
from pacer_pipelines.plan import Plan

LISTED = (
    "experiment", "date", "verdict", "rule", "reasons", "share_before", "share_after", "verdict_id", "plan_hash",
    "as_of", "code_version", "inputs_hash",
)  # fmt: skip
Row = dict[str, Any]

if TYPE_CHECKING:
    from pacer_pipelines.adapters.flags import FlagChange
    from pacer_pipelines.adapters.verdicts import Verdicts


@click.command()
@with_world
@click.option("--experiment", help="Slug of one experiment  [default: all]")
@click.option("--verdicts", "only_verdicts", is_flag=True, help="Leave out flag changes and what people did")
@click.option("--json", "as_json", is_flag=True, help="An array; kind says verdict, flag or journal")
def history(world: World, experiment: str | None, only_verdicts: bool, as_json: bool) -> None:
    """List the verdict of each day, every change of the flag, and what people and the watch did."""
    plans = [world.plan(experiment)] if experiment else list(world.plans)
    rows = timeline(world, plans)
    if only_verdicts:
        rows = [row for row in rows if row["kind"] == "verdict"]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        print_timeline(rows)
    else:
        click.echo("no verdict yet: pacer run --date YYYY-MM-DD")


def verdict_rows(
    world: World, experiment: str | None = None, day: date | None = None,
    first: date = date.min, last: date = date.max,
) -> list[Row]:  # fmt: skip
    """The newest verdict of each day as it was written, by date and experiment."""
    from pacer_pipelines.adapters.verdicts import Verdicts

    if experiment is not None:
        world.plan(experiment)
    rows = Verdicts(world.home).history(experiment)
    first, last = (day, day) if day else (first, last)
    return [row for row in rows if first <= date.fromisoformat(row["date"]) <= last]


def timeline(world: World, plans: list[Plan]) -> list[Row]:
    """Verdicts, flag changes and journal entries in one order; a change stands behind the verdict that asked for it."""
    from pacer_pipelines.adapters.flags import flag_changes
    from pacer_pipelines.adapters.journal import Journal
    from pacer_pipelines.adapters.verdicts import Verdicts

    keys = {"", *(plan.flag_key for plan in plans)}
    changes = [change for change in flag_changes(world.flag_history) if change.flag in keys]
    versions = {change.verdict_id: change.to_version for change in changes if change.verdict_id}
    table, journal = Verdicts(world.home), Journal(world.home)
    verdicts = [
        {**_verdict(row, versions), **revision_of(table, plan.slug, row)}
        for plan in plans
        for row in table.history(plan.slug)
    ]
    entries = [_entry(entry.as_dict()) for plan in plans for entry in journal.entries(plan.slug)]
    moments = {row["verdict_id"]: row["as_of"] for row in verdicts}
    rows = [(row["as_of"], 0, row) for row in verdicts]
    rows += [(row["at"], 1, row) for row in entries]
    rows += [(moments.get(row["verdict_id"], row["at"]), 2, row) for row in map(_change, changes)]
    return [row for _, _, row in sorted(rows, key=lambda item: item[:2])]


def revision_of(table: "Verdicts", experiment: str, row: Row) -> Row:
    """How often the day was judged, and why again if late data or a backfill are the reason."""
    newest = table.newest(experiment, date.fromisoformat(row["date"]))
    again = newest.again if newest else None
    return {
        "revision": newest.revision if newest else 0,
        "revised_because": list(again.because) if again else [],
        "revised_from": (again.was or "") if again else "",
    }


def _verdict(row: Row, versions: dict[str, str]) -> Row:
    """A verdict with the flag's version before and after; the flag's log has the latter, as it moves afterwards."""
    before = row["phase"]
    after = versions.get(row["verdict_id"], before)
    listed = {key: row[key] for key in LISTED}
    return {"kind": "verdict", **listed, "flag_version_before": before, "flag_version_after": after}


def _entry(content: Row) -> Row:
    """An entry of the journal; ``what`` is its kind, since here ``kind`` tells rows apart."""
    rest = {key: value for key, value in content.items() if key != "kind"}
    return {"kind": "journal", "what": content["kind"], **rest}


def _change(change: "FlagChange") -> Row:
    return {
        "kind": "flag", "at": change.at.isoformat() + "Z" if change.at else "", "flag": change.flag,
        "variant": change.variant, "from": change.from_version, "to": change.to_version, "share": change.share,
        "who": change.who, "why": change.why, "verdict_id": change.verdict_id, "note": change.note,
    }  # fmt: skip
