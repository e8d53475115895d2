"""The truth of simulated worlds: what differs between kinds of worlds, and who lives in them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
CONTROL, TREATMENT = 0, 1
# of 2,000 requests a day 40 % are rated; approved ones twice as often as rejected ones
APPROVED = np.array([0.6, 0.4])
RATED = np.array([0.5, 0.25])
CARD_OF_APPROVED = 0.55 / 0.6
REVIEWS_OF_A_CARD = 1.05
FAILURES = 0.003
# few students carry most reviews: log-normal activity
ACTIVITY_SPREAD = 0.8
LAST_LAG = 10
# days before the start whose ratings make the covariate
PRE_PERIOD_DAYS = 28
BUSY_DAYS = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.6, 0.4])


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of world: everything that differs between kinds, and the seed.

    ``effect`` is B's true effect on the GOOD probability, ``effect_sd`` how much it varies between coaches;
    ``card_effect`` and ``engagement_effect`` are relative. ``bad_rated`` is how often B's BAD answers are rated,
    relative to A's. ``ramp`` has B's share in percent from a day on.
    """

    name: str
    seed: int
    unit: str = "request"
    coaches: int = 40
    ramp: tuple[tuple[int, float], ...] = ((1, 10.0),)
    effect: float = 0.0
    effect_sd: float = 0.0
    card_effect: float = 0.0
    engagement_effect: float = 0.0
    failures: float = FAILURES
    bad_first: bool = False
    bad_rated: float = 1.0
    weekly: bool = False
    whole_weeks: bool = False
    covariate: bool = False
    design_effect: float = 1.0
    good: float = 0.7
    coach_sd: float = 0.05
    correlation: float = 0.05
    students: int = 480
    requests_per_day: float = 2000.0
    days: int = 42
    worlds: int = 2000

    @property
    def sizes(self) -> Array:
        """Students of each coach: the largest coach has three times the smallest one's."""
        spread = np.linspace(0.5, 1.5, self.coaches) * self.students / self.coaches
        return np.diff(np.rint(np.cumsum(np.concatenate([[0.0], spread])))).astype(int)

    @property
    def phase_of_day(self) -> Array:
        """Position of the phase of each day."""
        starts = [start for start, _ in self.ramp]
        return np.searchsorted(starts, np.arange(1, self.days + 1), side="right") - 1


class Students(NamedTuple):
    """Who lives in the worlds; each of shape (worlds, coaches, places), empty places with rate 0.

    ``chance`` is the GOOD probability by variant, ``bucket`` the place in the split, ``covariate`` the shrunk
    deviation from the own coach before the start.
    """

    rate: Array
    chance: Array
    bucket: Array
    activity: Array
    covariate: Array

    def one_by_one(self, values: Array) -> Array:
        """Values of the students themselves, without empty places: the last two axes become one."""
        return values[..., self.rate[0] > 0]

    def treated(self, cell: Cell) -> Array:
        """Who is in B of a split by student that never changes, shape (worlds, students)."""
        return self.one_by_one(self.bucket) < cell.ramp[0][1]


def draw_students(rng: np.random.Generator, cell: Cell, count: int) -> Students:
    """The students of many worlds: coach and student differ in how often they are rated GOOD, students in activity."""
    places = int(cell.sizes.max())
    shape = (count, cell.coaches, places)
    taken = np.arange(places) < cell.sizes[:, None]
    coach = np.clip(rng.normal(cell.good, cell.coach_sd, shape[:2]), 0.4, 0.9)[..., None]
    # a Beta with this weight has the wanted correlation of two ratings of one student
    weight = 1 / cell.correlation - 1
    own = rng.beta(coach * weight, (1 - coach) * weight, shape)
    effect = rng.normal(cell.effect, cell.effect_sd, shape[:2])[..., None]
    rate = np.where(taken, cell.requests_per_day / cell.students, 0.0) * np.ones(shape)
    return Students(
        rate=rate,
        chance=np.array([own, np.clip(own + effect, 0, 1)]),
        bucket=rng.uniform(0, 100, shape),
        activity=rng.lognormal(-(ACTIVITY_SPREAD**2) / 2, ACTIVITY_SPREAD, shape),
        covariate=_covariate(rng, cell, rate, own),
    )


def _covariate(rng: np.random.Generator, cell: Cell, rate: Array, own: Array) -> Array:
    """Ratings before the start: deviation from the own coach's share of GOOD, shrunk, in whole thousandths."""
    rated = rng.poisson(rate * PRE_PERIOD_DAYS * float(APPROVED @ RATED))
    good = rng.binomial(rated, own)
    share = good.sum(-1, keepdims=True) / np.maximum(rated.sum(-1, keepdims=True), 1)
    return np.rint(1000 * (good - rated * share) / (rated + 19)) / 1000
