"""The requests of simulated worlds: who was served what, rated when, with which card and how many reviews."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .truth import (
    APPROVED,
    BUSY_DAYS,
    CARD_OF_APPROVED,
    FAILURES,
    LAST_LAG,
    RATED,
    REVIEWS_OF_A_CARD,
    Array,
    Cell,
    Students,
)

MATURE_DAYS = 7


class Counts(NamedTuple):
    """New counts of each day, shape (days, variants, worlds, phases, coaches or students)."""

    metrics: Mapping[str, tuple[Array, Array]]
    decisions: tuple[Array, Array, Array]
    exposures: Array


class Flow(NamedTuple):
    """Requests a day and chance of GOOD, shape (phases, variants, worlds, coaches), and who asks at a coach.

    With a covariate the last axis is students; each has one variant, so that axis has one place, and ``treated``
    says which.
    """

    rate: Array
    chance: Array
    mix: Array | None
    treated: Array | None

    def differs(self, control: float, treatment: float) -> Array:
        """A number that is another one in B, to be multiplied with rates."""
        if self.treated is None:
            return np.array([control, treatment])[:, None, None]
        return np.where(self.treated, treatment, control)[None]


def count_rows(rng: np.random.Generator, cell: Cell, people: Students) -> Counts:
    """Everything that happens in the worlds of one batch, added up by coach (with a covariate: by student)."""
    flow = _flow_of_students(cell, people) if cell.covariate else _flow_of_coaches(cell, people)
    phase = cell.phase_of_day
    busy = np.tile(BUSY_DAYS, 52)[: cell.days] if cell.weekly else np.ones(cell.days)
    daily = flow.rate[phase] * busy[:, None, None, None]
    failing = flow.differs(FAILURES, cell.failures)
    failed = rng.poisson(daily * failing)
    served = (daily * (1 - failing))[:, :, None] * APPROVED[:, None, None]
    ratings = _ratings(rng, cell, flow, served)
    carded = flow.differs(CARD_OF_APPROVED, CARD_OF_APPROVED * (1 + cell.card_effect))
    cards = rng.binomial(ratings.requests[:, :, 0], carded)
    liveliness = flow.differs(REVIEWS_OF_A_CARD, REVIEWS_OF_A_CARD * (1 + cell.engagement_effect))
    reviews = rng.poisson(liveliness * _activity(rng, cards, flow.mix, people, phase))
    requests = ratings.requests.sum(2)
    exposures = _spread(requests + failed, cell, 0)
    sums = {
        "good_rate": (ratings.rated.sum(2), ratings.good.sum(2)),
        "good_rate_mature": (ratings.mature_rated, ratings.mature_good),
        "rating_rate": (_spread(requests, cell, MATURE_DAYS), ratings.mature_rated),
        "failure_rate": (exposures, _spread(failed, cell, 0)),
        "card_rate": (exposures, _spread(cards, cell, 0)),
        "engagement": (_spread(cards, cell, MATURE_DAYS), _spread(reviews, cell, MATURE_DAYS)),
    }
    return Counts(sums, (_spread(ratings.requests, cell, 0), ratings.rated, ratings.good), exposures)


def _flow_of_coaches(cell: Cell, people: Students) -> Flow:
    """Requests of a coach's students are one stream, of which each student has a share."""
    shares = np.array([share for _, share in cell.ramp])[:, None, None, None]
    if cell.unit == "student":
        treated = (people.bucket < shares).astype(float)
    else:
        treated = np.broadcast_to(shares / 100, (shares.shape[0], *people.bucket.shape))
    served = np.stack([1 - treated, treated], axis=1) * people.rate
    total = served.sum(-1)
    chance = (served * people.chance).sum(-1) / np.where(total > 0, total, 1)
    mix = np.where(total[..., None] > 0, served, people.rate)
    return Flow(total, chance, mix / mix.sum(-1, keepdims=True), None)


def _flow_of_students(cell: Cell, people: Students) -> Flow:
    """Each student is a stream; the split is by student and never changes."""
    treated = people.treated(cell)
    control, treatment = people.one_by_one(people.chance)
    chance = np.where(treated, treatment, control)
    return Flow(people.one_by_one(people.rate)[None, None], chance[None, None], None, treated)


class Ratings(NamedTuple):
    """Requests by decision on their own day; ratings on the day on which they are known."""

    requests: Array
    rated: Array
    good: Array
    mature_rated: Array
    mature_good: Array


def _ratings(rng: np.random.Generator, cell: Cell, flow: Flow, served: Array) -> Ratings:
    """Draw the ratings of each lag; ``served`` has shape (days, variants, decisions, worlds, coaches)."""
    good = flow.chance[cell.phase_of_day]
    bad_rated = flow.differs(1.0, cell.bad_rated)
    share = RATED[:, None, None, None] * np.stack([np.ones_like(bad_rated), bad_rated], axis=1)[:, None]
    asked = served[:, :, :, None] * np.stack([good, 1 - good], axis=2)[:, :, None]
    answered = asked * share
    requests = rng.poisson((asked - answered).sum(3))
    shape = (*served.shape[:4], len(cell.ramp), served.shape[4])
    rated, liked = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    mature, mature_liked = (np.zeros((*shape[:2], *shape[3:]), np.int64) for _ in range(2))
    for lag, weight in enumerate(_lags(cell).T):
        came = rng.poisson(answered * weight[:, None, None])
        requests += came.sum(3)
        _arrive(rated, came.sum(3), cell, lag)
        _arrive(liked, came[:, :, :, 0], cell, lag)
        _arrive(mature, came.sum((2, 3)), cell, max(lag, MATURE_DAYS))
        _arrive(mature_liked, came[:, :, :, 0].sum(2), cell, max(lag, MATURE_DAYS))
    return Ratings(requests, rated, liked, mature, mature_liked)


def _lags(cell: Cell) -> Array:
    """Share of GOOD and of BAD ratings that come so many days later, shape (2, lags)."""
    days = np.arange(LAST_LAG + 1)
    slowness = np.array([5.0, 1.0] if cell.bad_first else [3.0, 3.0])
    weight: Array = np.exp(-days / slowness[:, None])
    return weight / weight.sum(1, keepdims=True)


def _activity(
    rng: np.random.Generator, cards: Array, mix: Array | None, people: Students, phase: Array
) -> Array:
    """Sum of the owners' activity over the cards of each day; who owns a card is drawn by the traffic."""
    if mix is None:
        return cards * people.one_by_one(people.activity)
    owners = rng.multinomial(cards, mix[phase])
    return np.einsum("evwcs,wcs->evwc", owners, people.activity)


def _spread(counts: Array, cell: Cell, lag: int) -> Array:
    """Counts with an axis for phases, as many days later as they become known."""
    shape = (*counts.shape[:-1], len(cell.ramp), counts.shape[-1])
    found = np.zeros(shape, np.int64)
    _arrive(found, counts, cell, lag)
    return found


def _arrive(known: Array, new: Array, cell: Cell, lag: int) -> None:
    """Add what happened on each day to the day on which it becomes known, phase by phase."""
    starts = [start - 1 for start, _ in cell.ramp] + [cell.days]
    for phase, (start, end) in enumerate(pairwise(starts)):
        last = min(end, cell.days - lag)
        if last > start:
            known[start + lag : last + lag, ..., phase, :] += new[start:last]
