"""What the AnkiConnect add-on answers: `cardReviews`, `getReviewsOfCards`, `cardsInfo`, `notesInfo`, saved as JSON.

References:
    Actions and the shape of their answers: https://git.sr.ht/~foosoft/anki-connect
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacer_pipelines.ingest.anki_links import Link, is_link_field, strongest
from pacer_pipelines.ingest.rows import FieldError, Reject, Row

# JSON of nothing but brackets takes thirty times its size in memory
JSON_CAP = 16 << 20
ITEMS_CAP = 300_000
_COLUMNS = ("id", "cid", "usn", "ease", "ivl", "lastIvl", "factor", "time", "type")


@dataclass
class Answers:
    """The items of one file, in order: reviews, links of cards, and what is neither."""

    reviews: list[Row] = field(default_factory=list)
    links: dict[int, Link] = field(default_factory=dict)
    cards: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def take(self, position: int, item: object) -> None:
        """Sort one item in."""
        if isinstance(item, list) and len(item) == len(_COLUMNS):
            self.reviews.append(dict(zip(_COLUMNS, item, strict=True)))
        elif isinstance(item, dict) and "cid" in item:
            self.reviews.append(item)
        elif isinstance(item, dict) and ("cardId" in item or "noteId" in item):
            self._link(item)
        else:
            self.rejects.append(Reject(position, "not an AnkiConnect row", f"got {type(item).__name__}"))

    def _link(self, item: Row) -> None:
        link = _link_of(item)
        cards = [item.get("cardId")] if "cardId" in item else item.get("cards")
        for card in cards if isinstance(cards, list) else []:
            self.cards += 1
            if link is not None and type(card) is int:
                self.links[card] = link


def read_answers(upload: Path) -> Answers:
    """Give what a file of AnkiConnect answers holds; a `multi` answer may mix all four actions.

    Raises:
        FieldError: If it is not JSON, too large, or AnkiConnect answered with an error.
    """
    answers = Answers()
    for position, item in enumerate(_items(_json(upload)), start=1):
        if position > ITEMS_CAP:
            raise FieldError(
                "Anki export too large", f"allowed {ITEMS_CAP} items: ask for one deck at a time"
            )
        answers.take(position, item)
    return answers


def _json(upload: Path) -> Any:
    if upload.stat().st_size > JSON_CAP:
        raise FieldError(
            "Anki export too large", f"allowed {JSON_CAP} bytes of JSON: ask for one deck at a time"
        )
    try:
        return json.loads(upload.read_bytes())
    except RecursionError:
        raise FieldError("nested too deeply") from None
    except UnicodeDecodeError:
        raise FieldError("not utf-8") from None
    except ValueError:
        raise FieldError("malformed json", "save AnkiConnect's answer as it came, in full") from None


def _items(answer: Any) -> Iterator[Any]:
    """Unwrap `{"result": …, "error": null}`, also one per action of a `multi`."""
    if isinstance(answer, dict) and "result" in answer:
        if answer.get("error") is not None:
            raise FieldError(
                "AnkiConnect answered an error", "ask again, and save the answer that has a result"
            )
        answer = answer["result"]
    if isinstance(answer, dict):
        yield from _by_card(answer)
    elif isinstance(answer, list):
        for item in answer:
            if isinstance(item, dict) and "result" in item:
                yield from _items(item)
            else:
                yield item
    else:
        yield answer


def _by_card(answer: Row) -> Iterator[Any]:
    """Give the reviews of `getReviewsOfCards`, which lie under their card's id."""
    for card, reviews in answer.items():
        # at most 19 digits: a longer one is no 64-bit number
        known = int(card) if card.isascii() and card.isdigit() and len(card) < 20 else None
        for review in reviews if isinstance(reviews, list) else [reviews]:
            yield {**review, "cid": known} if isinstance(review, dict) else None


def _link_of(item: Row) -> Link | None:
    fields, tags = item.get("fields"), item.get("tags")
    values = fields.items() if isinstance(fields, dict) else ()
    marks = [value.get("value") for name, value in values if is_link_field(name) and isinstance(value, dict)]
    return strongest(next(iter(marks), None), item.get("guid"), tags if isinstance(tags, list) else [])
