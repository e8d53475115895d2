"""The plans at a terminal, before anything runs: ``pacer plan schema|validate|check``."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from pacer_pipelines.cli.rollout import signed
from pacer_pipelines.cli.world import EXIT_REFUSED, Refusal, config_option, resource_of, with_world
from pacer_pipelines.config import World, find_config, load_world
from pacer_pipelines.errors import NothingPublished, PacerError
from pacer_pipelines.plan import Plan, plan_schema
from pacer_pipelines.plan_arms import load_plans
from pacer_pipelines.plan_parts import Traffic

if TYPE_CHECKING:
    from pacer_pipelines.decisions.plan_check import PlanCheck
    from pacer_pipelines.decisions.plan_traffic import Source

EXIT_TOO_LATE = 1
EXIT_CODES = f"""\b
Exit codes:
  0  every plan can end in time; what to mind is printed
  {EXIT_TOO_LATE}  a plan cannot end within its max_days, or can never promote
  {EXIT_REFUSED}  plan, configuration or command line is wrong, or the traffic is not known"""

FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.group()
def plan() -> None:
    """Look at the pre-registered plans."""


@plan.command("schema")
def plan_schema_command() -> None:
    """Print the JSON schema of a plan, for editors."""
    click.echo(json.dumps(plan_schema(), indent=2))


@plan.command("validate")
@FILES
def plan_validate(files: tuple[Path, ...]) -> None:
    """Check plan files, and print the hash that identifies each."""
    for file, item in _plans(files):
        arm = f"{item.slug} " if item.arms else ""
        click.echo(f"{file}: valid, plan {arm}{item.plan_hash}")


@plan.command("check", epilog=EXIT_CODES)
@FILES
@config_option
@click.option("--requests-per-day", type=float, help="Judge calls a day, both variants")
@click.option("--rated-share", type=float, help="Share of them that coaches rate in the end, 0 to 1")
@click.option("--students", type=int, help="Students with a request during the experiment")
@click.option("--student-correlation", type=float, help="Correlation of two ratings of one student")
@click.option("--json", "as_json", is_flag=True, help="An array, one object per plan")
def plan_check(
    files: tuple[Path, ...], config_file: Path | None, as_json: bool, **given: float | None
) -> None:
    """Say before the start what a plan can find, and fail when it cannot end in time.

    The traffic is what the options say, else what the world's published marts saw in their last 14 days, else
    the plan's own [traffic] table; see docs/planning.md.
    """
    from pacer_pipelines.decisions.plan_advice import problems

    plans = [item for _, item in _plans(files)]
    try:
        world = _world(config_file)
        checks = [_check(item, world, given) for item in plans]
    except PacerError as error:
        raise Refusal(str(error)) from error
    _show(checks, as_json=as_json)
    sys.exit(EXIT_TOO_LATE if any(problems(check) for check, _ in checks) else 0)


@plan.command("acknowledge")
@with_world
@click.argument("experiment")
@signed
def plan_acknowledge(world: World, experiment: str, who: str, why: str) -> None:
    """Accept a plan that was edited after its start, as it stands now.

    Until then an edited plan holds. Afterwards every verdict shows the edit as a warning, with who and why.
    """
    from pacer_pipelines.orchestration.approval import acknowledge

    resource = resource_of(world)
    entry = acknowledge(resource, world.plan(experiment), resource.now(), who, why)
    if entry is None:
        raise Refusal(
            f"{experiment}: nothing to acknowledge: the plan is the registered one, or is accepted already"
        )
    details = entry.details
    click.echo(
        f"{experiment}: {details['frozen_hash'][:12]} -> {details['plan_hash'][:12]} accepted by {who}"
    )


def _plans(files: tuple[Path, ...]) -> list[tuple[Path, Plan]]:
    try:
        return [(file, item) for file in files for item in load_plans(file)]
    except PacerError as error:
        raise Refusal(str(error)) from error


def _world(config_file: Path | None) -> World | None:
    """The world, if one is named or lies here; a plan can be checked without."""
    named = config_file is not None or bool(os.environ.get("PACER_CONFIG"))
    path = find_config(config_file)
    return load_world(path) if named or path.is_file() else None


def _check(item: Plan, world: World | None, given: dict[str, float | None]) -> "tuple[PlanCheck, str]":
    from pacer_pipelines.decisions.plan_check import check_plan
    from pacer_pipelines.decisions.plan_traffic import Source, known_traffic, missing_parts

    observed = [_observed(item, world)] if world else []
    parts, source = known_traffic(item, [Source("given", given), *(seen for seen in observed if seen)])
    if missing := missing_parts(parts):
        raise Refusal(
            f"{item.slug}: the traffic is not known: give {', '.join(map(_option, missing))}, or a [traffic] table in "
            "the plan, or a --config whose world has published days of this experiment"
        )
    try:
        return check_plan(item, Traffic.model_validate(parts)), source
    except ValidationError as error:
        raise Refusal("\n".join(map(_problem, error.errors()))) from error
    except ValueError as error:
        raise Refusal(f"{item.slug}: traffic: {error}") from error


def _observed(item: Plan, world: World) -> "Source | None":
    """Traffic in the published marts: of this experiment, else of the newest other one on the same flag."""
    from pacer_pipelines.adapters.observed_traffic import observed_traffic
    from pacer_pipelines.adapters.published import Published

    try:
        published = Published(world.home)
    except NothingPublished:
        return None
    others = sorted(world.plans, key=lambda other: other.start_date, reverse=True)
    alike = (other for other in (item, *others) if other.flag_key == item.flag_key)
    # the marts of an arm hold its own treatment and control, not all the traffic of the flag
    for each in (other for other in alike if not other.arms):
        seen = observed_traffic(published, each.experiment_id)
        if seen is not None:
            return seen.source(each.slug)
    return None


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _problem(error: Any) -> str:
    allowed = error["msg"].removeprefix("Input should be ")
    return f"{_option(str(error['loc'][0]))}: got {error['input']}, allowed: {allowed}"


def _show(checks: "list[tuple[PlanCheck, str]]", *, as_json: bool) -> None:
    from pacer_pipelines.decisions.plan_text import plan_object, plan_text

    if as_json:
        objects = [plan_object(check, source) for check, source in checks]
        click.echo(json.dumps(objects, indent=2, ensure_ascii=False, allow_nan=False))
        return
    for check, source in checks:
        click.echo(plan_text(check, source))
