"""What has been judged, to look at: ``pacer verdict|dashboard|home``."""

import json
from datetime import datetime

import click

from pacer_pipelines.cli.history import Row, revision_of, verdict_rows
from pacer_pipelines.cli.world import DATE, Refusal, resource_of, with_world
from pacer_pipelines.config import World


@click.command()
@with_world
@click.option("--date", "day", type=DATE, required=True, help="The day that was judged")
@click.option("--experiment", help="Slug of the experiment  [default: the only one]")
@click.option("--locale", type=click.Choice(["en", "ko"]), help="Language  [default: the plan's]")
@click.option("--json", "as_json", is_flag=True, help="One object with all findings and checks")
def verdict(world: World, day: datetime, experiment: str | None, locale: str | None, as_json: bool) -> None:
    """Show one verdict with all its findings."""
    rows = verdict_rows(world, experiment, day=day.date())
    if not rows:
        raise Refusal(f"{day.date()} has no verdict; judge it with: pacer run --date {day.date()}")
    if as_json and len(rows) > 1:
        raise Refusal("--experiment: several were judged: " + ", ".join(row["experiment"] for row in rows))
    if as_json:
        click.echo(json.dumps({**rows[0], **_revision(world, rows[0])}, indent=2, ensure_ascii=False))
        return
    from pacer_pipelines.decisions.report import plain_text, report, report_in
    from pacer_pipelines.decisions.values import Verdict

    for row in rows:
        plan = world.plan(row["experiment"])
        click.echo(plain_text(report_in(report(Verdict.from_dict(row), plan), locale or plan.language)))
        revision = _revision(world, row)
        for why in revision["revised_because"]:
            was = revision["revised_from"] or "not judged"
            click.echo(f"revision {revision['revision']}, was {was}: revised because {why}")


def _revision(world: World, row: Row) -> Row:
    from pacer_pipelines.adapters.verdicts import Verdicts

    return revision_of(Verdicts(world.home), row["experiment"], row)


@click.command()
@with_world
@click.option("--port", default=8050, show_default=True, help="TCP port on the loopback interface")
def dashboard(world: World, port: int) -> None:
    """Serve A against B over time as pages; read-only, beside a run."""
    from pacer_pipelines.dashboard.app import serve
    from pacer_pipelines.orchestration.data_docs import docs_folder
    from pacer_pipelines.orchestration.live import LiveLog
    from pacer_pipelines.orchestration.shelf import WorldShelf

    click.echo(f"http://127.0.0.1:{port}/  (stop with Ctrl-C)")
    resource = resource_of(world)
    log = LiveLog(resource)
    serve(
        WorldShelf(world),
        port=port,
        docs=docs_folder(world.home),
        live=lambda plan, since: log.read(plan, since, resource.now()),
    )


@click.command()
@with_world
def home(world: World) -> None:
    """Print the folder of everything that this world writes, ready for the Dagster UI."""
    from pacer_pipelines.orchestration.instance import instance_folder

    instance_folder(world.home)
    click.echo(world.home)
