"""All experiments in one list: what each is told to do, its share, and how long still."""

from collections.abc import Iterable
from html import escape

from pacer_pipelines.dashboard.markup import cell, html_page, table, word_cell
from pacer_pipelines.decisions.catalogue import ENGLISH, Words
from pacer_pipelines.decisions.report import report
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.plan import Plan


def index_page(latest: Iterable[tuple[Plan, Verdict | None]], root: str = "") -> str:
    """The list of experiments: what each is told to do, its share, how long still, and what comes next."""
    known = list(latest)
    # one language for all: theirs, if they have one
    spoken = {plan.language for plan, _ in known}
    locale = spoken.pop() if len(spoken) == 1 else ENGLISH
    t = Words(locale)
    rows = [_index_row(plan, verdict, root, t) for plan, verdict in known]
    head = tuple(t(f"page.{name}") for name in ("experiment", "verdict", "day", "share", "days_left", "why"))
    shown = table(head, rows) if rows else f"<p>{t('page.no_experiment')}</p>"
    docs = f'<p><a href="{escape(root)}/data-docs/">{t("slack.data_docs")}</a></p>'
    body = f'<h1>{t("page.title")}</h1><div class="stack">{shown}</div>{docs}'
    return html_page(t("page.title"), body, locale=locale)


def _index_row(plan: Plan, verdict: Verdict | None, root: str, t: Words) -> str:
    link = f'<td><a href="{escape(root)}/experiments/{escape(plan.slug)}">{escape(plan.slug)}</a></td>'
    if verdict is None:
        starts = t("page.starts", date=plan.start_date)
        return f"<tr>{link}{cell(t('page.not_judged'))}{cell('')}{cell('')}{cell(starts)}{cell('')}</tr>"
    shown = report(verdict, plan)
    day = f"{shown.date.isoformat()}, {t('report.day', day=verdict.day, most=plan.duration.max_days)}"
    return (
        f'<tr>{link}{word_cell(shown.verdict, t)}<td class="day">{day}</td>{cell(t.text(shown.share_line))}'
        f'{cell(t.text(shown.days_line))}<td class="reason">{escape(t.text(shown.why))}</td></tr>'
    )
