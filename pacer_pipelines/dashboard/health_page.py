"""Is the experiment sound, and is everything there: the checks of the day, its sources and the figures of both."""

from collections.abc import Mapping
from datetime import UTC, date
from html import escape

from pacer_pipelines.dashboard.drawing import Figure
from pacer_pipelines.dashboard.figure_page import charts
from pacer_pipelines.dashboard.markup import cell, number, table
from pacer_pipelines.dashboard.seen import Seen
from pacer_pipelines.decisions.catalogue import Words, in_language, say
from pacer_pipelines.decisions.daily import SourceSeen, sources_of
from pacer_pipelines.decisions.values import Check, Verdict

# figures that stand beside the checks
SOURCES = frozenset(
    {"exposures", "feedback_events", "llm_logs", "anki_cards", "card_reviews", "anki_reviews"}
)
HEALTH = ("split", "rating_rate", "delay", "hours")


def health(seen: Seen, day: Verdict, shown: Mapping[str, Figure], root: str | None, t: Words) -> str:
    """What the section of the checks holds.

    Args:
        seen: the experiment as of the day.
        day: its verdict.
        shown: every figure there is, by name, in the language of the page.
        root: where the dashboard is mounted; None for a page that stands alone.
        t: the language of the page.
    """
    figures = [shown[name] for name in HEALTH if name in shown]
    return (
        _checks(in_language(day.checks, seen.plan.language), t)
        + _docs(day.date, root, t)
        + _sources(seen, day, t)
        + (charts(seen, figures, root, t) if figures else "")
    )


def _sources(seen: Seen, day: Verdict, t: Words) -> str:
    """What each source brought on the day, and what its checks say."""
    found = {each.source: each for each in sources_of(seen.daily.hours, day.date)}
    # one that has long been silent brings nothing, and its checks are still asked
    asked = {check.source for check in day.checks if check.source in SOURCES}
    rows = [_source_row(name, found.get(name), seen, day.checks) for name in sorted(found.keys() | asked)]
    if not rows:
        return ""
    names = ("source", "rows", "usual", "newest", "checks")
    return f"<h3>{t('page.sources')}</h3>{table(tuple(t(f'page.{name}') for name in names), rows, right=4)}"


def _source_row(name: str, source: SourceSeen | None, seen: Seen, checks: tuple[Check, ...]) -> str:
    own = [check for check in checks if check.source == name]
    passed = f"{sum(check.passed for check in own)}/{len(own)}" if own else "-"
    if source is None:
        return f"<tr>{cell(name)}{''.join(map(number, ('0', '-', '-', passed)))}</tr>"
    newest = source.newest.replace(tzinfo=UTC).astimezone(seen.plan.zone)
    numbers = (
        f"{source.rows:.0f}",
        "-" if source.usual is None else f"{source.usual:.0f}",
        f"{newest:%Y-%m-%d %H:00}",
        passed,
    )
    return f"<tr>{cell(name)}{''.join(map(number, numbers))}</tr>"


def _checks(checks: tuple[Check, ...], t: Words) -> str:
    if not checks:
        return f"<p>{t('page.no_check')}</p>"
    failed = [_check_row(check, t) for check in checks if not check.passed]
    passed = [_check_row(check, t) for check in checks if check.passed]
    head = tuple(t(f"page.{name}") for name in ("check", "result", "observed", "expected", "asked"))
    shown = table(head, failed) if failed else ""
    if not passed:
        return shown
    summary = f"<summary>{t('page.passed_count', number=len(passed))}</summary>"
    return f"{shown}<details>{summary}{table(head, passed)}</details>"


def _docs(day: date, root: str | None, t: Words) -> str:
    """Where each check of the day is explained, beside the days before."""
    if root is None:
        return ""
    return f'<p><a href="{escape(root)}/data-docs/{day}.html">{t("slack.data_docs")}</a></p>'


def _check_row(check: Check, t: Words) -> str:
    tone = "promote" if check.passed else "rollback" if check.severity == "critical" else "hold"
    result = t("page.passed") if check.passed else t("page.failed", severity=say(f"word.{check.severity}"))
    detail = f"{check.observed}. {check.detail}" if check.detail and not check.passed else check.observed
    return (
        f"<tr>{cell(f'{check.source}: {check.name}')}"
        f'<td class="{tone}"><span class="tone">{result}</span></td>'
        f'{cell(detail)}{cell(check.expected)}<td class="reason">{escape(check.why)}</td></tr>'
    )
