"""``pacer digest``: a week in one look, as the channel is told it."""

import json
from dataclasses import asdict
from datetime import date

import click

from pacer_pipelines.cli.world import Refusal, resource_of, with_world
from pacer_pipelines.config import World


@click.command()
@with_world
@click.option(
    "--week", metavar="WEEK", help="An ISO week such as 2026-W46  [default: of the last judged day]"
)
@click.option("--json", "as_json", is_flag=True, help="An array, one object per channel")
def digest(world: World, week: str | None, as_json: bool) -> None:
    """Show the digest of a week: verdicts, who rates, and how the data were.

    The same goes to each channel when the run of a Sunday ends; see the asset weekly_digest.
    """
    from pacer_pipelines.decisions.digest import Week
    from pacer_pipelines.decisions.digest_text import digest_text, headline
    from pacer_pipelines.orchestration.weekly import digests

    try:
        asked = Week.named(week) if week else Week.of(_last_judged(world))
    except ValueError as error:
        raise Refusal(f"--week: got {week!r}, allowed: an ISO week such as 2026-W46") from error
    found = digests(resource_of(world), asked)
    if not found:
        raise Refusal(f"no plan had begun by the end of {asked.name}, {asked.last}")
    if as_json:
        objects = [
            {**asdict(each), "week": asked.name, "digest_id": each.digest_id, "headline": headline(each)}
            for each in found
        ]
        click.echo(json.dumps(objects, indent=2, ensure_ascii=False, default=str))
    else:
        click.echo("\n".join(map(digest_text, found)), nl=False)


def _last_judged(world: World) -> date:
    from pacer_pipelines.adapters.verdicts import Verdicts

    days = [day for plan in world.plans for day in Verdicts(world.home).days(plan.slug)]
    if not days:
        raise Refusal("nothing has been judged yet; judge a day with: pacer run --date YYYY-MM-DD")
    return max(days)
