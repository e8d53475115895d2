"""A report or an alert as a Slack message: Block Kit within Slack's limits, and the plain text beside it."""

import re
from dataclasses import dataclass
from typing import Any

from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import Report

# Slack allows 3000 characters a section, but about 13,000 a message
HEADER_LIMIT, SECTION_LIMIT, FIELD_LIMIT, FIELDS_LIMIT, BLOCKS_LIMIT = 150, 1900, 1900, 10, 50
TEXT_LIMIT = 1000
SIGNS = {"promote": "🟢", "hold": "🟡", "rollback": "🔴"}

DOCS = "Data Docs of the day"

_BOLD = re.compile(r"^\*(.+)\*$")
_LINK = re.compile(r"<([^|>]+)\|([^>]+)>")

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """What cannot wait for the verdict of the day: what happened, the details, and where it comes from."""

    headline: str
    lines: tuple[str, ...]
    footer: str

    def as_text(self) -> str:
        """The alert as a person reads it in a file."""
        return "\n".join([self.headline, "", *self.lines, "", self.footer, ""])


def alert_message(alert: Alert) -> dict[str, Any]:
    """Text and blocks of an alert; what it says is not interpreted by Slack."""
    return {
        "text": _cut(escape(". ".join([alert.headline, *alert.lines])), TEXT_LIMIT),
        "blocks": [
            {"type": "header", "text": _plain(f"{SIGNS['rollback']} {alert.headline}", HEADER_LIMIT)},
            _section("\n".join(alert.lines)),
            _context(alert.footer),
        ],
    }


def message(report: Report) -> dict[str, Any]:
    """Text and blocks, as ``chat.postMessage`` and ``chat.update`` take them."""
    return {
        "text": _cut(escape(f"{report.headline}. {report.share_line}. {report.why}"), TEXT_LIMIT),
        "blocks": blocks(report),
    }


def blocks(report: Report) -> list[Block]:
    """The report as Block Kit blocks, the answer first.

    What came from data or plan stands in ``plain_text`` objects, which Slack does not interpret.
    """
    found = [
        {"type": "header", "text": _plain(f"{SIGNS[report.verdict]} {report.headline}", HEADER_LIMIT)},
        _heading(report.share_line),
        _section("\n".join([report.why, *(f"• {reason}" for reason in report.further)])),
        *_titled("Earlier verdicts", report.revised),
        *_effect(report),
        *_metrics(report.rows),
        _heading(f"Checks: {report.checks_line}"),
        *_list([f"✗ {check.name} ({check.severity}): {check.detail}" for check in report.failed_checks]),
        *([_docs(report.data_docs)] if report.data_docs else []),
        *_titled("Missing facts", report.missing_facts),
        *_titled("What would flip it", report.flip),
        {"type": "divider"},
        _context(f"{report.days_line} · as of {report.as_of} · verdict {report.verdict_id}"),
        _context(f"plan {report.plan_hash} · code {report.code_version}"),
    ]
    return found[:BLOCKS_LIMIT]


def as_lines(message: dict[str, Any]) -> list[str]:
    """What a reader of the channel sees of a message, block by block, for a terminal."""
    lines: list[str] = []
    for block in message["blocks"]:
        texts = [block["text"]] if "text" in block else [*block.get("fields", []), *block.get("elements", [])]
        if block["type"] == "divider":
            lines.append("─" * 40)
        for text in texts:
            words = (
                _LINK.sub(r"\2: \1", text["text"])
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&")
            )
            lines += [_BOLD.sub(r"\1", line) for line in words.split("\n")]
    return lines


def escape(text: str) -> str:
    """Text in which Slack finds no mention, no channel and no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _docs(where: str) -> Block:
    """The way to the page that explains the checks: a link if it is an address."""
    if where.startswith(("http://", "https://")):
        return {"type": "context", "elements": [_mrkdwn(f"<{escape(where)}|{DOCS}>", FIELD_LIMIT)]}
    return _context(f"{DOCS}: {where}")


def _effect(report: Report) -> list[Block]:
    row = report.primary
    if row is None or not row.shown:
        return [_section(report.effect_line)]
    pairs = [
        (row.metric, f"{row.control} → {row.treatment}"),
        ("Effect (treatment minus control)", row.effect + (f", {row.note}" if row.note else "")),
        ("Always-valid interval", row.interval if row.interval != "-" else "not known yet"),
        ("n control / treatment", f"{row.n}, {row.coaches}"),
        ("Strength", row.strength),
    ]
    fields = [
        _mrkdwn(f"*{escape(name)}*\n{escape(value)}", FIELD_LIMIT) for name, value in pairs if value != "-"
    ]
    return [{"type": "section", "fields": fields[:FIELDS_LIMIT]}]


def _metrics(rows: tuple[MetricRow, ...]) -> list[Block]:
    guarded = [row for row in rows if row.role in ("secondary", "guardrail")]
    others = [row for row in rows if row.role not in ("secondary", "guardrail")]
    return [
        *_titled("Must not be harmed", tuple(map(_metric_line, guarded))),
        *_titled("Also looked at", tuple(map(_metric_line, others))),
    ]


def _metric_line(row: MetricRow) -> str:
    if not row.shown:
        return f"{row.metric}: {row.effect}"
    interval = f" ({row.interval})" if row.interval != "-" else ""
    margin = f", margin {row.margin}" if row.margin != "-" else ""
    return f"{row.metric}: {row.label}. {row.control} → {row.treatment}, {row.effect}{interval}{margin}"


def _titled(title: str, lines: tuple[str, ...]) -> list[Block]:
    return [_heading(title), *_list([f"• {line}" for line in lines])] if lines else []


def _list(lines: list[str]) -> list[Block]:
    return [_section("\n".join(lines))] if lines else []


def _heading(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(f"*{escape(text)}*", SECTION_LIMIT)}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text, SECTION_LIMIT)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text, FIELD_LIMIT)]}


def _mrkdwn(text: str, limit: int) -> Block:
    return {"type": "mrkdwn", "text": _cut(text, limit)}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": _cut(escape(text), limit), "emoji": False}


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    entity = kept.rfind("&")
    # never cut through an escaped character
    if entity > limit - 8 and ";" not in kept[entity:]:
        kept = kept[:entity]
    return kept + "…"
