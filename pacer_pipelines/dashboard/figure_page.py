"""A figure on a page: the chart, how to read it, and its numbers as a table and as CSV."""

from collections.abc import Sequence
from html import escape

from pacer_pipelines.dashboard.drawing import Figure, draw
from pacer_pipelines.dashboard.markup import number, table
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import Words


def charts(seen: Seen, shown: Sequence[Figure], root: str | None, t: Words) -> str:
    """Figures side by side; a sentence where there is nothing to draw."""
    if not shown:
        return f"<p>{t('page.nothing_to_draw')}</p>"
    return f'<div class="charts">{"".join(_figure(seen, each, root, t) for each in shown)}</div>'


def _figure(seen: Seen, shown: Figure, root: str | None, t: Words) -> str:
    """A chart; below it how to read it, and its numbers as a table and as CSV."""
    rows = [f"<tr>{''.join(map(number, cells))}</tr>" for cells in shown.cells()]
    where = place(seen, root)
    csv = (
        f'<p><a href="{where}/figures/{shown.name}.csv">{t("page.csv")}</a></p>' if where is not None else ""
    )
    return (
        f'<figure id="{shown.name}" aria-label="{escape(shown.title)}">{draw(shown.spec, shown.name)}'
        f'<figcaption class="muted">{escape(shown.note)}</figcaption>'
        f"<details><summary>{t('page.numbers')}</summary>{table(shown.columns, rows, right=len(shown.columns))}{csv}"
        "</details></figure>"
    )


def place(seen: Seen, root: str | None) -> str | None:
    """The address of the shown day; None for a page that stands alone."""
    if root is None or seen.latest is None:
        return None
    return escape(f"{root}/experiments/{seen.plan.slug}/{seen.latest.date}")
