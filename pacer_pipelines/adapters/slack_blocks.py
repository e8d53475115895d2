"""Pieces of a Slack message, each within Slack's limits and with nothing in it that Slack would interpret."""

from typing import Any

# Slack allows 3000 characters a section, but about 13,000 a message
HEADER_LIMIT, SECTION_LIMIT, FIELD_LIMIT, FIELDS_LIMIT, BLOCKS_LIMIT = 150, 1900, 1900, 10, 50
TEXT_LIMIT = 1000

Block = dict[str, Any]


def header(said: str) -> Block:
    """A title."""
    return {"type": "header", "text": plain(said, HEADER_LIMIT)}


def heading(said: str) -> Block:
    """A bold line."""
    return {"type": "section", "text": mrkdwn(f"*{escape(said)}*", SECTION_LIMIT)}


def section(said: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": plain(said, SECTION_LIMIT)}


def context(said: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [plain(said, FIELD_LIMIT)]}


def titled(title: str, lines: tuple[str, ...]) -> list[Block]:
    """A bold line and a list below it; nothing when there are no lines."""
    return [heading(title), *listed([f"• {line}" for line in lines])] if lines else []


def listed(lines: list[str]) -> list[Block]:
    """Lines as one paragraph; nothing when there are none."""
    return [section("\n".join(lines))] if lines else []


def mrkdwn(said: str, limit: int) -> Block:
    """Text that Slack interprets: whatever came from outside must have been escaped."""
    return {"type": "mrkdwn", "text": cut(said, limit)}


def plain(said: str, limit: int) -> Block:
    """Text that Slack does not interpret."""
    return {"type": "plain_text", "text": cut(escape(said), limit), "emoji": False}


def escape(said: str) -> str:
    """Text in which Slack finds no mention, no channel and no link."""
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(said: str, limit: int) -> str:
    """At most so many characters, never cut through an escaped one."""
    if len(said) <= limit:
        return said
    kept = said[: limit - 1]
    entity = kept.rfind("&")
    if entity > limit - 8 and ";" not in kept[entity:]:
        kept = kept[:entity]
    return kept + "…"
