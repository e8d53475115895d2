"""Deletion at a terminal: ``pacer forget|retain``."""

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from pacer_pipelines.cli.terminal import print_table
from pacer_pipelines.cli.world import Refusal, resource_of, with_world
from pacer_pipelines.config import World
from pacer_pipelines.errors import PacerError

if TYPE_CHECKING:
    from pacer_pipelines.adapters.deletions import Deletion


@click.command()
@with_world
@click.option(
    "--student", "students", multiple=True, metavar="ID", help="Student id as PACER has it; repeatable"
)
@click.option(
    "--from-file",
    "file",
    type=click.File(encoding="utf-8"),
    help="One student id a line; - reads standard input",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing")
@click.option("--finish", is_flag=True, help="Finish a deletion that was interrupted; no id is needed")
def forget(world: World, students: tuple[str, ...], file: TextIO | None, dry_run: bool, finish: bool) -> None:
    """Remove every trace of students, for good, and let none of it land again.

    The pseudonym is worked out from the id and the key; the id is printed and kept nowhere. A shell keeps what is
    typed, so --from-file - is better than --student.
    """
    from pacer_pipelines.orchestration import forgetting

    resource = resource_of(world)
    given = [*students, *(line.strip() for line in file or () if line.strip())]
    if bool(given) == finish:
        raise Refusal("give --student ID or --from-file FILE, or --finish alone")
    world.pseudonym_key()
    if finish:
        done = forgetting.finish_begun(resource)
        if done is None:
            raise Refusal("no deletion was interrupted")
    else:
        found = forgetting.preview(resource, given)
        for place in found.unknown:
            click.secho(
                f"id {place} of {len(given)}: nothing of this student has landed", fg="yellow", err=True
            )
        if dry_run:
            _print_rows(found.rows, "rows that would go")
            return
        click.echo("removing, and building the marts anew ...", err=True)
        try:
            done = forgetting.forget(resource, given)
        except PacerError as error:
            raise click.ClickException(
                f"{error}\nnot finished; when it is mended: pacer forget --finish"
            ) from error
    _tell(*done)


@click.command()
@with_world
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing")
def retain(world: World, dry_run: bool) -> None:
    """Remove landed rows that are older than [retention] in pacer.toml allows and no running experiment needs."""
    from pacer_pipelines.orchestration import forgetting

    resource = resource_of(world)
    world.pseudonym_key()
    first = forgetting.expired_before(resource)
    if first is None:
        raise Refusal(
            "nothing may go: [retention] landing_days is not set, or a running experiment has a covariate"
        )
    click.echo(f"rows of before {first} are too old")
    if dry_run:
        _print_rows(forgetting.expired(resource), "rows that would go")
    elif (done := forgetting.retain(resource)) is not None:
        _tell(*done)
    else:
        click.echo("there are none")


def _tell(report: "Deletion", path: Path) -> None:
    _print_rows(report.rows, "rows removed")
    for what, number in report.removed.items():
        click.echo(f"{number} {what}")
    click.echo(f"{len(report.verdicts)} verdicts stay as they were recorded; pacer replay says so of each")
    for line in report.remains:
        click.echo(f"stays: {line}")
    click.echo(f"report: {path}")


def _print_rows(rows: dict[str, int], head: str) -> None:
    print_table(("table", head), [(table, f"{number:,}") for table, number in sorted(rows.items())])
