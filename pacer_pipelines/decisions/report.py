"""A verdict as the plain words and numbers that Slack, the terminal and the dashboard all show."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from pacer_pipelines.decisions.catalogue import each_text, in_a_row, in_language, say, say_count
from pacer_pipelines.decisions.columns import narrow, stretched
from pacer_pipelines.decisions.metric_rows import MetricRow, metric_row
from pacer_pipelines.decisions.reading import reading_text
from pacer_pipelines.decisions.revised import Revised, revised_text
from pacer_pipelines.decisions.since import is_quiet, since
from pacer_pipelines.decisions.values import Check, Finding, Role, Verdict, Word
from pacer_pipelines.plan import Plan

WIDTH = 96
COLUMNS = ("metric", "control", "treatment", "effect", "interval", "margin", "finding")
NO_BREAK = "\u00a0"
_ROLES_BELOW_THE_PRIMARY: tuple[Role, ...] = ("secondary", "guardrail", "health", "sensitivity")

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
    verdict: Verdict,
    plan: Plan,
    revised: Sequence[Revised] = (),
    before: Verdict | None = None,
    *,
    approved: bool = False,
) -> Report:
    """Everything to show about one verdict; aggregates only.

    Args:
        verdict: the decision of one experiment and day.
        plan: the plan that the verdict obeyed; gives margins, variant names and the last day.
        revised: earlier days that the run of this day judged again.
        before: the verdict of the judged day before, if there is one.
        approved: whether a person has approved it; then nobody is asked to.
    """
    primary = next((f for f in verdict.findings if f.metric == plan.primary.metric), None)
    first = metric_row(primary, plan) if primary else None
    failed = [check for check in verdict.checks if not check.passed]
    return Report(
        experiment=verdict.experiment,
        date=verdict.date,
        verdict=verdict.verdict,
        headline=say(
            f"report.{verdict.verdict}",
            experiment=verdict.experiment,
            date=verdict.date,
            day=say("report.day", day=verdict.day, most=plan.duration.max_days),
        ),
        share_line=_share_line(verdict, plan, approved),
        why=verdict.reasons[0] if verdict.reasons else say("report.rule", rule=verdict.rule),
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


def report_in(report: Report, locale: str) -> Report:
    """The report in a language."""
    return in_language(replace(report, locale=locale), locale)


def _share_line(verdict: Verdict, plan: Plan, approved: bool) -> str:
    line = share_line(plan.treatment.variant, verdict.share_before, verdict.share_after)
    if approved or verdict.verdict != "promote" or not plan.rollout.needs_approval:
        return line
    return say("report.once_approved", line=line, verdict=verdict.verdict_id)


def share_line(variant: str, before: float | None, after: float | None) -> str:
    """What happens to the treatment's traffic, in one line; shares in percent.

    >>> share_line("B", 30, 50), share_line("B", 30, 30)
    ('B: 30 % -> 50 %', 'B serves 30 % and stays there')
    """
    if after is None:
        return say("report.share_unknown", variant=variant)
    if before is None:
        return say("report.share_was_unknown", variant=variant, after=f"{after:g}")
    if before == after:
        return say("report.share_stays", variant=variant, after=f"{after:g}")
    return say("report.share_moves", variant=variant, before=f"{before:g}", after=f"{after:g}")


def plain_text(report: Report) -> str:
    """The report for a terminal or a file: at most 96 columns, the answer first, then how we know it."""
    own = each_text(report, stretched)

    def word(key: str) -> str:
        return stretched(in_language(say(f"report.{key}"), own.locale))

    as_of = in_language(say("slack.as_of", time=own.as_of), own.locale)
    blocks = [
        [own.headline, own.share_line],
        _entry(word("why"), [own.why, *own.further]),
        _entry(word("revised"), list(own.revised)),
        _entry(word("since"), list(own.since)),
        _entry(word("effect_entry"), [own.effect_line, *_strength(own.primary)]),
        _entry(word("reading_entry"), [own.reading] if own.reading else []),
        _table([word(f"column_{name}") for name in COLUMNS], own.rows),
        _entry(
            word("checks"),
            [
                own.checks_line,
                *(f"{word('failed')} {_failed_text(check, own.locale)}" for check in own.failed_checks),
            ],
        ),
        _entry(word("missing"), list(own.missing_facts)),
        _entry(word("flips"), list(own.flip)),
        _entry(word("days"), [own.days_line]),
        [word("footnote"), stretched(f"{identity(report)} · {as_of}")],
    ]
    return narrow("\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n")


def identity(report: Report) -> str:
    """What makes a verdict found again: its id, the plan's hash, and the version of the code."""
    ids = {"verdict": report.verdict_id, "plan": report.plan_hash, "code": report.code_version}
    return in_language(say("report.identity", **ids), report.locale)


def severity(check: Check, locale: str) -> str:
    """How bad it is that a check failed, in a word."""
    return in_language(say(f"word.{check.severity}"), locale)


def _below_the_primary(findings: Iterable[Finding], primary: Finding | None) -> list[Finding]:
    others = [finding for finding in findings if finding is not primary]
    return [finding for role in _ROLES_BELOW_THE_PRIMARY for finding in others if finding.role == role]


def _effect_line(row: MetricRow | None) -> str:
    if row is None:
        return say("report.no_primary")
    if not row.shown:
        return in_a_row(": ", (row.metric, row.effect))
    effect: str = row.effect
    if row.relative != "-":
        effect = say("report.relative", effect=effect, relative=row.relative)
    known = row.interval != "-"
    interval = say("report.interval", interval=row.interval) if known else say("report.no_interval")
    return say(
        "report.effect",
        metric=row.metric,
        control=row.control,
        treatment=row.treatment,
        effect=effect,
        interval=interval,
        n=row.n,
        coaches=row.coaches,
    )


def _strength(row: MetricRow | None) -> list[str]:
    if row is None:
        return []
    return [text for text in (row.strength, row.note) if text not in ("-", "")]


def _failed_text(check: Check, locale: str) -> str:
    return f"({stretched(severity(check, locale))}) {check.name}: {check.detail}"


def _checks_line(ran: int, failed: int) -> str:
    if not ran:
        return say("report.none_ran")
    return (
        say("report.some_passed", passed=ran - failed, ran=ran)
        if failed
        else say("report.all_passed", ran=ran)
    )


def _days_line(days_left: int | None) -> str:
    if days_left is None:
        return say("report.days_unknown")
    return say("report.no_days_left") if days_left <= 0 else say_count("report.days_left", days_left)


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


def _table(head: list[str], rows: tuple[MetricRow, ...]) -> list[str]:
    if not rows:
        return []
    cells = [tuple(head), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = (cells[0], tuple("-" * width for width in widths), *cells[1:])
    return [_table_line(line, widths) for line in lines]


def _cells(row: MetricRow) -> tuple[str, ...]:
    cells = (row.metric, row.control, row.treatment, row.effect, row.interval, row.margin, row.label)
    return tuple(cell.replace(" points", " pt").replace(" point", " pt") for cell in cells)


def _table_line(line: tuple[str, ...], widths: list[int]) -> str:
    left = (0, len(line) - 1)
    sized = enumerate(zip(line, widths, strict=True))
    return "  ".join(f"{c:<{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in sized).rstrip()
