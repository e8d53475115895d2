"""What is planted: the truth of each world, which the daily job never sees."""

from dataclasses import dataclass

GOOD_RATE = 0.70
FIRST_HARM, FIRST_LOSS = 9, 5


@dataclass(frozen=True, slots=True)
class Truth:
    """One planted world: what B is worth, from which day on, and which hours of the exposure log are lost.

    ``effect`` is B's true GOOD rate minus A's (0.09 = 9 points) from day ``effect_from`` on; before it B is as
    good as A. ``lost_hours`` are local hours whose exposures never reach the log from day ``lost_from`` on;
    PACER served and stored those judgements all the same.
    """

    name: str
    planted: str
    effect: float
    effect_from: int = 1
    lost_hours: tuple[int, ...] = ()
    lost_from: int = 1

    def good_rate(self, is_treatment: bool, day: int) -> float:
        """Give the true share of GOOD of a variant on a day of the experiment, over all coaches."""
        return GOOD_RATE + (self.effect if is_treatment and day >= self.effect_from else 0.0)

    def is_logged(self, day: int, hour: int) -> bool:
        """Tell whether an exposure of this local hour reaches the log."""
        return day < self.lost_from or hour not in self.lost_hours


WIN = Truth("win", "B is 9 points better from the first day", 0.09)
HARM = Truth(
    "harm",
    f"B is as good as A, and from day {FIRST_HARM} on 20 points worse",
    -0.20,
    effect_from=FIRST_HARM,
)
BROKEN = Truth(
    "broken",
    f"B is 9 points better, and from day {FIRST_LOSS} on the exposure log of 17:00 to 20:00 is lost every day",
    0.09,
    lost_hours=(17, 18, 19),
    lost_from=FIRST_LOSS,
)
WORLDS = (WIN, HARM, BROKEN)
