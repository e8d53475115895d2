"""The statistics of a verdict a second time: statsmodels for estimates, scipy.stats for tails and sample ratios.

Formulas are those of the project's statistics paper; nothing of the product is imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import optimize, stats

# experiments/judge-model-v2.toml
BASELINE, SMALLEST_EFFECT, DESIGN_EFFECT = 0.78, 0.03, 1.5
ALARM_METRICS = 4
CRITICAL, POWER = 1.96, 0.84


@dataclass(frozen=True)
class Peer:
    """Effect, standard error, coaches, score and sizes, worked out by refitting.

    ``effective`` is the sum over coach x phase of n_A n_B / (n_A + n_B).
    """

    effect: float
    se: float
    coaches: int
    z_star: float
    n_control: float
    n_treatment: float
    effective: float


def cells_of(rows: pd.DataFrame, n: pd.Series, y: pd.Series) -> pd.DataFrame:
    """Sums per coach, phase and variant."""
    table = rows[["coach", "phase", "treated"]].assign(n=n.astype(float), y=y.astype(float))
    cells = table.groupby(["coach", "phase", "treated"], as_index=False).sum()
    return cells[cells["n"] > 0]


def comparable(cells: pd.DataFrame) -> pd.DataFrame:
    """Only the strata that have both variants: the others tell nothing about a difference."""
    return cells[cells.groupby(["coach", "phase"])["treated"].transform("nunique") == 2]


def slope(cells: pd.DataFrame) -> float:
    """Coefficient of treatment with one dummy per coach x phase: least squares on rows, as weighted means."""
    dummies = pd.get_dummies(cells["coach"] + "/" + cells["phase"], dtype=float)
    design = np.column_stack([cells["treated"].to_numpy(dtype=float), dummies.to_numpy()])
    return float(sm.WLS(cells["y"] / cells["n"], design, weights=cells["n"]).fit().params.iloc[0])


def estimate(
    cells: pd.DataFrame, *, binary: bool, relative: float = 0.0, absolute: float = 0.0
) -> Peer | None:
    """The effect with control shifted by a margin; one refit per coach left out gives the error."""
    used = comparable(cells)
    if used.empty:
        return None
    control = used["treated"] == 0
    moved = used["y"] * (1 - relative) + absolute * used["n"]
    shifted = used.assign(y=used["y"].where(~control, moved))
    coaches = sorted(set(used["coach"]))
    effect = slope(shifted)
    number = len(coaches)
    if number > 1:
        without = np.array([slope(shifted[shifted["coach"] != coach]) for coach in coaches])
        se = math.sqrt((number - 1) / number * float(((without - effect) ** 2).sum()))
    else:
        se = math.nan
    if binary:
        se = max(se, _least_error(used)) if _one_outcome(used) else se
    df = number - 1
    z_star = (
        math.copysign(-stats.norm.ppf(stats.t.cdf(-abs(effect / se), df)), effect) if df and se else math.nan
    )
    sizes = used.groupby("treated")["n"].sum()
    effective = used.groupby(["coach", "phase"])["n"].agg(lambda n: n.prod() / n.sum()).sum()
    return Peer(effect, se, number, z_star, float(sizes[0]), float(sizes[1]), float(effective))


def _one_outcome(cells: pd.DataFrame) -> bool:
    sums = cells.groupby("treated")[["n", "y"]].sum()
    return bool(((sums["y"] == 0) | (sums["y"] == sums["n"])).any())


def _least_error(cells: pd.DataFrame) -> float:
    """A variant without a single failure is not known to have none: Laplace's (y + 1) / (n + 2)."""
    sums = cells.groupby("treated")[["n", "y"]].sum()
    rate = (sums["y"] + 1) / (sums["n"] + 2)
    return math.sqrt(float((rate * (1 - rate) / sums["n"]).sum()))


def planned_effective() -> float:
    """n_B,max (1-s) = (1.96 + 0.84)^2 p (1-p) deff / delta^2, whatever the share s."""
    return (CRITICAL + POWER) ** 2 * BASELINE * (1 - BASELINE) * DESIGN_EFFECT / SMALLEST_EFFECT**2


def promote_bar(information: float) -> float:
    return CRITICAL / math.sqrt(min(information, 1.0))


def half_width(se: float, coaches: int, effective: float, n_opt: float) -> float:
    """SE sqrt((1+r)/r (2 ln(1/a) + ln(1+r))), r = r* n / n_opt, r* = -W_{-1}(-a^2/e) - 1, a = 2 * 0.05 / M.

    SE is widened by t_{1-a/2; G-1} / Phi^-1(1-a/2).
    W_{-1} is found as the root below -1 of w e^w = -a^2/e, by bisection of its logarithm.
    """
    a = 2 * 0.05 / ALARM_METRICS
    target = 2 * math.log(a) - 1
    w = -optimize.brentq(lambda v: math.log(v) - v - target, 1.0, 100.0, xtol=1e-14, rtol=1e-14)
    r = (-w - 1) * effective / n_opt
    se *= float(stats.t.ppf(1 - a / 2, coaches - 1) / stats.norm.ppf(1 - a / 2))
    return se * math.sqrt((1 + r) / r * (2 * math.log(1 / a) + math.log1p(r)))


def sample_ratio_p(units: pd.DataFrame, share: float) -> float:
    """Smallest 1 / BF of all days: Dirichlet-multinomial (k = 100) against multinomial, cumulative counts.

    Args:
        units: first exposure of each unit in one phase: day and treated.
        share: planned share of treatment.
    """
    planned = np.array([1 - share, share])
    p = 1.0
    for day in sorted(set(units["exposed"])):
        seen = units[units["exposed"] <= day]["treated"]
        counts = np.array([(seen == 0).sum(), (seen == 1).sum()])
        log_bf = stats.dirichlet_multinomial.logpmf(counts, 100 * planned, counts.sum())
        log_bf -= stats.multinomial.logpmf(counts, counts.sum(), planned)
        p = min(p, math.exp(-max(log_bf, 0.0)))
    return p


def weighted_by_decision(requests: pd.DataFrame) -> pd.DataFrame | None:
    """Cells in which each rating stands for the requests with its decision, not for those that were rated.

    Weight of decision and variant: its share of the requests over its share of the ratings, both counted where
    coaches rated both variants.
    """
    both = requests.groupby(["coach", "phase", "treated"])["rated"].sum().unstack("treated").fillna(0)
    strata = set(both[(both > 0).all(axis=1)].index)
    inside = requests[[key in strata for key in zip(requests["coach"], requests["phase"], strict=True)]]
    if inside.empty:
        return None
    asked = inside.groupby(["decision", "treated"]).size().unstack("treated", fill_value=0)
    answered = inside.groupby(["decision", "treated"])["rated"].sum().unstack("treated", fill_value=0)
    if bool(((asked > 0) & (answered == 0)).to_numpy().any()):
        return None
    weight = (asked / asked.sum()) / (answered / answered.sum())
    weights = np.array(
        [weight.at[key] for key in zip(requests["decision"], requests["treated"], strict=True)], dtype=float
    )
    return cells_of(requests, requests["rated"] * weights, requests["good"] * weights)


Better = Literal["higher", "lower"]


def against_margin(
    cells: pd.DataFrame, better: Better, *, binary: bool, relative: float = 0.0, absolute: float = 0.0
) -> float:
    """z* of "no worse than the margin": control is moved by the margin, then the effect must be above zero."""
    sign = 1 if better == "higher" else -1
    shifted = estimate(cells, binary=binary, relative=sign * relative, absolute=-sign * absolute)
    assert shifted is not None
    return sign * shifted.z_star
