"""What has been judged, to look at: ``pacer verdict|dashboard|home``."""

import json
import os
from datetime import datetime
from urllib.parse import urlsplit

import click

from pacer_pipelines.cli.history import Row, revision_of, verdict_rows
from pacer_pipelines.cli.world import DATE, Refusal, resource_of, with_world
from pacer_pipelines.config import World

TOKEN_VARIABLE = "PACER_DASHBOARD_TOKEN"


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
@click.option("--port", default=8050, show_default=True, help="TCP port")
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface; another one needs a guard")
@click.option(
    "--proxy-header", default="", metavar="NAME", help="Answer only requests with this header of a proxy"
)
def dashboard(world: World, port: int, host: str, proxy_header: str) -> None:
    """Serve A against B over time as pages; read-only, beside a run.

    Away from 127.0.0.1 it asks for the token of PACER_DASHBOARD_TOKEN, or for the header by which a proxy with a
    login says who asks; without either it does not start.
    """
    from pacer_pipelines.dashboard.app import LOOPBACK, serve
    from pacer_pipelines.dashboard.guard import Guard
    from pacer_pipelines.orchestration.data_docs import docs_folder
    from pacer_pipelines.orchestration.live import LiveLog
    from pacer_pipelines.orchestration.shelf import WorldShelf

    guard = Guard(os.environ.get(TOKEN_VARIABLE, ""), proxy_header)
    if host not in LOOPBACK and not (guard.token or guard.header):
        raise Refusal(
            f"--host: got {host}, allowed: 127.0.0.1, unless {TOKEN_VARIABLE} is set or --proxy-header given"
        )
    public = urlsplit(world.settings.public_url or "").hostname
    click.echo(f"http://{host}:{port}/  (stop with Ctrl-C)")
    serve(
        WorldShelf(world),
        host=host,
        port=port,
        docs=docs_folder(world.home),
        live=LiveLog(resource_of(world)).read,
        guard=guard,
        names=[public] if public else [],
    )


@click.command()
@with_world
def home(world: World) -> None:
    """Print the folder of everything that this world writes, ready for the Dagster UI."""
    from pacer_pipelines.orchestration.instance import instance_folder

    instance_folder(world.home)
    click.echo(world.home)
