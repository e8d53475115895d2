"""The day at a terminal: ``pacer run``."""

import sys
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pacer_pipelines.cli.history import verdict_rows
from pacer_pipelines.cli.terminal import COLOURS, print_history, print_messages, print_next_steps, print_table
from pacer_pipelines.cli.world import DATE, EXIT_HELD, EXIT_STEP_FAILED, Refusal, with_world
from pacer_pipelines.config import World

if TYPE_CHECKING:
    from pacer_pipelines.orchestration.run import DayResult, Runner

EXIT_CODES = """\b
Exit codes:
  0  every verdict rests on data that passed its checks
  1  a step failed, the flag or Slack did not follow, or a plan is broken; it is said which
  2  configuration, plan or command line is wrong; nothing was changed
  3  at least one verdict is a hold because data is missing or a check failed"""


@click.command(epilog=EXIT_CODES)
@with_world
@click.option(
    "--date", "day", type=DATE, help="The day to judge  [default: yesterday in the plans' time zone]"
)
@click.option("--from", "first", type=DATE, help="First of several days, judged one after the other")
@click.option("--to", "last", type=DATE, help="Last of several days")
def run(world: World, day: datetime | None, first: datetime | None, last: datetime | None) -> None:
    """Run the daily job: ingest, check, build, judge, move the flag, tell Slack.

    Running a day again changes nothing unless its data changed. --from and --to do every day as if it were that
    morning, flag and messages too; to judge old days again without any effect, use pacer backfill.
    """
    days = days_of(world, day, first, last)
    runner = runner_of(world)
    results = [_run_day(runner, each, quiet=len(days) > 1) for each in days]
    _show_outcome(runner, days)
    sys.exit(_exit_code(runner, results))


@click.command(epilog=EXIT_CODES)
@with_world
@click.option("--from", "first", type=DATE, required=True, help="First day")
@click.option("--to", "last", type=DATE, required=True, help="Last day")
@click.option("--announce", is_flag=True, help="Post or update the message of each day")
def backfill(world: World, first: datetime, last: datetime, announce: bool) -> None:
    """Ingest, build and judge old days again, oldest first: no flag moves, and nothing is posted.

    Unlike pacer run --from --to, which does every day as if it were that morning, flag and messages too. Killed, it
    goes on where it stopped when the same days are asked for.
    """
    days = days_of(world, None, first, last)
    runner = runner_of(world)
    from pacer_pipelines.orchestration.backfill import Backfill

    work = Backfill(runner, days, announce)
    if len(work.waiting) < len(days):
        click.echo(f"going on at {work.waiting[0]}: the days before it are done", err=True)

    def tell(step: str, outcome: str) -> None:
        if outcome == "FAILED":
            click.secho(f"  {step} failed", fg="red", err=True)

    def started(day: date) -> None:
        click.echo(f"{day}  ({days.index(day) + 1} of {len(days)})", err=True)

    results = work.run(tell, started)
    changes = work.changes()
    print_table(
        ("day", "experiment", "rows", "verdict"),
        [(str(one.date), one.experiment, f"{one.rows:+,}", _words(one.was, one.word)) for one in changes],
    )
    other = sum(one.was != one.word for one in changes)
    click.echo(f"{len(changes)} verdicts, {other} with another word; flags were left as they are")
    for problem in dict.fromkeys(problem for result in results for problem in result.problems):
        click.secho(problem, fg="red", err=True)
    sys.exit(_exit_code(runner, results))


def _words(was: str, word: str) -> str:
    return word if was == word else f"{was} -> {word}"


def runner_of(world: World) -> "Runner":
    """What runs days, once secrets and key are known to be there: a missing one changes nothing."""
    world.pseudonym_key()
    world.database_urls()
    for broken in world.broken_plans:
        click.secho(f"broken plan, left out:\n{broken}", fg="red", err=True)
    from pacer_pipelines.orchestration.run import Runner

    runner = Runner(world)
    _ = runner.resource.pseudonyms  # another key than the home's is refused before anything happens
    return runner


def days_of(world: World, day: datetime | None, first: datetime | None, last: datetime | None) -> list[date]:
    """The days that a command is about, each of them over.

    Raises:
        Refusal: a day is not over, lies before every plan, or there is no plan.
    """
    if (first is None) != (last is None) or (day and first):
        raise click.UsageError("give --date, or both --from and --to")
    if first and last:
        chosen = [first.date() + timedelta(days=step) for step in range((last - first).days + 1)]
        if not chosen:
            raise click.UsageError(f"--to {last.date()} lies before --from {first.date()}")
    else:
        chosen = [day.date() if day else _today(world) - timedelta(days=1)]
    start = min((plan.start_date for plan in world.plans), default=None)
    if start is None:
        broken = "".join(f"\n{error}" for error in world.broken_plans)
        raise Refusal(f"no usable plan in {world.settings.experiments}{broken}")
    if chosen[0] < start or chosen[-1] >= _today(world):
        raise Refusal(
            f"{chosen[0]} to {chosen[-1]}: allowed: {start} (first day of the oldest plan) to "
            f"{_today(world) - timedelta(days=1)} (the last day that is over)"
        )
    return chosen


def _today(world: World) -> date:
    return datetime.now(ZoneInfo(world.timezone)).date()


def _run_day(runner: "Runner", day: date, *, quiet: bool) -> "DayResult":
    click.secho(f"{day} ", bold=True, nl=not quiet, err=True)

    def tell(step: str, outcome: str) -> None:
        if not quiet:
            click.secho(f"  {outcome:<9}{step}", fg="red" if outcome == "FAILED" else None, err=True)
        elif outcome == "FAILED":
            click.secho(f"{step} failed ", fg="red", nl=False, err=True)
        elif sys.stderr.isatty():
            click.echo(".", nl=False, err=True)

    result = runner.run(day, tell)
    if quiet:
        words = [row["verdict"] for row in verdict_rows(runner.world, day=day)]
        click.echo(" ".join(click.style(word, fg=COLOURS[word]) for word in words), err=True)
    for text in result.revised:
        click.secho(f"  {text}", fg="yellow", err=True)
    for problem in result.problems:
        click.secho(f"  {problem}", fg="red", err=True)
    if not quiet or not result.complete:
        for text in result.effects:
            click.secho(f"  {text}", fg=None if result.complete else "red", err=True)
    return result


def _show_outcome(runner: "Runner", days: list[date]) -> None:
    home = runner.world.home
    if len(days) > 1:
        click.echo()
        print_history(verdict_rows(runner.world, first=days[0], last=days[-1]))
    for text in runner.texts(days[-1]):
        click.echo("\n" + text)
    if len(days) > 1:
        print_messages(home, days[-1])
    print_next_steps(home, runner.world.config_file, days[-1])


def _exit_code(runner: "Runner", results: "list[DayResult]") -> int:
    if runner.world.broken_plans or not all(result.complete for result in results):
        return EXIT_STEP_FAILED
    rules = [row["rule"] for result in results for row in verdict_rows(runner.world, day=result.day)]
    return EXIT_HELD if "health" in rules else 0
