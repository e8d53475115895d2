"""Several judged days of one experiment side by side."""

from collections.abc import Sequence
from html import escape

from pacer_pipelines.dashboard.markup import cell, html_page, table, word_cell
from pacer_pipelines.decisions.catalogue import Words
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import Report, report, report_in
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.plan import Plan

# more do not fit beside each other
MOST = 6


def compare_page(plan: Plan, days: Sequence[Verdict], root: str) -> str:
    """The page that sets days side by side, oldest first: what was said, how strong it was, and each metric.

    Args:
        plan: the experiment's plan.
        days: their verdicts, at most :data:`MOST`.
        root: where the dashboard is mounted.
    """
    t = Words(plan.language)
    reports = [report_in(report(day, plan), plan.language) for day in days]
    head = (t("page.date"), *(f"{shown.date}" for shown in reports))
    lines = [
        _line(t("page.verdict"), [word_cell(shown.verdict, t) for shown in reports]),
        _line(t("page.share"), [cell(shown.share_line) for shown in reports]),
        _line(t("page.why"), [cell(shown.why) for shown in reports]),
        *_primary(reports, t),
        *_metrics(reports),
        _line(t("slack.checks"), [cell(shown.checks_line) for shown in reports]),
        _line(t("page.days_left"), [cell(shown.days_line) for shown in reports]),
    ]
    where = escape(f"{root}/experiments/{plan.slug}")
    title = t("page.compare", experiment=plan.slug)
    back = f'<p class="muted"><a href="{where}">{escape(plan.slug)}</a></p>'
    return html_page(title, f"{back}<h1>{escape(title)}</h1>{table(head, lines)}", locale=plan.language)


def _primary(reports: Sequence[Report], t: Words) -> list[str]:
    rows = [shown.primary for shown in reports]
    return [
        _line(
            t("report.effect_entry"),
            [cell(row.effect if row else "-") for row in rows],
        ),
        _line(t("slack.interval"), [cell(row.interval if row else "-") for row in rows]),
        _line(t("slack.strength"), [cell(row.strength if row else "-") for row in rows]),
        _line("n", [cell(row.n if row else "-") for row in rows]),
    ]


def _metrics(reports: Sequence[Report]) -> list[str]:
    """Each other metric that any of the days looked at."""
    names = dict.fromkeys(row.metric for shown in reports for row in shown.rows)
    found = []
    for name in names:
        own = [next((row for row in shown.rows if row.metric == name), None) for shown in reports]
        cells = [cell(_told(row)) for row in own]
        found.append(_line(name, cells))
    return found


def _told(row: MetricRow | None) -> str:
    if row is None:
        return "-"
    return f"{row.effect} ({row.label})" if row.shown else row.effect


def _line(name: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'
