"""By how much each student deviated from the own coaches before 9 November, exactly, from the raw files alone."""

from collections import defaultdict
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from pipeline.worlds import EXAMPLE

from .raw_fortnight import database_rows, day_of, json_lines, moment

START = date(2026, 11, 9)


def known_at_the_start() -> list[tuple[str, str, str]]:
    """(student, coach, rating) of each judgement before the start, from the copy of its first midnight."""
    copy = EXAMPLE / "pacer_night06.db.zst"
    students = {row["student_id"] for row in database_rows(copy, "select student_id from students")}
    last: dict[int, tuple[datetime, dict[str, Any]]] = {}
    for event in json_lines(EXAMPLE / "feedback_events.jsonl.gz"):
        at = moment(event["ts"])
        if day_of(at) < START and at >= last.get(event["log_id"], (at, {}))[0]:
            last[event["log_id"]] = (at, event)
    found = []
    for row in database_rows(copy, "select * from llm_logs"):
        assert day_of(moment(row["created_at"])) < START
        _, event = last.get(row["log_id"], (None, {}))
        rating = event.get("feedback", row["coach_feedback"])
        coach = event.get("coach_id") or row["coach_id"]
        # some ids begin like others: the longest one is meant
        owners = [one for one in students if f"{row['submission_id']}-".startswith(f"{one}-")]
        if owners and coach and rating in ("GOOD", "BAD"):
            found.append((max(owners, key=len), coach, rating))
    return found


def deviations() -> dict[str, Fraction]:
    """Student -> shrunk deviation from the own coaches, exactly."""
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for student, coach, rating in known_at_the_start():
        cells[student, coach].append(int(rating == "GOOD"))
    of_coach: dict[str, list[int]] = defaultdict(list)
    for (_, coach), ratings in cells.items():
        of_coach[coach] += ratings
    deviation: dict[str, Fraction] = defaultdict(Fraction)
    rated: dict[str, int] = defaultdict(int)
    for (student, coach), ratings in cells.items():
        rate = Fraction(sum(of_coach[coach]), len(of_coach[coach]))
        deviation[student] += sum(ratings) - len(ratings) * rate
        rated[student] += len(ratings)
    return {student: deviation[student] / (rated[student] + 19) for student in rated}
