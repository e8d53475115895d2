"""Typed rows of `anki_reviews` and `anki_card_links`, from any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pacer_pipelines.ingest.anki_links import Link
from pacer_pipelines.ingest.rows import (
    BIGINT_MAX,
    INTEGER_MAX,
    FieldError,
    Origin,
    Parsed,
    Record,
    Reject,
    Row,
    in_years,
    integer,
    optional_integer,
)

DAY_STARTS = 4
REVIEWS_CAP = 300_000
LEFT_OUT = "older than every experiment, of cards that are not PACER's"
_NO_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Student:
    """Whose export it is, and what is asked of it.

    Args:
        key: Pseudonym of the student.
        since: Naive UTC; reviews before it of cards that this export does not link to PACER are private study
            that no experiment can need, so they do not land. None lets all land.
    """

    key: str
    since: datetime | None = None


def review_rows(
    reviews: Iterable[Record],
    links: Mapping[int, Link],
    student: Student,
    origin: Origin,
    rollover: int | None,
) -> Parsed:
    """Give rows of `anki_reviews`.

    Args:
        reviews: Fields as in Anki's `revlog`: id (epoch milliseconds), cid, ease, ivl, lastIvl, factor, time, type.
        links: What this very export says of its cards.
        student: Whose they are.
        origin: Display name, pseudonyms and the plan's time zone.
        rollover: Hour at which the student's Anki day begins, None if nobody knows.

    Returns:
        Rows (ease 0 included: a reset is part of the history) and rejects; what was left out is a warning.

    Raises:
        FieldError: If there are more than 300,000.
    """
    rows: dict[tuple[int, int], Row] = {}
    rejects: list[Reject] = []
    left_out = 0
    private = _private(student, links)
    for position, review in enumerate(reviews, start=1):
        if private(review):
            left_out += 1
            continue
        if len(rows) + len(rejects) >= REVIEWS_CAP:
            raise FieldError(
                "Anki export too large", f"allowed {REVIEWS_CAP} reviews: export PACER's deck only"
            )
        try:
            row = _review(review, student.key, origin, rollover) | {"source_line": position}
            _keep(rows, row)
        except FieldError as error:
            rejects.append(Reject(position, error.reason, error.detail))
    return Parsed(
        list(rows.values()), rejects, len(rows) + len(rejects), {LEFT_OUT: left_out} if left_out else {}
    )


def link_rows(links: Mapping[int, Link], student: Student, origin: Origin) -> Parsed:
    """Give rows of `anki_card_links`: card -> PACER's judgement, as one export says it."""
    rows = list(_links(links, student, origin))
    odd = [Reject(line, "out of range", "card id: allowed 0..2^63 - 1") for line, row in rows if row is None]
    kept = [row for _, row in rows if row is not None]
    return Parsed(kept, odd, len(rows))


def _links(links: Mapping[int, Link], student: Student, origin: Origin) -> Iterator[tuple[int, Row | None]]:
    for position, (card, link) in enumerate(links.items(), start=1):
        if type(card) is not int or not 0 <= card <= BIGINT_MAX:
            yield position, None
            continue
        yield (
            position,
            {
                "student_key": student.key,
                "anki_card_id": card,
                "log_id": link.log_id,
                "how": link.how,
                "card_created_date": _created(card, origin),
                "source_file": origin.source_file,
                "source_line": position,
            },
        )


def _private(student: Student, links: Mapping[int, Link]) -> Callable[[Record], bool]:
    if student.since is None:
        return lambda review: False
    first = int(student.since.replace(tzinfo=UTC).timestamp() * 1000)

    def private(review: Record) -> bool:
        moment, card = review.get("id"), review.get("cid")
        return type(moment) is int and 0 <= moment < first and type(card) is int and card not in links

    return private


def _keep(rows: dict[tuple[int, int], Row], row: Row) -> None:
    earlier = rows.setdefault((row["review_id"], row["anki_card_id"]), row)
    if earlier is not row:
        same = {**earlier, "source_line": 0} == {**row, "source_line": 0}
        raise FieldError(
            f"{'duplicate' if same else 'conflicting'} review", f"first at row {earlier['source_line']}"
        )


def _review(review: Record, student_key: str, origin: Origin, rollover: int | None) -> Row:
    review_id = integer(review, "id", 0, BIGINT_MAX)
    reviewed_at = _moment(review_id)
    return {
        "student_key": student_key,
        "review_id": review_id,
        "anki_card_id": integer(review, "cid", 0, BIGINT_MAX),
        "reviewed_at": in_years(reviewed_at, "id"),
        "reviewed_date": anki_day(reviewed_at, origin, rollover),
        "rollover_hour": rollover,
        "ease": integer(review, "ease", 0, 4),
        "interval_days": _days(review, "ivl"),
        "last_interval_days": _days(review, "lastIvl"),
        "factor": optional_integer(review, "factor", 0, INTEGER_MAX),
        "taken_ms": optional_integer(review, "time", 0, INTEGER_MAX),
        "review_type": optional_integer(review, "type", 0, 5),
        "source_file": origin.source_file,
    }


def _moment(milliseconds: int) -> datetime:
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise FieldError("out of range", "id: allowed epoch milliseconds of 2000..2099") from None
    return moment.replace(tzinfo=None, microsecond=milliseconds % 1000 * 1000)


def anki_day(moment: datetime, origin: Origin, rollover: int | None = None) -> date:
    """Give the day for which a review counts in Anki, on the plan's clock: it begins at 04:00 unless told.

    Hours are those of the wall, so a night of 23 or 25 hours belongs to one day as well.
    """
    hours = timedelta(hours=DAY_STARTS if rollover is None else rollover)
    return (moment.replace(tzinfo=UTC).astimezone(origin.tz).replace(tzinfo=None) - hours).date()


def _created(card: int, origin: Origin) -> date:
    """Give the day on which a card was made, which its id tells; an id that is no time gives the oldest day."""
    try:
        return anki_day(in_years(_moment(card), "id"), origin)
    except FieldError:
        return _NO_DAY


def _days(review: Record, field: str) -> float:
    """Give an interval in days; Anki stores days as positive, seconds as negative numbers."""
    value = integer(review, field, -INTEGER_MAX, INTEGER_MAX)
    return float(value) if value >= 0 else -value / 86_400
