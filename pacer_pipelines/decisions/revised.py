"""What a reader of today's message is told of earlier days that late data made to be judged again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

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
    more = f" and {len(revised) - NAMED} more" if len(revised) > NAMED else ""
    changed = [one for one in revised if one.was != one.word]
    words = (
        ", ".join(f"{one.date} was {one.was} and is {one.word} now" for one in changed) or "no word changed"
    )
    number = (
        f"{len(revised)} earlier verdict{'s were' if len(revised) > 1 else ' was'} revised ({days}{more})"
    )
    lost = [str(one.date) for one in changed if one.was == "promote"]
    loud = (
        f"THE PROMOTION OF {', '.join(lost)} DOES NOT HOLD ANY MORE; the flag was left as it is: look at it"
    )
    return (f"{number} because {'; '.join(revised[0].because)}: {words}", *((loud,) if lost else ()))
