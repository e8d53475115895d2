"""How a card says which judgement of PACER it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

LINK_FIELD = "pacercard"
_MARKS = (
    ("field", re.compile(r"pacer:(\d{1,18})")),
    ("guid", re.compile(r"pacer-(\d{1,18})")),
    ("tag", re.compile(r"pacer::log::(\d{1,18})")),
)


class Link(NamedTuple):
    """The judgement behind a card, and which mark says so: field, guid or tag."""

    log_id: int
    how: str


def is_link_field(name: object) -> bool:
    """Say whether a note field is the hidden one; a student may have changed its case."""
    return str(name).casefold() == LINK_FIELD


def strongest(field: object, guid: object, tags: Iterable[object]) -> Link | None:
    """Give the link by the strongest mark: the hidden field, else the guid, else a tag.

    >>> strongest(" pacer:7 ", "pacer-8", ["pacer::log::9"])
    Link(log_id=7, how='field')
    >>> strongest(None, "xyz", ["maths", "pacer::log::9"])
    Link(log_id=9, how='tag')
    """
    marks = {"field": [field], "guid": [guid], "tag": tags}
    for how, pattern in _MARKS:
        for mark in marks[how]:
            if isinstance(mark, str) and (found := pattern.fullmatch(mark.strip())):
                return Link(int(found.group(1)), how)
    return None
