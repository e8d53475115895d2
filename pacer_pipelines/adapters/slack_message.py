"""A report or an alert as a Slack message: Block Kit within Slack's limits, and the plain text beside it."""

import re
from dataclasses import dataclass
from typing import Any

from pacer_pipelines.adapters.letters import Letter, Part
from pacer_pipelines.adapters.slack_blocks import (
    BLOCKS_LIMIT,
    FIELD_LIMIT,
    FIELDS_LIMIT,
    TEXT_LIMIT,
    Block,
    context,
    cut,
    escape,
    header,
    heading,
    listed,
    mrkdwn,
    section,
    titled,
)
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import Report, plain_text

SIGNS = {"promote": "🟢", "hold": "🟡", "rollback": "🔴"}

DOCS = "Data Docs of the day"

_BOLD = re.compile(r"^\*(.+)\*$")
_LINK = re.compile(r"<([^|>]+)\|([^>]+)>")


@dataclass(frozen=True, slots=True)
class Alert:
    """What cannot wait for the verdict of the day: what happened, the details, and where it comes from.

    ``about`` is the verdict or journal entry that a button says was seen; without it there is no button.
    """

    headline: str
    lines: tuple[str, ...]
    footer: str
    about: str = ""

    def as_text(self) -> str:
        """The alert as a person reads it in a file."""
        return "\n".join([self.headline, "", *self.lines, "", self.footer, ""])


def alert_message(alert: Alert) -> dict[str, Any]:
    """Text and blocks of an alert; what it says is not interpreted by Slack."""
    return {
        "text": cut(escape(". ".join([alert.headline, *alert.lines])), TEXT_LIMIT),
        "blocks": [
            header(f"{SIGNS['rollback']} {alert.headline}"),
            section("\n".join(alert.lines)),
            context(alert.footer),
        ],
    }


def letter(report: Report) -> Letter:
    """The report as a letter."""
    return Letter(Part(message(report)), plain_text(report))


def alert_letter(alert: Alert, *, mention: bool = False) -> Letter:
    """The alert as a letter.

    Args:
        alert: what to say.
        mention: whether everybody in the channel is called.
    """
    said = alert_message(alert)
    if mention:
        called = {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "channel"}]}
        said["text"] = f"<!channel> {said['text']}"
        said["blocks"].insert(1, {"type": "rich_text", "elements": [called]})
    if alert.about:
        said["blocks"].append(acknowledge_button(alert.about))
    return Letter(Part(said), alert.as_text())


def acknowledge_button(about: str) -> Block:
    """The button by which a person says that something was seen."""
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Acknowledge", "emoji": False},
        "action_id": "pacer_acknowledge",
        "value": about,
    }
    return {"type": "actions", "block_id": "pacer_actions", "elements": [button]}


def message(report: Report) -> dict[str, Any]:
    """Text and blocks, as ``chat.postMessage`` and ``chat.update`` take them."""
    return {
        "text": cut(escape(f"{report.headline}. {report.share_line}. {report.why}"), TEXT_LIMIT),
        "blocks": blocks(report),
    }


def blocks(report: Report) -> list[Block]:
    """The report as Block Kit blocks, the answer first.

    What came from data or plan stands in ``plain_text`` objects, which Slack does not interpret.
    """
    found = [
        header(f"{SIGNS[report.verdict]} {report.headline}"),
        heading(report.share_line),
        section("\n".join([report.why, *(f"• {reason}" for reason in report.further)])),
        *titled("Earlier verdicts", report.revised),
        *_effect(report),
        *_metrics(report.rows),
        heading(f"Checks: {report.checks_line}"),
        *listed([f"✗ {check.name} ({check.severity}): {check.detail}" for check in report.failed_checks]),
        *([_docs(report.links.data_docs)] if report.links.data_docs else []),
        *titled("Missing facts", report.missing_facts),
        *titled("What would flip it", report.flip),
        {"type": "divider"},
        context(f"{report.days_line} · as of {report.as_of} · verdict {report.verdict_id}"),
        context(f"plan {report.plan_hash} · code {report.code_version}"),
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


def _docs(where: str) -> Block:
    """The way to the page that explains the checks: a link if it is an address."""
    if where.startswith(("http://", "https://")):
        return {"type": "context", "elements": [mrkdwn(f"<{escape(where)}|{DOCS}>", FIELD_LIMIT)]}
    return context(f"{DOCS}: {where}")


def _effect(report: Report) -> list[Block]:
    row = report.primary
    if row is None or not row.shown:
        return [section(report.effect_line)]
    pairs = [
        (row.metric, f"{row.control} → {row.treatment}"),
        ("Effect (treatment minus control)", row.effect + (f", {row.note}" if row.note else "")),
        ("Always-valid interval", row.interval if row.interval != "-" else "not known yet"),
        ("n control / treatment", f"{row.n}, {row.coaches}"),
        ("Strength", row.strength),
    ]
    fields = [
        mrkdwn(f"*{escape(name)}*\n{escape(value)}", FIELD_LIMIT) for name, value in pairs if value != "-"
    ]
    return [{"type": "section", "fields": fields[:FIELDS_LIMIT]}]


def _metrics(rows: tuple[MetricRow, ...]) -> list[Block]:
    guarded = [row for row in rows if row.role in ("secondary", "guardrail")]
    others = [row for row in rows if row.role not in ("secondary", "guardrail")]
    return [
        *titled("Must not be harmed", tuple(map(_metric_line, guarded))),
        *titled("Also looked at", tuple(map(_metric_line, others))),
    ]


def _metric_line(row: MetricRow) -> str:
    if not row.shown:
        return f"{row.metric}: {row.effect}"
    interval = f" ({row.interval})" if row.interval != "-" else ""
    margin = f", margin {row.margin}" if row.margin != "-" else ""
    return f"{row.metric}: {row.label}. {row.control} → {row.treatment}, {row.effect}{interval}{margin}"
