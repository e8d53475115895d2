"""The page of the season: the answer first, then what was planted and what happened."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .promises import DAYS_TO_ROLLBACK, STANDARD_ERRORS, broken_promises, rolled_back
from .town import COACHES, REQUESTS, STUDENTS, WEEKEND
from .truth import FIRST_HARM, FIRST_LOSS

# the words of the page, with names in braces where a number or a table belongs
WORDS = Path(__file__).with_name("page.md")
# measured on 2 cores, per world: 42 days of 12 CPU seconds, from 9 on the second day to 14 on the last
MINUTES, COST = "18 (37 on busy ones)", "9 CPU minutes each"
COLUMNS = ("world", "planted", "what the verdicts did", "other days", "end")
Row = dict[str, Any]


def write_page(summaries: Sequence[Row]) -> str:
    """Give the whole page as Markdown."""
    by_name = {summary["world"]: summary["days"] for summary in summaries}
    return WORDS.read_text(encoding="utf-8").format(
        answer=_answer(summaries, by_name),
        worlds=_table(COLUMNS, (_world(summary) for summary in summaries)),
        first_words=_first_words(by_name),
        students=STUDENTS,
        coaches=COACHES,
        requests=f"{round(REQUESTS * (5 + 2 * WEEKEND) / 7, -1):,.0f}",
        days=max(len(days) for days in by_name.values()),
        harm_from=f"on day {FIRST_HARM}",
        harm_to=f"{FIRST_HARM + DAYS_TO_ROLLBACK - 1}",
        errors=STANDARD_ERRORS,
        replayed=sum(summary["identical"] for summary in summaries),
        minutes=MINUTES,
        cost=COST,
    )


def _answer(summaries: Sequence[Row], by_name: dict[str, list[Row]]) -> str:
    broken = broken_promises(summaries)
    if broken:
        return "**Not all worlds ended as promised.** " + "; ".join(broken) + "."
    full = next(row["day"] for row in by_name["win"] if row["flag_after"]["share"] == 100)
    cut = rolled_back(by_name["harm"]) or 0
    return (
        f"**Yes, in all three planted worlds.** A better B had won all traffic after {full} days; a B that turned "
        f"harmful on day {FIRST_HARM} was at 0 % after day {cut}, its {_ordinal(cut - FIRST_HARM + 1)} harmful day; "
        f"and a better B whose log has holes since day {FIRST_LOSS} never moved. "
        f"Each world is {len(by_name['win'])} days long, and each morning's verdict decides who is served what "
        "on the next day."
    )


def _ordinal(number: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
    return names[number - 1] if 1 <= number <= len(names) else f"{number}th"


def _world(summary: Row) -> tuple[str, ...]:
    days = summary["days"]
    return (
        summary["world"],
        summary["planted"],
        _moves(days),
        _rest(days),
        f"B at {days[-1]['flag_after']['share']:g} %",
    )


def _moves(days: Sequence[Row]) -> str:
    moved = [
        f"day {row['day']}: {row['verdict']}, {row['flag_before']['share']:g} → {row['flag_after']['share']:g} %"
        for row in days
        if row["flag_after"] != row["flag_before"]
    ]
    return "<br>".join(moved) or "nothing"


def _rest(days: Sequence[Row]) -> str:
    """How often which rule spoke on the days that moved nothing."""
    counts: dict[str, int] = {}
    for row in days:
        if row["flag_after"] == row["flag_before"]:
            said = f"{row['verdict']} ({row['rule']})"
            counts[said] = counts.get(said, 0) + 1
    return "<br>".join(f"{count} × {said}" for said, count in counts.items())


def _first_words(by_name: dict[str, list[Row]]) -> str:
    """The first reason of the days that tell the story, as the verdict files have it."""
    told = {"win": ("verdict", "promote"), "harm": ("verdict", "rollback"), "broken": ("rule", "health")}
    first = {
        name: next((row for row in days if row[told[name][0]] == told[name][1]), None)
        for name, days in by_name.items()
    }
    quoted = [
        f"- *{name}*, day {row['day']}, **{row['verdict']}**: {row['reason']}"
        for name, row in first.items()
        if row
    ]
    return "In the words of the verdicts, their first reasons:\n\n" + "\n".join(quoted)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(columns), *(list(row) for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + " --- |" * len(lines[0]), *text[1:]])
