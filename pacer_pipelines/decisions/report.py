"""A verdict as the plain words and numbers that Slack, the terminal and the dashboard all show."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pacer_pipelines.decisions.metric_rows import MetricRow, metric_row
from pacer_pipelines.decisions.reading import reading_text
from pacer_pipelines.decisions.revised import Revised, revised_text
from pacer_pipelines.decisions.since import is_quiet, since
from pacer_pipelines.decisions.values import Check, Finding, Role, Verdict, Word
from pacer_pipelines.plan import Plan

WIDTH = 96
NO_BREAK = "\u00a0"
_ROLES_BELOW_THE_PRIMARY: tuple[Role, ...] = ("secondary", "guardrail", "health", "sensitivity")
FOOTNOTE = "Effect is treatment minus control, compared within coach and phase; the interval holds every day."


# what a person may do about a verdict
Action = Literal["approve", "hold", "roll_back", "acknowledge"]


@dataclass(frozen=True, slots=True)
class Links:
    """Where a reader goes on: the run in Dagster, the dashboard, and the page that explains the day's checks.

    An address, a file named from the home on, or nothing.
    """

    run: str = ""
    dashboard: str = ""
    data_docs: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a reader of one verdict is shown, the answer first.

    ``since`` says what changed since the verdict before; ``quiet`` is True when that is nothing worth more than one
    line. ``loud`` asks for everybody's attention. ``words`` is what people said to the verdict, ``actions`` what they
    may still do about it, ``delayed`` why the message comes late.
    """

    experiment: str
    date: date
    verdict: Word
    headline: str
    share_line: str
    why: str
    further: tuple[str, ...]
    effect_line: str
    reading: str
    primary: MetricRow | None
    rows: tuple[MetricRow, ...]
    checks_line: str
    failed_checks: tuple[Check, ...]
    missing_facts: tuple[str, ...]
    days_line: str
    flip: tuple[str, ...]
    verdict_id: str
    plan_hash: str
    code_version: str
    as_of: str
    revised: tuple[str, ...] = ()
    links: Links = Links()
    since: tuple[str, ...] = ()
    quiet: bool = False
    loud: bool = False
    words: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    delayed: str = ""
    locale: str = "en"


def report(
    verdict: Verdict, plan: Plan, revised: Sequence[Revised] = (), before: Verdict | None = None
) -> Report:
    """Everything to show about one verdict; aggregates only.

    Args:
        verdict: the decision of one experiment and day.
        plan: the plan that the verdict obeyed; gives margins, variant names and the last day.
        revised: earlier days that the run of this day judged again.
        before: the verdict of the judged day before, if there is one.
    """
    primary = next((f for f in verdict.findings if f.metric == plan.primary.metric), None)
    first = metric_row(primary, plan) if primary else None
    failed = [check for check in verdict.checks if not check.passed]
    day = f"day {verdict.day} of {plan.duration.max_days}"
    return Report(
        experiment=verdict.experiment,
        date=verdict.date,
        verdict=verdict.verdict,
        headline=f"{verdict.verdict.upper()} {verdict.experiment}, {verdict.date.isoformat()} ({day})",
        share_line=share_line(plan.treatment.variant, verdict.share_before, verdict.share_after)
        + _approval(verdict, plan),
        why=verdict.reasons[0] if verdict.reasons else f"rule {verdict.rule}",
        further=verdict.reasons[1:],
        effect_line=_effect_line(first),
        reading=reading_text(verdict, plan),
        primary=first,
        rows=tuple(metric_row(f, plan) for f in _below_the_primary(verdict.findings, primary)),
        checks_line=_checks_line(len(verdict.checks), len(failed)),
        failed_checks=tuple(sorted(failed, key=lambda check: check.severity)),
        missing_facts=verdict.missing_facts,
        days_line=_days_line(verdict.days_left),
        flip=verdict.flip,
        verdict_id=verdict.verdict_id,
        plan_hash=verdict.plan_hash[:12],
        code_version=verdict.code_version,
        as_of=verdict.as_of.strftime("%Y-%m-%d %H:%M UTC"),
        revised=revised_text(revised),
        since=since(verdict, before, plan),
        quiet=is_quiet(verdict, before, revised),
        loud=verdict.verdict == "rollback",
    )


def _approval(verdict: Verdict, plan: Plan) -> str:
    if verdict.verdict != "promote" or not plan.rollout.needs_approval:
        return ""
    return f", once a person approves: pacer approve {verdict.verdict_id}"


def share_line(variant: str, before: float | None, after: float | None) -> str:
    """What happens to the treatment's traffic, in one line; shares in percent.

    >>> share_line("B", 30, 50), share_line("B", 30, 30)
    ('B: 30 % -> 50 %', 'B serves 30 % and stays there')
    """
    if after is None:
        return f"{variant}: share unknown, nothing changes"
    if before is None:
        return f"{variant}: unknown share -> {after:g} %"
    if before == after:
        return f"{variant} serves {after:g} % and stays there"
    return f"{variant}: {before:g} % -> {after:g} %"


def plain_text(report: Report) -> str:
    """The report for a terminal or a file: at most 96 columns, the answer first, then how we know it."""
    blocks = [
        [report.headline, report.share_line],
        _entry("Why", [report.why, *report.further]),
        _entry("Revised", list(report.revised)),
        _entry("Since", list(report.since)),
        _entry("Effect", [report.effect_line, *_strength(report.primary)]),
        _entry("Reading", [report.reading] if report.reading else []),
        _table(report.rows),
        _entry("Checks", [report.checks_line, *map(_failed_text, report.failed_checks)]),
        _entry("Missing", list(report.missing_facts)),
        _entry("Flips it", list(report.flip)),
        _entry("Days", [report.days_line]),
        [
            FOOTNOTE,
            f"verdict {report.verdict_id} · plan {report.plan_hash} · code {report.code_version}"
            f" · as of {report.as_of}",
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _below_the_primary(findings: Iterable[Finding], primary: Finding | None) -> list[Finding]:
    others = [finding for finding in findings if finding is not primary]
    return [finding for role in _ROLES_BELOW_THE_PRIMARY for finding in others if finding.role == role]


def _effect_line(row: MetricRow | None) -> str:
    if row is None:
        return "the primary metric was not looked at"
    if not row.shown:
        return f"{row.metric}: {row.effect}"
    interval = f"always-valid interval {row.interval}" if row.interval != "-" else "no interval yet"
    rates = f"{row.metric} {row.control} -> {row.treatment}"
    relative = f" ({row.relative})" if row.relative != "-" else ""
    return f"{rates}: {row.effect}{relative}, {interval}, n {row.n}, {row.coaches}"


def _strength(row: MetricRow | None) -> list[str]:
    if row is None:
        return []
    return [text for text in (row.strength, row.note) if text not in ("-", "")]


def _failed_text(check: Check) -> str:
    return f"FAILED ({check.severity}) {check.name}: {check.detail}"


def _checks_line(ran: int, failed: int) -> str:
    if not ran:
        return "none ran"
    return f"{ran - failed} of {ran} passed" if failed else f"all {ran} passed"


def _days_line(days_left: int | None) -> str:
    if days_left is None:
        return "days left unknown"
    if days_left <= 0:
        return "none left: the planned sample or the last day is reached"
    return f"about {days_left} day{'' if days_left == 1 else 's'} left to the last look"


def _entry(name: str, items: list[str]) -> list[str]:
    """A word in the margin and its paragraphs beside it."""
    margin = " " * 10
    width = WIDTH - len(margin)
    paragraphs = [
        textwrap.wrap(_held(item), width, subsequent_indent="  ", break_on_hyphens=False) or [""]
        for item in items
    ]
    lines = [margin + line.replace(NO_BREAK, " ") for paragraph in paragraphs for line in paragraph]
    return [f"{name:<10}" + lines[0].lstrip(), *lines[1:]] if lines else []


def _held(text: str) -> str:
    """The text with what belongs to one number held together."""
    for pair in (" / ", " -> ", " %"):
        text = text.replace(pair, pair.replace(" ", NO_BREAK))
    return text


def _table(rows: tuple[MetricRow, ...]) -> list[str]:
    if not rows:
        return []
    head = ("metric", "control", "treatment", "effect", "interval", "margin", "finding")
    cells = [head, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return [_table_line(line, widths) for line in (head, tuple("-" * width for width in widths), *cells[1:])]


def _cells(row: MetricRow) -> tuple[str, ...]:
    cells = (row.metric, row.control, row.treatment, row.effect, row.interval, row.margin, row.label)
    return tuple(cell.replace(" points", " pt").replace(" point", " pt") for cell in cells)


def _table_line(line: tuple[str, ...], widths: list[int]) -> str:
    left = (0, len(line) - 1)
    sized = enumerate(zip(line, widths, strict=True))
    return "  ".join(f"{c:<{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in sized).rstrip()
