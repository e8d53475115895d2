"""Single requests of made-up experiments, and least squares on them: what every sum must agree with."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import statsmodels.api as sm  # type: ignore[import-untyped]
from hypothesis import strategies as st

from pacer_pipelines.stats import Strata, summarise

Floats = npt.NDArray[np.float64]
Kind = Literal["binary", "latency", "ratio"]
Drawn = dict[str, list[int]]
CAP = 20.0


@dataclass(frozen=True)
class Units:
    """One row per request: who asked, who coaches, in which stratum (coach x phase), which variant, what came."""

    cluster: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    treated: npt.NDArray[np.int64]
    y: Floats
    n: Floats
    x: Floats | None
    kind: Kind

    def sums(self) -> Strata:
        """What the estimator is given; with a covariate each unit of the denominator is a row."""
        if self.kind == "ratio" and self.x is not None:
            card = np.repeat(np.arange(self.n.size), self.n.astype(np.int64))
            columns = self.cluster, self.stratum, self.treated, self.outcome()
            return summarise(*(column[card] for column in columns), x=self.x[card])
        return summarise(
            self.cluster,
            self.stratum,
            self.treated,
            self.y,
            n=self.n if self.kind == "ratio" else None,
            x=self.x,
            winsorise_at=CAP if self.kind == "latency" else None,
            binary=self.kind == "binary",
        )

    def outcome(self) -> Floats:
        """Rate of each request, capped for a latency: what least squares is given, with weights n."""
        return (np.minimum(self.y, CAP) if self.kind == "latency" else self.y) / self.n

    def without(self, cluster: int) -> "Units":
        """The same experiment, had this cluster not been there."""
        return self.keep(self.cluster != cluster)

    def keep(self, rows: npt.NDArray[np.bool_]) -> "Units":
        """Some of the rows."""
        columns = {name: getattr(self, name)[rows] for name in ("cluster", "stratum", "treated", "y", "n")}
        return replace(self, **columns, x=None if self.x is None else self.x[rows])

    def comparable(self) -> "Units":
        """Only strata with both variants."""
        _, at = np.unique(self.stratum, return_inverse=True)
        both = (np.bincount(at, self.treated) > 0) & (np.bincount(at, 1 - self.treated) > 0)
        return self.keep(both[at])


def an_experiment(
    seed: int,
    kind: Kind = "binary",
    *,
    covariate: bool = False,
    by_student: bool = False,
    coaches: int = 6,
    phases: int = 2,
    requests: int = 600,
) -> Units:
    """Coaches of different severity, shares of 20 and 40 %, students who ask several coaches."""
    rng = np.random.default_rng(seed)
    students = 24
    student, coach = rng.integers(0, students, requests), rng.integers(0, coaches, requests)
    phase = rng.integers(0, phases, requests)
    share = np.linspace(0.2, 0.4, phases)[phase]
    treated = (rng.random(requests) < share).astype(np.int64)
    x = rng.normal(size=students)[student]
    latent = 0.2 * rng.normal(size=coaches)[coach] + 0.4 * x + 0.2 * treated + rng.normal(size=requests)
    n = np.ones(requests)
    if kind == "binary":
        y = (latent > -0.3).astype(np.float64)
    elif kind == "latency":
        y = np.exp(2.0 + 0.8 * latent)
    else:
        n = rng.integers(1, 6, requests).astype(np.float64)
        y = rng.poisson(n * np.exp(0.3 * latent)).astype(np.float64)
    cluster = student if by_student else coach
    return Units(cluster, coach * phases + phase, treated, y, n, x if covariate else None, kind)


def least_squares(units: Units) -> tuple[float, float]:
    """Treatment's coefficient, and the covariate's (0 without one), with one dummy per stratum, by statsmodels."""
    kept = units.comparable()
    labels, at = np.unique(kept.stratum, return_inverse=True)
    along = [] if kept.x is None else [kept.x]
    design = np.column_stack([kept.treated.astype(float), *along, np.eye(labels.size)[at]])
    found = sm.WLS(kept.outcome(), design, weights=kept.n).fit(method="qr").params
    return float(found[0]), float(found[1]) if along else 0.0


def refitted_error(units: Units) -> float:
    """The jackknife in its own words: fit again without each cluster."""
    kept = units.comparable()
    clusters = np.unique(kept.cluster)
    full = least_squares(kept)[0]
    changes = [least_squares(kept.without(int(one)))[0] - full for one in clusters]
    return math.sqrt((clusters.size - 1) / clusters.size * math.fsum(change**2 for change in changes))


@st.composite
def units(draw: st.DrawFn, smallest: int = 0) -> Drawn:
    """Single requests with whole numbers, so that every sum is exact."""
    size = draw(st.integers(smallest, 40))
    ranges = {"cluster": (0, 5), "stratum": (0, 3), "treated": (0, 1), "y": (0, 1), "x": (-3, 3)}
    return {
        name: draw(st.lists(st.integers(*limits), min_size=size, max_size=size))
        for name, limits in ranges.items()
    }


def sums_of(drawn: Drawn, covariate: bool, *, y: float = 1.0, x: float = 1.0, swap: bool = False) -> Strata:
    """Their sums: y and x in other units, or the variants swapped, if asked."""
    treated = np.array(drawn["treated"], np.int64)
    return summarise(
        np.array(drawn["cluster"], np.int64),
        np.array(drawn["stratum"], np.int64),
        1 - treated if swap else treated,
        y * np.array(drawn["y"], np.float64),
        x=x * np.array(drawn["x"], np.float64) if covariate else None,
        binary=y == 1.0,
    )
