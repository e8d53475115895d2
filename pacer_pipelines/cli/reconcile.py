"""``pacer reconcile``: where every row of a day is, from the delivered file into the marts."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from pacer_pipelines.cli.terminal import print_table
from pacer_pipelines.cli.world import DATE, EXIT_HELD, Refusal, with_world
from pacer_pipelines.config import World

if TYPE_CHECKING:
    from pacer_pipelines.adapters.reconciliation import DayFlow, SourceFlow

EXIT_CODES = """\b
Exit codes:
  0  every row is explained
  2  the command line or the configuration is wrong, or nothing has been published yet
  3  rows are not explained; each is said"""


@click.command(epilog=EXIT_CODES)
@with_world
@click.option("--date", "day", type=DATE, required=True, help="A day that has been run")
@click.option("--json", "as_json", is_flag=True, help="One object with files, sources, marts and problems")
def reconcile(world: World, day: datetime, as_json: bool) -> None:
    """Account for every row of a day: delivered, landed, refused, staged, in the marts.

    A row that is in no metric says why. Numbers are held against each other from three records: the ledger of the
    delivered files, the landed Parquet files, and the published marts.
    """
    from pacer_pipelines.adapters import reconciliation
    from pacer_pipelines.errors import NothingPublished

    try:
        (flow,) = reconciliation.reconcile(world.home, [day.date()])
    except NothingPublished as error:
        raise Refusal(str(error)) from error
    if as_json:
        click.echo(json.dumps({**asdict(flow), "problems": flow.problems}, indent=2, default=str))
    else:
        _show(flow)
    sys.exit(EXIT_HELD if flow.problems else 0)


def _show(flow: "DayFlow") -> None:
    delivered = [file for file in flow.files if file.rows_in or file.of_the_day]
    click.echo(f"Files with rows of {flow.day}, or with none that could be used\n")
    print_table(
        ("source", "file", "rows in", "landed", "refused", "of this day"),
        [
            (
                file.source,
                _short(file.file),
                *map(_number, (file.rows_in, file.landed, file.rejected, file.of_the_day)),
            )
            for file in delivered
        ],
    )
    click.echo(f"\nRows of {flow.day}\n")
    print_table(("source", "what", "rows"), [row for source in flow.sources for row in _fates(source)])
    click.echo(f"\nWhat enters the marts on {flow.day}\n")
    print_table(
        ("what", "counted", "in the marts"),
        [(mart.what, _number(mart.counted), _number(mart.in_marts)) for mart in flow.marts],
    )
    if flow.problems:
        click.secho("\nNot explained:", fg="red")
        for problem in flow.problems:
            click.secho(f"  {problem}", fg="red")
    else:
        click.secho("\nEvery row is explained.", fg="green")


def _fates(source: "SourceFlow") -> list[tuple[str, str, str]]:
    rows = [("landed", source.landed)]
    if source.repeated:
        rows.append(("  delivered before", source.repeated))
    rows += [(f"  {fate}", count) for fate, count in sorted(source.fates.items(), key=lambda pair: -pair[1])]
    if source.unexplained:
        rows.append(("  NOT EXPLAINED", source.unexplained))
    return [
        (source.source if not place else "", what, _number(count)) for place, (what, count) in enumerate(rows)
    ]


def _short(name: str) -> str:
    return name if len(name) <= 44 else f"{name[:20]}…{name[-23:]}"


def _number(value: int) -> str:
    return f"{value:,}"
