"""A report or an alert as a letter for Slack: the answer in the message, how we know it in its thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pacer_pipelines.adapters.letters import Letter, Part, Picture
from pacer_pipelines.adapters.slack_blocks import (
    TEXT_LIMIT,
    Block,
    button,
    context,
    cut,
    escape,
    fitted,
    header,
    heading,
    links,
    listed,
    pairs,
    section,
    shout,
    table,
    titled,
)
from pacer_pipelines.decisions.catalogue import in_language, say
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import COLUMNS, Action, Report, identity, plain_text, severity

SIGNS = {"promote": "🟢", "hold": "🟡", "rollback": "🔴"}
# in the message itself; the thread has all
CHECKS_NAMED, FLIPS_NAMED = 3, 2
ACTIONS_BLOCK = "pacer_actions"
STYLES: dict[Action, str] = {"approve": "primary", "roll_back": "danger"}
ASKED_TWICE: frozenset[Action] = frozenset({"approve", "roll_back"})


@dataclass(frozen=True, slots=True)
class Alert:
    """What cannot wait for the verdict of the day: what happened, the details, and where it comes from.

    ``about`` is the id that the button to acknowledge it hands on; without one there is no button.
    """

    headline: str
    lines: tuple[str, ...]
    footer: str
    about: str = ""
    locale: str = "en"

    def as_text(self) -> str:
        """The alert as a person reads it in a file."""
        return "\n".join([self.headline, "", *self.lines, "", self.footer, ""])


def alert_letter(alert: Alert, *, mention: bool = False) -> Letter:
    """The alert as a letter.

    Args:
        alert: what to say, told in its own language; nothing of it is interpreted by Slack.
        mention: whether it calls everybody in the channel.
    """
    alert = in_language(alert, alert.locale)
    title = f"{SIGNS['rollback']} {alert.headline}"
    blocks = [
        *([shout(alert.headline)] if mention else []),
        header(title),
        *listed(alert.lines),
        *_actions(("acknowledge",) if alert.about else (), alert.about, alert.locale),
        context(alert.footer),
    ]
    said = _message(". ".join([title, *alert.lines]), blocks, mention)
    return Letter(Part(said), alert.as_text(), loud=mention)


def letter(report: Report, pictures: Sequence[Picture] = ()) -> Letter:
    """The report as a letter; a quiet day is one short message without a thread.

    Args:
        report: what to say; nothing of it is interpreted by Slack.
        pictures: its charts, for the thread.
    """
    text, spoken = plain_text(report), _spoken(report)
    if report.quiet:
        return Letter(Part(_message(spoken, _short(report))), text)
    root = _part(spoken, _blocks, report, mention=report.loud)
    details = _part(". ".join([_word(report, "details"), *report.further]), _details, report)
    return Letter(root, text, (details,), tuple(pictures), loud=report.loud)


# how a table is shown: its title, its rows, and the words of the report's language
Shape = Callable[[str, Sequence[MetricRow], Report], list[Block]]
Layout = Callable[[Report, Shape], list[Block]]


def _part(spoken: str, layout: Layout, report: Report, *, mention: bool = False) -> Part:
    """The blocks twice: with tables, and as lists for a workspace that does not take tables yet."""
    first, second = (_message(spoken, layout(report, shape), mention) for shape in (_as_table, _as_list))
    return Part(first, second if first != second else None)


def _message(spoken: str, blocks: list[Block], mention: bool = False) -> dict[str, Any]:
    text = cut(escape(spoken), TEXT_LIMIT)
    return {"text": f"<!channel> {text}" if mention else text, "blocks": fitted(blocks)}


def _word(report: Report, key: str, **values: str) -> str:
    return in_language(say(f"slack.{key}", **values), report.locale)


def _title(report: Report) -> str:
    return f"{SIGNS[report.verdict]} {report.headline}"


def _spoken(report: Report) -> str:
    """The message for notifications and screen readers: enough without any block."""
    parts = (
        _title(report),
        report.share_line,
        report.why,
        report.effect_line,
        report.days_line,
        report.delayed,
    )
    return ". ".join(part for part in parts if part)


def _short(report: Report) -> list[Block]:
    """A day on which nothing happened: one glance."""
    new = [f"{_word(report, 'since_yesterday')}: {line}" for line in report.since]
    lines = [f"{report.share_line}. {report.why}", report.effect_line, *new]
    return [heading(_title(report)), *listed(lines), *_footer(report)]


def _blocks(report: Report, shape: Shape) -> list[Block]:
    """The verdict, why, and what to look at before the second sip."""
    guarded = [row for row in report.rows if row.role in ("secondary", "guardrail")]
    return [
        *([shout(report.headline)] if report.loud else []),
        header(_title(report)),
        heading(report.share_line),
        section(report.why),
        *titled(_word(report, "earlier_verdicts"), report.revised),
        *_effect(report),
        *shape(_word(report, "must_not_be_harmed"), guarded, report),
        heading(f"{_word(report, 'checks')}: {report.checks_line}"),
        *listed(_failed(report)[:CHECKS_NAMED]),
        *titled(_word(report, "since_yesterday"), report.since),
        *titled(_word(report, "what_would_flip_it"), report.flip[:FLIPS_NAMED]),
        *_footer(report),
    ]


def _details(report: Report, shape: Shape) -> list[Block]:
    """The first reply in the thread: how we know it."""
    others = [row for row in report.rows if row.role not in ("secondary", "guardrail")]
    return [
        *titled(_word(report, "details"), report.further),
        *shape(_word(report, "also_looked_at"), others, report),
        *titled(_word(report, "failed"), _failed(report)[CHECKS_NAMED:]),
        *titled(_word(report, "missing_facts"), report.missing_facts),
        *titled(_word(report, "what_would_flip_it"), report.flip[FLIPS_NAMED:]),
        *listed([report.reading] if report.reading else []),
        context(identity(report)),
    ]


def _footer(report: Report) -> list[Block]:
    """How long still, what people said and may do, where to go on, and what identifies it."""
    places = (
        ("run", report.links.run),
        ("dashboard", report.links.dashboard),
        ("data_docs", report.links.data_docs),
    )
    return [
        *listed(report.words),
        *_actions(report.actions, report.verdict_id, report.locale),
        *links([(_word(report, name), where) for name, where in places if where]),
        *([context(report.delayed)] if report.delayed else []),
        context(f"{report.days_line} · {_word(report, 'as_of', time=report.as_of)} · {report.verdict_id}"),
    ]


def _actions(actions: Sequence[Action], about: str, locale: str) -> list[Block]:
    """Buttons; what moves traffic asks once more."""
    found = [
        button(
            in_language(say(f"slack.{action}"), locale),
            f"pacer_{action}",
            about,
            style=STYLES.get(action, ""),
            confirm=_question(action, locale) if action in ASKED_TWICE else (),
        )
        for action in actions
    ]
    return [{"type": "actions", "block_id": ACTIONS_BLOCK, "elements": found}] if found else []


def _question(action: Action, locale: str) -> tuple[str, ...]:
    parts = (say(f"slack.confirm_{action}_{part}") for part in ("title", "text", "yes", "no"))
    return in_language(tuple(parts), locale)


def _effect(report: Report) -> list[Block]:
    row = report.primary
    if row is None or not row.shown:
        return [section(report.effect_line)]
    effect = ", ".join(part for part in (row.effect, row.note) if part)
    named = [
        (row.metric, f"{row.control} → {row.treatment}"),
        (_word(report, "effect"), effect),
        (_word(report, "interval"), row.interval),
        (_word(report, "n"), f"{row.n}, {row.coaches}"),
        (_word(report, "strength"), row.strength),
    ]
    return pairs([(name, value) for name, value in named if value != "-"])


def _as_table(title: str, rows: Sequence[MetricRow], report: Report) -> list[Block]:
    if not rows:
        return []
    head = [in_language(say(f"report.column_{name}"), report.locale) for name in COLUMNS]
    return [heading(title), table(title, [head, *map(_cells, rows)])]


def _cells(row: MetricRow) -> tuple[str, ...]:
    return (row.metric, row.control, row.treatment, row.effect, row.interval, row.margin, row.label)


def _as_list(title: str, rows: Sequence[MetricRow], report: Report) -> list[Block]:
    return titled(title, [_line(row, report) for row in rows])


def _line(row: MetricRow, report: Report) -> str:
    if not row.shown:
        return f"{row.metric}: {row.effect}"
    interval = f" ({row.interval})" if row.interval != "-" else ""
    margin = f", {_word(report, 'margin')} {row.margin}" if row.margin != "-" else ""
    return f"{row.metric}: {row.label}. {row.control} → {row.treatment}, {row.effect}{interval}{margin}"


def _failed(report: Report) -> list[str]:
    return [
        f"✗ {check.name} ({severity(check, report.locale)}): {check.detail}" for check in report.failed_checks
    ]
