"""What the commands share: their world from --config, refusals in one clear line, exit codes."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pacer_pipelines.config import World, find_config, load_world
from pacer_pipelines.errors import PacerError

if TYPE_CHECKING:
    from pacer_pipelines.orchestration.resources import WorldResource

EXIT_STEP_FAILED, EXIT_REFUSED, EXIT_HELD = 1, 2, 3

DATE = click.DateTime(formats=["%Y-%m-%d"])

config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE",
    help="The world's pacer.toml  [default: $PACER_CONFIG, else ./pacer.toml]",
)  # fmt: skip


class Refusal(click.ClickException):
    """What a command does not accept, said in one line; nothing was changed."""

    exit_code = EXIT_REFUSED


def with_world(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its world from --config, and say refusals in one clear line."""

    @config_option
    @wraps(command)
    def inner(config_file: Path | None, **arguments: Any) -> Any:
        try:
            return command(world=load_world(find_config(config_file)), **arguments)
        except PacerError as error:
            raise Refusal(str(error)) from error

    return inner


def resource_of(world: World) -> "WorldResource":
    """The world with its doors and its clock."""
    from pacer_pipelines.orchestration.resources import WorldResource

    return WorldResource(config_file=str(world.config_file))
