"""``pacer watch``: the watch in a terminal, for people who run the day by cron or a timer."""

import sys
import time
from typing import TYPE_CHECKING

import click

from pacer_pipelines.cli.world import EXIT_STEP_FAILED, with_world
from pacer_pipelines.config import World

if TYPE_CHECKING:
    from pacer_pipelines.orchestration.watch import Tick


@click.command()
@with_world
@click.option("--once", is_flag=True, help="One tick; exit code 1 when it found something for a person")
def watch(world: World, once: bool) -> None:
    """Watch the raw logs as they grow, and take B to 0 % at once when it breaks.

    One line per tick that found something. Stop with Ctrl-C. Beside Dagster, use its sensor immediate_rollback instead.
    """
    # asked for now, so that a missing secret is said before the first tick
    world.pseudonym_key()
    while True:
        bad = _tick(world)
        if once:
            sys.exit(EXIT_STEP_FAILED if bad else 0)
        time.sleep(world.settings.watch_seconds)


def _tick(world: World) -> bool:
    """One tick; whether it found something for a person."""
    from pacer_pipelines.errors import PacerError
    from pacer_pipelines.orchestration.resources import WorldResource
    from pacer_pipelines.orchestration.watch import tick

    # read anew each time, as the sensor does: plans may have been added
    resource = WorldResource(config_file=str(world.config_file))
    try:
        return _print(tick(resource, resource.now()), resource.now().isoformat(" "))
    except (PacerError, OSError) as error:
        click.secho(f"the watch cannot work: {error}", fg="red", err=True)
        return True


def _print(done: "Tick", now: str) -> bool:
    for note in done.notes:
        click.secho(f"{now} {note}", fg="yellow", err=True)
    for outcome in done.outcomes:
        click.secho(f"{now} {outcome.experiment}: {outcome.text}", fg="red" if outcome.bad else None)
    return any(outcome.bad for outcome in done.outcomes)
