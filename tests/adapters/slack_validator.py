"""Holds a message to the limits of slack_limits.toml; independent of how the message was made."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMITS = tomllib.loads(Path(__file__).with_name("slack_limits.toml").read_text(encoding="utf-8"))
Block = dict[str, Any]


def problems(message: dict[str, Any]) -> list[str]:
    """Everything in a message that Slack would refuse, or that it should not be asked to show."""
    blocks = message.get("blocks", [])
    limits = LIMITS["message"]
    found = [*_most("text", len(message.get("text", "")), limits["text"])]
    if not message.get("text"):
        found.append("no text: nothing for notifications and screen readers")
    found += _most("blocks", len(blocks), limits["blocks"])
    found += _most("characters", sum(len(text) for text in strings(blocks)), limits["characters"])
    charts = sum(block["type"] == "data_visualization" for block in blocks)
    found += _most("charts", charts, LIMITS["data_visualization"]["per_message"])
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        found.append("a block_id twice")
    found += _most("metadata", len(json.dumps(message.get("metadata", {}))), LIMITS["metadata"]["characters"])
    for number, block in enumerate(blocks):
        found += [f"block {number} ({block['type']}): {problem}" for problem in _block(block)]
    return found


def strings(value: Any) -> Iterator[str]:
    """Every string that stands behind a key ``text`` or in a cell."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and key in ("text", "caption", "title", "label", "name"):
                yield inner
            elif not isinstance(inner, str):
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def _block(block: Block) -> Iterator[str]:
    checks = {
        "header": _header, "section": _section, "context": _context, "divider": _divider, "actions": _actions,
        "data_table": _table, "data_visualization": _chart, "rich_text": _rich_text,
    }  # fmt: skip
    yield from _most("block_id", len(block.get("block_id", "")), LIMITS["block_id"]["text"])
    if block["type"] not in checks:
        yield "an unknown type"
    else:
        yield from checks[block["type"]](block)


def _header(block: Block) -> Iterator[str]:
    if block["text"]["type"] != "plain_text":
        yield "a header takes plain_text only"
    yield from _text(block["text"], LIMITS["header"]["text"])


def _section(block: Block) -> Iterator[str]:
    limits = LIMITS["section"]
    if ("text" in block) == ("fields" in block):
        yield "text or fields"
    if "text" in block:
        yield from _text(block["text"], limits["text"])
    yield from _most("fields", len(block.get("fields", [])), limits["fields"])
    for field in block.get("fields", []):
        yield from _text(field, limits["field"])


def _context(block: Block) -> Iterator[str]:
    yield from _most("elements", len(block["elements"]), LIMITS["context"]["elements"])
    for element in block["elements"]:
        yield from _text(element, LIMITS["context"]["text"])


def _divider(block: Block) -> Iterator[str]:
    if set(block) - {"type", "block_id"}:
        yield "a divider has no more than its type"


def _actions(block: Block) -> Iterator[str]:
    yield from _most("elements", len(block["elements"]), LIMITS["actions"]["elements"])
    if not block["elements"]:
        yield "no element"
    names = [element["action_id"] for element in block["elements"]]
    if len(names) != len(set(names)):
        yield "an action_id twice"
    for element in block["elements"]:
        yield from _text(element["text"], LIMITS["button"]["text"])
        for name in ("action_id", "value"):
            yield from _most(name, len(element[name]), LIMITS["button"][name])
        if element.get("style") not in (None, "primary", "danger"):
            yield "an unknown style"
        for name, limit in LIMITS["confirm"].items() if "confirm" in element else ():
            yield from _text(element["confirm"][name], limit)


def _table(block: Block) -> Iterator[str]:
    limits, rows = LIMITS["data_table"], block["rows"]
    if not limits["least_rows"] <= len(rows) <= limits["rows"]:
        yield f"{len(rows)} rows"
    if len({len(row) for row in rows}) > 1:
        yield "rows of different length"
    yield from _most("columns", max(map(len, rows)), limits["columns"])
    yield from _most(
        "characters",
        sum(len(str(cell.get("text", ""))) for row in rows for cell in row),
        limits["characters"],
    )
    if not block.get("caption"):
        yield "no caption"
    if not 1 <= block.get("page_size", 5) <= limits["page_size"]:
        yield "page_size"
    for cell in (cell for row in rows for cell in row):
        if cell["type"] not in ("raw_text", "raw_number") or ("text" in cell and not cell["text"]):
            yield f"a cell {cell}"


def _chart(block: Block) -> Iterator[str]:
    limits, chart = LIMITS["data_visualization"], block["chart"]
    yield from _most("title", len(block["title"]), limits["title"])
    yield from _most("series", len(chart["series"]), limits["series"])
    for series in chart["series"]:
        yield from _most("points", len(series["data"]), limits["points"])
        yield from _most("name", len(series["name"]), limits["label"])
        for point in series["data"]:
            yield from _most("label", len(point["label"]), limits["label"])


def _rich_text(block: Block) -> Iterator[str]:
    for part in block["elements"]:
        for element in _leaves(part):
            if element["type"] not in ("text", "link", "broadcast"):
                yield f"an element {element['type']}"
            if element["type"] != "broadcast" and not element.get("text"):
                yield "an empty text"
            yield from _most("text", len(element.get("text", "")), LIMITS["rich_text"]["text"])


def _leaves(part: Block) -> Iterator[Block]:
    for element in part["elements"]:
        yield from _leaves(element) if "elements" in element else [element]


def _text(text: Block, limit: int) -> Iterator[str]:
    if not text["text"]:
        yield "an empty text"
    yield from _most("text", len(text["text"]), limit)


def _most(what: str, got: int, limit: int) -> Iterator[str]:
    if got > limit:
        yield f"{what}: {got}, allowed {limit}"
