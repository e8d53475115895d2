"""Draw the pictures of docs/statistics.md from the verdicts of ``make demo``: ``make pictures``."""

import sys
from pathlib import Path

from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.config import load_world
from pacer_pipelines.dashboard.charts import effect_chart, strength_chart
from pacer_pipelines.dashboard.drawing import draw
from pacer_pipelines.decisions.values import Verdict

FOLDER = Path(__file__).parent / "statistics"


def main(config: Path) -> None:
    """Write both charts over all judged days of the only experiment of a world."""
    world = load_world(config)
    (plan,) = world.plans
    days = [Verdict.from_dict(row) for row in Verdicts(world.home).history(plan.slug)]
    FOLDER.mkdir(exist_ok=True)
    for name, spec in (("bar", strength_chart(days, plan)), ("interval", effect_chart(days, plan))):
        svg = draw({**spec, "background": "white"}, name)
        (FOLDER / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
