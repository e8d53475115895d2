"""``pacer outbox``: what the outbox knows of each message."""

import json

import click

from pacer_pipelines.cli.terminal import print_table
from pacer_pipelines.cli.world import with_world
from pacer_pipelines.config import World

HEAD = ("date", "message", "state", "where", "waits since (UTC)", "missing")


@click.command()
@with_world
@click.option("--waiting", is_flag=True, help="Only what is not in Slack yet")
@click.option("--json", "as_json", is_flag=True, help="An array, one object per message")
def outbox(world: World, waiting: bool, as_json: bool) -> None:
    """List the messages to Slack: posted, waiting with the reason, or rendered to a file."""
    from pacer_pipelines.adapters.slack_outbox import entries

    rows = []
    for path, entry in entries(world.home / "outbox"):
        if entry is None:
            rows.append(("?", path.name, "damaged", "", "", "nothing is sent from it"))
        elif entry.missing or not waiting:
            lacks = ", ".join(entry.missing) + (f": {entry.problem}" if entry.problem else "")
            where = "a file beside it" if entry.state == "rendered" else entry.where
            rows.append((entry.date, path.stem, entry.state, where, entry.first_tried, lacks))
    if as_json:
        click.echo(json.dumps([dict(zip(HEAD, row, strict=True)) for row in rows], indent=2))
    elif rows:
        print_table(HEAD, rows)
    else:
        click.echo("nothing waits" if waiting else "no message yet")
