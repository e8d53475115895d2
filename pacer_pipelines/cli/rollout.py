"""A person's hand on the traffic: ``pacer approve|rollback|acknowledge|flag``, through the one door, and logged."""

import getpass
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pacer_pipelines.cli.world import EXIT_STEP_FAILED, Refusal, resource_of, with_world
from pacer_pipelines.config import World
from pacer_pipelines.errors import FlagRefused

if TYPE_CHECKING:
    from pacer_pipelines.orchestration.resources import WorldResource
    from pacer_pipelines.plan import Plan


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def signed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Ask for who and why, which are kept with what is done."""
    who = click.option(
        "--who", default=_user, show_default="your user name", help="Who decides; kept and shown"
    )
    why = click.option(
        "--why", required=True, help="The reason; kept and shown, so no names of students or coaches"
    )
    return who(why(command))


@click.command()
@with_world
@click.argument("verdict_id")
@signed
def approve(world: World, verdict_id: str, who: str, why: str) -> None:
    """Let a promotion move the flag, where the plan says approval = "required".

    VERDICT_ID is in the message, or its first digits. Refused when the promotion is too old, a later verdict speaks
    against it, or the flag has moved since.
    """
    from pacer_pipelines.orchestration.approval import approve as give

    resource = resource_of(world)
    click.echo(give(resource, verdict_id, resource.now(), who, why))


@click.command()
@with_world
@click.argument("experiment")
@signed
def rollback(world: World, experiment: str, who: str, why: str) -> None:
    """Take B to 0 % now and close the experiment; only a new plan reopens it."""
    from pacer_pipelines.orchestration.rollback import roll_back
    from pacer_pipelines.orchestration.watch_closed import told

    resource, plan = resource_of(world), world.plan(experiment)
    _own_flag(resource, plan)
    problem = ""
    try:
        entry, outcome = roll_back(resource, plan, resource.now(), who, why, {"by": "hand"})
        click.echo(f"{experiment}: {outcome}; closed by entry {entry.entry_id} of its journal")
    except FlagRefused as error:
        problem = f"the experiment is closed, but the flag was not moved: {error}"
        click.secho(problem, fg="red", err=True)
    for message in told(resource, plan) if not world.settings.dry_run else ():
        click.echo(f"{experiment}: {message.text}")
    sys.exit(EXIT_STEP_FAILED if problem else 0)


@click.command()
@with_world
@click.argument("experiment")
@signed
def acknowledge(world: World, experiment: str, who: str, why: str) -> None:
    """Say that the rollback of EXPERIMENT was seen: it is not said again in Slack."""
    from pacer_pipelines.orchestration.loud import record_seen, unseen
    from pacer_pipelines.orchestration.rollback import Word

    resource, plan = resource_of(world), world.plan(experiment)
    waiting = unseen(resource, plan)
    if not waiting:
        raise Refusal(f"{experiment}: nothing to acknowledge; there is no rollback that nobody has seen")
    for loud in waiting:
        record_seen(resource, plan, loud.about, Word(resource.now(), who, why))
        click.echo(f"{experiment}: acknowledged {loud.about}: {loud.text}")


def _own_flag(resource: "WorldResource", plan: "Plan") -> None:
    from pacer_pipelines.orchestration.effects import flag_owner

    if owner := flag_owner(resource, plan, resource.today()):
        raise Refusal(f"the flag belongs to {owner} now, which started later; name that one")


@click.group()
def flag() -> None:
    """Look at the flag that splits the traffic, or move it by hand through the one door."""


@flag.command("show")
@with_world
@click.option("--json", "as_json", is_flag=True, help="An array, one object per plan")
def flag_show(world: World, as_json: bool) -> None:
    """Print version and share of B for each plan's flag."""
    from pacer_pipelines.adapters.flags import read_flag

    if world.settings.flag_file is None:
        raise Refusal("no flag_file in the configuration")
    rows = []
    for item in world.plans:
        state = read_flag(world.settings.flag_file, item.flag_key, item.treatment.variant)
        rows.append(
            {"experiment": item.slug, "flag": item.flag_key, "variant": item.treatment.variant, "share": state.share,
             "version": state.version, "state": state.state}
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['experiment']}: {row['variant']} {row['share']:g} %, version {row['version']}, "
            f"{str(row['state']).lower()}"
        )


@flag.command("set")
@with_world
@click.argument("experiment")
@click.argument("share", type=float)
@signed
@click.option(
    "--expect", "expected", help="Version of the flag that you looked at; another live one is refused"
)
def flag_set(world: World, experiment: str, share: float, who: str, why: str, expected: str | None) -> None:
    """Give B SHARE percent of the traffic by hand, checked and logged like every change.

    Verdicts go on from there: a promotion made on another version is void, and harm still cuts B. An experiment that
    was rolled back stays at 0.
    """
    from pacer_pipelines.orchestration.rollback import set_share

    resource = resource_of(world)
    click.echo(
        f"{experiment}: {set_share(resource, world.plan(experiment), share, resource.now(), who, why, expected)}"
    )
