"""The charts of a verdict as pictures for the thread of its message."""

import hashlib
from datetime import date

from pacer_pipelines.adapters.letters import Picture
from pacer_pipelines.dashboard.charts import effect_chart, strength_chart
from pacer_pipelines.dashboard.drawing import Spec, picture
from pacer_pipelines.decisions.catalogue import in_language, say
from pacer_pipelines.decisions.report import Report
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

NAME_DIGITS = 12


def pictures_of(world: WorldResource, plan: Plan, day: date, report: Report) -> tuple[Picture, ...]:
    """The effect and its strength over the days up to this one; nothing on a quiet day.

    Args:
        world: the world, whose verdicts are drawn.
        plan: the experiment.
        day: the last day to draw.
        report: what is told of that day; gives the words beside the pictures.
    """
    if report.quiet:
        return ()
    rows = world.verdicts.history(plan.slug)
    verdicts = [Verdict.from_dict(row) for row in rows if row["date"] <= day.isoformat()]
    strength = report.primary.strength if report.primary else "-"
    return (
        _picture("effect", effect_chart(verdicts, plan), report, report.effect_line),
        _picture("strength", strength_chart(verdicts, plan), report, strength),
    )


def _picture(kind: str, spec: Spec, report: Report, alt: str) -> Picture:
    """Named after what it shows, so that another version of it is another picture."""
    shown = hashlib.sha256(repr(spec).encode()).hexdigest()[:NAME_DIGITS]
    return Picture(
        name=f"{report.experiment}-{report.date}-{kind}-{shown}.png",
        title=in_language(say(f"slack.picture_{kind}"), report.locale),
        alt=alt,
        png=picture(spec),
    )
