"""Why a verdict is what it is, years later: ``pacer replay|replay-bundle|explain``."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pacer_pipelines.cli.terminal import print_table
from pacer_pipelines.cli.world import EXIT_REFUSED, Refusal, resource_of, with_world
from pacer_pipelines.config import World
from pacer_pipelines.errors import PacerError

if TYPE_CHECKING:
    from pacer_pipelines.decisions.replay import Difference
    from pacer_pipelines.orchestration.explain import Explanation
    from pacer_pipelines.orchestration.replay import Rebuilt, Replayed

EXIT_DIFFERS = 1
EXIT_CODES = f"""\b
Exit codes:
  0  every verdict came out again, byte for byte, or its evidence was deleted by request
  {EXIT_DIFFERS}  at least one did not; it is said in which field
  {EXIT_REFUSED}  no such verdict, or what it was made of is not there"""

EXIT_CODES_OF_BUNDLES = f"""\b
Exit codes:
  0  every verdict came out again, byte for byte, or its evidence was deleted by request
  {EXIT_DIFFERS}  at least one did not; it is said in which field
  {EXIT_REFUSED}  no such file, or no bundle"""


@click.command(epilog=EXIT_CODES)
@with_world
@click.argument("verdict_ids", nargs=-1, metavar="[VERDICT_ID]...")
@click.option("--all", "every", is_flag=True, help="Every verdict of this world, every revision")
@click.option(
    "--from-landed", is_flag=True, help="Also build the marts anew from the landed rows, and compare (10 s)"
)
@click.option("--json", "as_json", is_flag=True, help="An array, one object per verdict")
def replay(world: World, verdict_ids: tuple[str, ...], every: bool, from_landed: bool, as_json: bool) -> None:
    """Make verdicts again from everything that had gone into them, and compare byte for byte.

    Each verdict is kept with what it was made of: sums, checks, history, flag shares, plan. Today's code judges it
    again; where it does not say the same, a rule or formula has changed since.
    """
    from pacer_pipelines.orchestration.replay import rebuild, replay_stored

    table = resource_of(world).verdicts
    stored = table.everything() if every else [table.find(verdict_id) for verdict_id in verdict_ids]
    if not stored:
        raise Refusal("there is no verdict yet" if every else "give VERDICT_ID, or --all")
    found = [replay_stored(one) for one in stored]
    rebuilt = [rebuild(resource_of(world), one) if from_landed else () for one in stored]
    if as_json:
        rows = [_as_row(one, parts) for one, parts in zip(found, rebuilt, strict=True)]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for one, parts in zip(found, rebuilt, strict=True):
            _tell(one, parts)
    sys.exit(0 if all(one.as_expected for one in found) else EXIT_DIFFERS)


def _as_row(one: "Replayed", parts: "tuple[Rebuilt, ...]") -> dict[str, Any]:
    row = one.stored.content
    return {
        **{name: row[name] for name in ("verdict_id", "experiment", "date", "verdict", "code_version")},
        "revision": one.stored.revision,
        "identical": one.identical,
        "replayed_by": one.code_version,
        "differences": [asdict(item) for item in one.differences],
        "deleted": list(one.deleted),
        "evidence_cut": one.cut,
        "from_landed": [asdict(part) for part in parts],
    }


def _tell(one: "Replayed", parts: "tuple[Rebuilt, ...]") -> None:
    row = one.stored.content
    name = f"{row['verdict_id']}  {row['experiment']} {row['date']} r{one.stored.revision} {row['verdict']}"
    if one.identical:
        click.echo(
            f"{name}: " + click.style("identical", fg="green") + f", {one.stored.path.stat().st_size:,} bytes"
        )
    elif one.cut:
        click.echo(f"{name}: " + click.style("cannot come out again", fg="yellow") + ", its evidence was cut")
    else:
        _tell_differences(name, one.differences)
    for day in one.deleted:
        click.echo(f"  evidence partly deleted on {day} (pacer forget): what has landed is less than it knew")
    if row["code_version"] != one.code_version:
        click.echo(f"  made by code {row['code_version']}, replayed by {one.code_version}")
    for part in parts:
        changed = "deleted or changed since" if one.deleted else "changed since"
        late = "" if part.recorded == part.rebuilt == part.alike else f"  <- {changed}"
        click.echo(
            f"  {part.table}: {part.recorded} rows, built anew {part.rebuilt}, alike {part.alike}{late}"
        )


def _tell_differences(name: str, found: "tuple[Difference, ...]") -> None:
    click.echo(f"{name}: " + click.style("differs", fg="red"))
    for item in found:
        click.echo(f"  {item.field}: recorded {_short(item.recorded)}, now {_short(item.replayed)}")


@click.command("replay-bundle", epilog=EXIT_CODES_OF_BUNDLES)
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE.zip...")
def replay_bundle(bundles: tuple[Path, ...]) -> None:
    """Judge evidence again that the dashboard gave as a file; it needs no pacer.toml and no world.

    Students are numbered in it, so inputs_hash is taken as recorded; everything else has to come out byte for byte.
    """
    from pacer_pipelines.orchestration.replay import replay_bundle as judge_again

    try:
        found = [judge_again(path) for path in bundles]
    except PacerError as error:
        raise Refusal(str(error)) from error
    for one in found:
        row = one.content
        name = f"{row['verdict_id']}  {row['experiment']} {row['date']} {row['verdict']}"
        if one.identical:
            click.echo(f"{name}: " + click.style("identical", fg="green"))
        elif one.cut:
            click.echo(
                f"{name}: " + click.style("cannot come out again", fg="yellow") + ", its evidence was cut"
            )
        else:
            _tell_differences(name, one.differences)
        if row["code_version"] != one.code_version:
            click.echo(f"  made by code {row['code_version']}, replayed by {one.code_version}")
    sys.exit(0 if all(one.as_expected for one in found) else EXIT_DIFFERS)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."


@click.command()
@with_world
@click.argument("verdict_id")
@click.option("--requests", default=5, show_default=True, help="Raw requests to list per variant")
@click.option("--json", "as_json", is_flag=True, help="The whole chain as one object")
def explain(world: World, verdict_id: str, requests: int, as_json: bool) -> None:
    """Print the chain behind a verdict: findings, mart rows, models, checks, landed files, lines of the log."""
    from pacer_pipelines.orchestration.explain import explain as follow

    found = follow(resource_of(world), verdict_id, requests)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    _print_verdict(found)
    _print_findings(found)
    _print_models(found)
    _print_checks(found)
    _print_landed(found)
    _print_requests(found)


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _print_verdict(found: "Explanation") -> None:
    row = found.verdict
    click.secho(f"{row['verdict'].upper()} {row['experiment']}, {row['date']}: rule {row['rule']}", bold=True)
    for reason in row["reasons"]:
        click.echo(f"  {reason}")
    click.echo(
        f"  verdict {row['verdict_id']} · as of {row['as_of']} · flag version {row['phase']}, "
        f"B {row['share_before']} % -> {row['share_after']} %"
    )
    click.echo(
        f"  plan {row['plan_hash'][:12]} · code {row['code_version']} · inputs {row['inputs_hash'][:12]}"
    )
    for change in found.flag:
        click.echo(
            f"  flag: version {change['from']} -> {change['to']}, B {change['share']:g} %, by {change['who']} at "
            f"{change['at']} UTC"
        )
    if len(found.revisions) > 1:
        told = ", ".join(
            f"r{one['revision']} {one['verdict']} ({one['verdict_id']})" for one in found.revisions
        )
        click.echo(f"  the day was judged {len(found.revisions)} times: {told}")


def _print_findings(found: "Explanation") -> None:
    _heading("Findings, and the mart rows that each was worked out from")
    rows = []
    for one in found.findings:
        mart = one["mart"]
        sums = (
            [f"{mart[v]['y']:,.0f} / {mart[v]['n']:,.0f}" for v in ("control", "treatment")]
            if mart
            else ["-", "-"]
        )
        rows.append(
            (one["metric"], one["label"], _number(one["effect"]), _number(one["z_star"]), _number(one["bar"]),
             f"{mart['rows']}" if mart else "-", *sums)
        )  # fmt: skip
    print_table(("metric", "finding", "effect", "z*", "bar", "rows", "y / n of A", "y / n of B"), rows)
    click.echo("  a finding without rows of its own is worked out from those of another table or metric")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _print_models(found: "Explanation") -> None:
    _heading("Models, from the mart down to what landed")
    for model, parents in found.models.items():
        click.echo(f"  {model} <- {', '.join(parents)}")


def _print_checks(found: "Explanation") -> None:
    failed = found.checks["failed"]
    _heading(f"Checks: {found.checks['passed']} passed, {len(failed)} failed")
    for check in failed:
        click.echo(f"  {check['name']} ({check['severity']}): {check['detail']}")


def _print_landed(found: "Explanation") -> None:
    _heading("What had landed, by file")
    for table in found.landed:
        state = "changed since" if table["changed"] else "unchanged since"
        click.echo(f"  {table['table']} {table['recorded'][:12]} ({state})")
        for file in table["files"][-12:]:
            click.echo(
                f"    {_file_name(file['file'])}: {file['rows_in']:,} rows in = {file['landed']:,} landed + "
                f"{file['rejected']:,} rejected{_forgotten(file)}, sha256 {file['sha256'][:12]}"
            )
        if len(table["files"]) > 12:
            click.echo(f"    … and {len(table['files']) - 12} earlier files (--json has all)")


def _forgotten(file: dict[str, Any]) -> str:
    return f" + {file['forgotten']:,} forgotten" if file["forgotten"] else ""


def _file_name(name: str) -> str:
    """A pseudonym of a path takes most of a line and tells nothing."""
    return name if len(name) <= 50 else f"{name[:20]}…{name[-20:]}"


def _print_requests(found: "Explanation") -> None:
    for one in found.requests:
        same = "" if one["in_marts"] == one["landed"] else "; not as many: data came, or models changed since"
        _heading(
            f"Requests of {one['variant']}: {one['in_marts']:,} in the marts, {one['landed']:,} landed, "
            f"{one['left_out']:,} of them left out by the plan{same}"
        )
        for line in one["lines"]:
            click.echo(
                f"  {line['exposure_id']}  log_id {line['log_id'] or '-'}  {line['source_file']}:{line['source_line']}"
            )
