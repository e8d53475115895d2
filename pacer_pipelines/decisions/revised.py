"""What a reader of today's message is told of earlier days that late data made to be judged again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pacer_pipelines.decisions.catalogue import in_a_row, say, say_count
from pacer_pipelines.decisions.values import Word

NAMED = 3


@dataclass(frozen=True, slots=True)
class Revised:
    """An old day that was judged again because of late data: its word before and now, and what arrived."""

    date: date
    was: Word
    word: Word
    because: tuple[str, ...]


def revised_text(revised: Sequence[Revised]) -> tuple[str, ...]:
    """Nothing, or which days were revised, why, and whether a word changed; a lost promotion is said apart.

    Args:
        revised: the days, oldest first.
    """
    if not revised:
        return ()
    days = ", ".join(str(one.date) for one in revised[:NAMED])
    more = len(revised) - NAMED
    changed = [one for one in revised if one.was != one.word]
    words = in_a_row(
        ", ",
        (
            say("revised.changed", date=one.date, was=say(f"word.{one.was}"), word=say(f"word.{one.word}"))
            for one in changed
        ),
    )
    number = say_count(
        "revised.number",
        len(revised),
        days=say("revised.more", days=days, more=more) if more > 0 else days,
        because="; ".join(revised[0].because),
        words=words or say("revised.no_word"),
    )
    lost = [str(one.date) for one in changed if one.was == "promote"]
    return (number, *((say("revised.lost", days=", ".join(lost)),) if lost else ()))
