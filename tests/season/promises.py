"""What the season promises: how each world has to end, and that traffic follows the flag on every day."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from .truth import BROKEN, FIRST_HARM, FIRST_LOSS, HARM, WIN

# docs/calibration.md: 80 % of worlds with -15 points are rolled back on day 3 to 6 of the harm
DAYS_TO_ROLLBACK = 6
# a day's split leaves these bounds once in 150,000 days
STANDARD_ERRORS = 4.5
Summary = dict[str, Any]
Row = dict[str, Any]


def broken_promises(summaries: Sequence[Summary]) -> list[str]:
    """Give one sentence per promise that a world did not keep; none when all is as promised."""
    ends = {WIN.name: _win, HARM.name: _harm, BROKEN.name: _broken}
    return [
        f"{summary['world']}: {sentence}"
        for summary in summaries
        for sentence in (
            *traffic(summary["days"]),
            *ends[summary["world"]](summary["days"]),
            *_replay(summary),
        )
    ]


def _replay(summary: Summary) -> Iterator[str]:
    """Every verdict of the world, made again from what it was made of, is the same bytes."""
    if not len(summary["days"]) <= summary["replayed"] == summary["identical"]:
        yield f"{summary['identical']} of {summary['replayed']} verdicts were replayed byte for byte"


def traffic(days: Sequence[Row]) -> Iterator[str]:
    """Every day is served by the flag that the night before left, and is split as that flag says."""
    for row in days:
        live, share = row["flag_before"], row["flag_before"]["share"] / 100
        if row["versions"] != [live["version"]]:
            yield f"day {row['day']}: served by flag version {row['versions']}, live was {live['version']}"
        error = math.sqrt(share * (1 - share) / row["exposures"])
        if abs(row["of_treatment"] / row["exposures"] - share) > STANDARD_ERRORS * error:
            yield f"day {row['day']}: B was served {row['served']} %, the flag said {100 * share:g} %"
    for row, following in pairwise(days):
        if row["flag_after"] != following["flag_before"]:
            yield f"day {following['day']}: somebody else changed the flag"


def _win(days: Sequence[Row]) -> Iterator[str]:
    """B climbs every step of the ladder, is never taken back, and ends with all traffic."""
    shares = list(dict.fromkeys(row["flag_after"]["share"] for row in days))
    if shares != [10, 25, 50, 100]:
        yield f"B's shares were {shares}, promised are 10, 25, 50, 100"
    if any(row["verdict"] == "rollback" for row in days):
        yield "a better B was rolled back"
    if days[-1]["served"] < 100:
        yield f"B was served {days[-1]['served']} % on the last day"


def _harm(days: Sequence[Row]) -> Iterator[str]:
    """B is rolled back soon after the harm begins, not before, and never served again."""
    cut = rolled_back(days)
    if cut is None:
        yield "B was never rolled back"
        return
    if not FIRST_HARM <= cut < FIRST_HARM + DAYS_TO_ROLLBACK:
        yield f"B was rolled back on day {cut}, promised is day {FIRST_HARM} to {FIRST_HARM + DAYS_TO_ROLLBACK - 1}"
    if any(row["verdict"] == "promote" for row in days):
        yield "a B that is no better was promoted"
    if served := [row["day"] for row in days if row["day"] > cut and row["of_treatment"]]:
        yield f"B was served after the rollback, on day {served[0]}"
    if days[-1]["flag_after"]["share"]:
        yield f"B has {days[-1]['flag_after']['share']:g} % at the end"


def _broken(days: Sequence[Row]) -> Iterator[str]:
    """B never leaves its first share, and from the first lost hour on every hold names a check."""
    if {row["flag_after"]["share"] for row in days} != {10}:
        yield "B's share moved on a log with holes"
    for row in days:
        holds_by_check = row["verdict"] == "hold" and row["rule"] == "health"
        if holds_by_check != (row["day"] >= FIRST_LOSS):
            yield f"day {row['day']}: {row['verdict']} by rule {row['rule']}"


def rolled_back(days: Sequence[Row]) -> int | None:
    """Give the first day with a rollback, or None."""
    return next((row["day"] for row in days if row["verdict"] == "rollback"), None)
