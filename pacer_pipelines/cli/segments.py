"""``pacer segments``: the effect by school, grade and concept, for people who look for ideas."""

import json
import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, get_args

import click

from pacer_pipelines.cli.world import Refusal, with_world
from pacer_pipelines.config import World
from pacer_pipelines.metrics import MetricName

if TYPE_CHECKING:
    from pacer_pipelines.decisions.segments import Segment


@click.command()
@with_world
@click.option(
    "--date",
    "day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="As of the end of this day  [default: the last judged]",
)
@click.option("--experiment", help="Slug of the experiment  [default: the only one]")
@click.option("--metric", type=click.Choice(get_args(MetricName)), default="good_rate", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="An array, one object per segment")
def segments(world: World, day: datetime | None, experiment: str | None, metric: str, as_json: bool) -> None:
    """Explore the effect by school, grade and concept; never part of a verdict.

    p-values are corrected for the number of segments; segments with too few students or coaches are hidden.
    """
    from pacer_pipelines.adapters.evidence_rows import segment_rows
    from pacer_pipelines.adapters.published import Published
    from pacer_pipelines.cli.terminal import print_table
    from pacer_pipelines.decisions import segments as table

    slugs = [item.slug for item in world.plans]
    if experiment is None and len(slugs) != 1:
        raise Refusal("--experiment: one of " + ", ".join(slugs))
    plan = world.plan(experiment or slugs[0])
    through = day.date() if day else _last_judged(world, plan.slug)
    found = table.segments(segment_rows(Published(world.home), plan.experiment_id, through), metric)
    if as_json:
        click.echo(json.dumps([_object(item) for item in found], indent=2, ensure_ascii=False))
    elif not found:
        click.echo(f"{plan.slug}: nothing of {metric} by segment as of {through}")
    else:
        click.echo(f"{plan.slug}, {metric} by segment as of {through}\n")
        print_table(table.HEAD, [table.segment_cells(item, metric) for item in found])
        click.echo(f"\n{table.EXPLORATORY}")


def _last_judged(world: World, slug: str) -> date:
    from pacer_pipelines.adapters.verdicts import Verdicts

    rows = Verdicts(world.home).history(slug)
    if not rows:
        raise Refusal(f"{slug} has no verdict yet; judge a day with: pacer run --date YYYY-MM-DD")
    return max(date.fromisoformat(row["date"]) for row in rows)


def _object(item: "Segment") -> dict[str, Any]:
    effect = item.effect
    return {
        "attribute": item.attribute,
        "segment": item.value,
        "shown": effect is not None,
        "effect": effect.estimate if effect else None,
        "se": effect.se if effect and math.isfinite(effect.se) else None,
        "n": {"control": effect.n_control, "treatment": effect.n_treatment} if effect else None,
        "coaches": effect.clusters if effect else None,
        "p_holm": item.p_holm,
        "p_bh": item.p_bh,
    }
