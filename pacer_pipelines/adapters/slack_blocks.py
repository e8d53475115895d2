"""Pieces of a Slack message, each within Slack's limits and with nothing in it that Slack would interpret.

Limits and their sources: tests/adapters/slack_limits.toml.
"""

import re
from collections.abc import Sequence
from typing import Any

# Slack allows 3000 characters a section, but about 13,000 a message
HEADER_LIMIT, SECTION_LIMIT, BLOCKS_LIMIT = 150, 1900, 50
BUTTON_LIMIT, TABLE_ROWS, CELL_LIMIT, TABLE_LIMIT = 75, 100, 80, 4_000
TEXT_LIMIT, MESSAGE_LIMIT = 1000, 12_000

Block = dict[str, Any]

# marks that turn or hide what stands behind them, and control characters
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def header(said: str) -> Block:
    """A title, on one line."""
    return {"type": "header", "text": plain(" ".join(said.split()), HEADER_LIMIT)}


def heading(said: str) -> Block:
    """A bold line."""
    return {"type": "rich_text", "elements": [_rich(_bold(said))]}


def section(said: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": plain(said, SECTION_LIMIT)}


def context(said: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [plain(said, SECTION_LIMIT)]}


def titled(title: str, lines: Sequence[str]) -> list[Block]:
    """A bold line and a list below it; nothing when there are no lines."""
    return [heading(title), *listed([f"• {line}" for line in lines])] if lines else []


def listed(lines: Sequence[str]) -> list[Block]:
    """Lines as one paragraph; nothing when there are none."""
    return [section("\n".join(lines))] if lines else []


def pairs(named: Sequence[tuple[str, str]]) -> list[Block]:
    """Names with their values, one below the other; nothing when there are none."""
    lines = [_rich(_bold(name), {"type": "text", "text": _said(f"  {value}")}) for name, value in named]
    bullets = {"type": "rich_text_list", "style": "bullet", "elements": lines}
    return [{"type": "rich_text", "elements": [bullets]}] if lines else []


def table(caption: str, rows: Sequence[Sequence[str]]) -> Block:
    """A table whose first row is its head; rows that Slack does not take are left out, and counted.

    Args:
        caption: what a screen reader announces.
        rows: equally many cells each, at least a head and one row.
    """
    kept, left = [], TABLE_LIMIT
    for row in rows[: TABLE_ROWS + 1]:
        cells = [cut(escape(cell) or "-", CELL_LIMIT) for cell in row]
        left -= sum(map(len, cells))
        if left < 0:
            break
        kept.append([{"type": "raw_text", "text": cell} for cell in cells])
    more = len(rows) - len(kept)
    said = f"{caption} ({more} more not shown)" if more else caption
    return {
        "type": "data_table", "caption": cut(escape(said), HEADER_LIMIT), "page_size": 20, "rows": kept
    }  # fmt: skip


def shout(said: str) -> Block:
    """A bold line that calls everybody in the channel."""
    mention = {"type": "broadcast", "range": "channel"}
    return {"type": "rich_text", "elements": [_rich(mention, _bold(f" {said}"))]}


def links(named: Sequence[tuple[str, str]]) -> list[Block]:
    """Names that lead somewhere, as links where the place is an address; nothing when there are none."""
    elements: list[Block] = []
    for name, where in named:
        if where.startswith(("https://", "http://")):
            shown = {"type": "link", "url": cut(_clean(where), SECTION_LIMIT), "text": _said(name)}
        else:
            shown = {"type": "text", "text": _said(f"{name}: {where}")}
        elements += [shown, {"type": "text", "text": "   "}]
    return [{"type": "rich_text", "elements": [_rich(*elements[:-1])]}] if elements else []


def button(said: str, action: str, value: str, *, style: str = "", confirm: Sequence[str] = ()) -> Block:
    """A button.

    Args:
        said: what stands on it.
        action: its action_id.
        value: what the app is told.
        style: ``primary``, ``danger`` or nothing.
        confirm: title, text, yes and no of a question before it counts.
    """
    found: Block = {"type": "button", "text": plain(said, BUTTON_LIMIT), "action_id": action, "value": value}
    if style:
        found["style"] = style
    if confirm:
        title, text, yes, no = confirm
        found["confirm"] = {
            "title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)
        }  # fmt: skip
    return found


def plain(said: str, limit: int) -> Block:
    """Text that Slack does not interpret."""
    return {"type": "plain_text", "text": cut(escape(said) or "-", limit), "emoji": False}


def escape(said: str) -> str:
    """Text in which Slack finds no mention, no channel and no link, and a reader no hidden mark."""
    return _clean(said).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(said: str) -> str:
    """The text as Slack shows it."""
    return said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def cut(said: str, limit: int) -> str:
    """At most so many characters, never cut through an escaped one."""
    if len(said) <= limit:
        return said
    kept = said[: limit - 1]
    entity = kept.rfind("&")
    if entity > limit - 8 and ";" not in kept[entity:]:
        kept = kept[:entity]
    return kept + "…"


def fitted(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, within what one message may have; where that is too much, the longest texts are cut, all alike."""
    kept = [_copied(block, None) for block in blocks[:BLOCKS_LIMIT]]
    tables = sum(len(cell["text"]) for block in kept for row in block.get("rows", ()) for cell in row)
    lengths: list[int] = []
    for block in kept:
        _copied(block, None, lengths)
    longest = _level(lengths, MESSAGE_LIMIT - tables)
    return [_copied(block, longest) for block in kept]


def _level(lengths: Sequence[int], limit: int) -> int | None:
    """The length to which all must be cut so that their sum fits; None when it fits as it is."""
    if sum(lengths) <= limit:
        return None
    low, high = 1, max(lengths)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(one, middle) for one in lengths) <= limit else (low, middle - 1)
    return low


def _copied(value: Any, longest: int | None, seen: list[int] | None = None) -> Any:
    """A block with each of its texts cut; cells of a table have a limit of their own."""
    if isinstance(value, list):
        return [_copied(inner, longest, seen) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {key: inner if key == "rows" else _copied(inner, longest, seen) for key, inner in value.items()}
    if isinstance(text := value.get("text"), str):
        found["text"] = text if longest is None else cut(text, longest)
        if seen is not None:
            seen.append(len(text))
    return found


def as_lines(message: dict[str, Any]) -> list[str]:
    """What a reader of the channel sees of a message, block by block, for a terminal."""
    return [line for block in message["blocks"] for line in _block_lines(block)]


def _block_lines(block: Block) -> list[str]:
    if block["type"] == "divider":
        return ["─" * 40]
    if block["type"] == "data_table":
        return _table_lines(block["rows"])
    if block["type"] == "rich_text":
        return [line for part in block["elements"] for line in _rich_lines(part)]
    if block["type"] == "actions":
        return ["  ".join(f"[ {unescape(one['text']['text'])} ]" for one in block["elements"])]
    texts = [block["text"]] if "text" in block else [*block.get("fields", []), *block.get("elements", [])]
    return [line for text in texts for line in unescape(text["text"]).split("\n")]


def _table_lines(rows: list[list[Block]]) -> list[str]:
    cells = [[unescape(cell["text"]) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def _rich_lines(part: Block) -> list[str]:
    if part["type"] == "rich_text_list":
        return [f"• {line}" for inner in part["elements"] for line in _rich_lines(inner)]
    return ["".join(map(_rich_said, part["elements"]))]


def _rich_said(element: Block) -> str:
    if element["type"] == "broadcast":
        return f"@{element['range']}"
    said = unescape(element["text"])
    return f"{said}: {element['url']}" if element["type"] == "link" else said


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _bold(said: str) -> Block:
    return {"type": "text", "text": _said(said), "style": {"bold": True}}


def _said(said: str) -> str:
    return cut(escape(said) or "-", SECTION_LIMIT)


def _clean(said: str) -> str:
    return _UNSEEN.sub("", said)
