"""Changing some values in a JSON text, and no other byte of it: a hand-written file stays as its author laid it out."""

import json
import re
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def rewritten(text: str, old: Any, new: Any) -> str:
    """The text with new values where the two contents differ, byte for byte the same elsewhere.

    Args:
        text: a JSON text.
        old: its content.
        new: what the content shall be.

    Returns:
        A text whose content is ``new``. Where the places cannot be told (a key that stands twice), all of it is
        laid out anew.
    """
    spans, changed = dict(_spans(text)), text
    edits = [(spans.get(place), value) for place, value in _differences(old, new)]
    known = [(span, value) for span, value in edits if span is not None]
    # from the end, so that the places before stay where they are
    for (start, end), value in sorted(known, key=lambda edit: edit[0], reverse=True):
        changed = changed[:start] + json.dumps(value, ensure_ascii=False, indent=1) + changed[end:]
    if len(known) == len(edits) and json.loads(changed) == new:
        return changed
    return json.dumps(new, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _differences(old: Any, new: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The innermost places at which a value has to be replaced."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from _differences(old[key], new[key], (*place, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, (*place, number))
    elif old != new or type(old) is not type(new):
        yield place, new


def _spans(text: str) -> Iterator[tuple[Place, tuple[int, int]]]:
    """Where each value of a JSON text begins and ends."""
    opened: list[tuple[Place, int]] = []
    steps: list[str | int] = []
    key = ""
    for token in _TOKEN.finditer(text):
        mark = token.group()
        match mark:
            case "{" | "[":
                opened.append((tuple(steps), token.start()))
                steps.append(0 if mark == "[" else "")
            case "}" | "]":
                steps.pop()
                place, start = opened.pop()
                yield place, (start, token.end())
            case ":":
                steps[-1] = json.loads(key)
            case ",":
                last = steps[-1]
                steps[-1] = last + 1 if isinstance(last, int) else ""
            case _:
                key = mark
                yield tuple(steps), token.span()
