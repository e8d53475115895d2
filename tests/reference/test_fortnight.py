"""Every day of the fortnight against an independent calculation from the raw files (raw_fortnight, peer)."""

from __future__ import annotations

import math
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from pipeline.worlds import DAYS, LAST, RanFortnight, finding

from .peer import (
    Peer,
    against_margin,
    cells_of,
    estimate,
    half_width,
    planned_effective,
    promote_bar,
    sample_ratio_p,
    slope,
    weighted_by_decision,
)
from .raw_fortnight import Fortnight

TOLERANCE = 1e-8
# an effect of nothing is a difference of sums of this rounding
NOTHING = 1e-12
# experiments/judge-model-v2.toml: better, relative margin, absolute margin
MARGINS = {
    "card_rate": ("higher", 0.10, 0.0),
    "engagement": ("higher", 0.25, 0.0),
    "failure_rate": ("lower", 0.0, 0.01),
}
BINARY = {"good_rate", "good_rate_mature", "rating_rate", "failure_rate"}
METRICS = [
    "good_rate", "failure_rate", "card_rate", "engagement", "good_rate_mature", "rating_rate",
    "good_rate_by_decision",
]  # fmt: skip
# flags/v1.json and v2.json: buckets below 1000, then below 3000, of 10,000
SHARES = {"1": 0.10, "2": 0.30}


class RawDay:
    """What the raw files say at the end of a day."""

    def __init__(self, raw: Fortnight, day: date) -> None:
        self.exposures = raw.requests(day)

    @cached_property
    def cells(self) -> dict[str, pd.DataFrame]:
        """Sums per coach, phase and variant, by metric; a metric without any row is left out."""
        every, requests = self.exposures, self.exposures[self.exposures["request"]]
        mature, cards = requests[requests["mature"]], every[every["card_matured"]]
        found = {
            "good_rate": cells_of(requests, requests["rated"], requests["good"]),
            "failure_rate": cells_of(every, _ones(every), every["failed"]),
            "card_rate": cells_of(every, _ones(every), every["carded"]),
            "engagement": cells_of(cards, _ones(cards), cards["reviews"]),
            "good_rate_mature": cells_of(mature, mature["rated"], mature["good"]),
            "rating_rate": cells_of(mature, _ones(mature), mature["rated"]),
            "good_rate_by_decision": weighted_by_decision(requests),
        }
        return {metric: cells for metric, cells in found.items() if cells is not None}

    @cached_property
    def peers(self) -> dict[str, Peer | None]:
        return {
            metric: estimate(self.cells[metric], binary=metric in BINARY) if metric in self.cells else None
            for metric in METRICS
        }

    def z_star(self, metric: str) -> float:
        """The score that meets the bar: against zero, or against the margin of a guarded metric."""
        if metric not in MARGINS:
            peer = self.peers[metric]
            assert peer is not None
            return peer.z_star
        better, relative, absolute = MARGINS[metric]
        return against_margin(
            self.cells[metric], better, binary=metric in BINARY, relative=relative, absolute=absolute
        )


def _ones(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(1, index=rows.index)


@pytest.fixture(scope="session")
def raw(example: Path) -> Fortnight:
    return Fortnight(example)


@pytest.fixture(scope="session")
def raw_days(raw: Fortnight) -> dict[date, RawDay]:
    return {day: RawDay(raw, day) for day in DAYS}


def judged(fortnight: RanFortnight, day: date, metric: str) -> dict[str, Any]:
    return finding(fortnight.verdicts[day], metric)


def same(value: float) -> Any:
    return pytest.approx(value, rel=TOLERANCE, abs=NOTHING)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("day", DAYS, ids=str)
def test_estimate_error_coaches_and_score_equal_the_peer(
    fortnight: RanFortnight, raw_days: dict[date, RawDay], day: date, metric: str
) -> None:
    found, peer = judged(fortnight, day, metric), raw_days[day].peers[metric]
    if peer is None:
        assert (found["effect"], found["se"], found["G"], found["label"]) == (None, None, 0, "no_data")
        return
    assert found["effect"] == same(peer.effect)
    assert found["G"] == peer.coaches
    assert found["n"] == {"control": round(peer.n_control), "treatment": round(peer.n_treatment)}
    if math.isnan(peer.se):
        assert (found["se"], found["z_star"], found["interval"]) == (None, None, None)
        return
    assert found["se"] == same(peer.se)
    assert found["z_star"] == same(raw_days[day].z_star(metric))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("day", DAYS, ids=str)
def test_bar_and_interval_follow_the_formulas(
    fortnight: RanFortnight, raw_days: dict[date, RawDay], day: date, metric: str
) -> None:
    found, peer = judged(fortnight, day, metric), raw_days[day].peers[metric]
    primary, planned = raw_days[day].peers["good_rate"], planned_effective()
    information = 0.0 if primary is None else primary.effective / planned
    assert found["information"] == same(information)
    assert found["bar"] == (same(promote_bar(information)) if information else None)
    if peer is not None and not math.isnan(peer.se):
        # 300 rated of B at the first step of 10 % are 270 of effective size
        n_opt = planned / 6 if metric in MARGINS or metric == "rating_rate" else 300.0 * 0.9
        assert found["effective_n"] == same(peer.effective)
        half = half_width(peer.se, peer.coaches, peer.effective, n_opt)
        assert found["interval"] == [same(peer.effect - half), same(peer.effect + half)]


@pytest.mark.parametrize("metric", ["good_rate", "failure_rate", "card_rate"])
def test_the_weighted_cells_are_least_squares_on_single_requests(
    raw_days: dict[date, RawDay], metric: str
) -> None:
    """The peer itself, held to a regression with one row per request and one dummy per coach and phase."""
    rows = raw_days[LAST].exposures
    if metric == "good_rate":
        rows = rows[rows["rated"] == 1]
    outcome = {"good_rate": "good", "failure_rate": "failed", "card_rate": "carded"}[metric]
    rows = rows.assign(stratum=rows["coach"] + "/" + rows["phase"])
    fitted = smf.ols(f"{outcome} ~ treated + C(stratum)", data=rows).fit()
    assert slope(raw_days[LAST].cells[metric]) == same(float(fitted.params["treated"]))


def test_failed_judgements_stay_in_their_guardrail(
    fortnight: RanFortnight, raw_days: dict[date, RawDay]
) -> None:
    rows = raw_days[LAST].exposures
    pairs = rows.groupby(["coach", "phase"])["treated"].transform("nunique") == 2
    found = judged(fortnight, LAST, "failure_rate")
    for variant, treated in (("control", 0), ("treatment", 1)):
        seen = rows[pairs & (rows["treated"] == treated)]
        assert seen["failed"].sum() > 0
        assert found["n"][variant] == len(seen)
        assert found[f"rate_{variant}"] == same(seen["failed"].mean())


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_sample_ratio_counts_students_at_first_exposure(
    fortnight: RanFortnight, raw_days: dict[date, RawDay], day: date
) -> None:
    rows = raw_days[day].exposures.sort_values("at")
    first = [(phase, of.drop_duplicates("unit")) for phase, of in sorted(rows.groupby("phase"))]
    # phase k is tested at 0.05 / (k (k + 1)), so its p counts k (k + 1) times
    corrected = [
        sample_ratio_p(units, SHARES[phase]) * k * (k + 1) for k, (phase, units) in enumerate(first, 1)
    ]
    check = next(row for row in fortnight.verdicts[day]["checks"] if row["name"] == "sample_ratio")
    assert (check["observed"], check["passed"]) == (
        f"p {min(1.0, *corrected):.4f}, {len(corrected)} phase{'' if len(corrected) == 1 else 's'}", True,
    )  # fmt: skip


def test_units_are_students_by_phase_day_and_variant(
    fortnight: RanFortnight, raw_days: dict[date, RawDay]
) -> None:
    """The published counts behind the sample ratio; no student met both variants or two coaches."""
    published = fortnight.world.home / "published"
    version = (published / "LATEST").read_text(encoding="utf-8").strip()
    with duckdb.connect() as db:
        found = db.read_parquet(str(published / version / "units_daily.parquet")).df()
    assert found[["two_variant_units", "multi_coach_units"]].to_numpy().sum() == 0
    units = raw_days[LAST].exposures.sort_values("at").drop_duplicates(["phase", "unit"])
    raw_counts = units.groupby(["phase", "exposed", "treated"]).size()
    days = pd.to_datetime(found["metric_date"]).dt.date
    treated = (found["variant"] == "treatment").astype(int)
    counts = found["units"].groupby([found["phase"], days, treated]).sum()
    assert counts[counts > 0].to_dict() == raw_counts.to_dict()


def test_a_later_opinion_does_not_reach_back(raw: Fortnight, fortnight: RanFortnight) -> None:
    """The reference can tell: with the ratings of the last day, day 7 would have another effect."""
    day = DAYS[6]
    then, now = raw.requests(day), raw.requests(LAST)
    known = then["rated"] == 1
    hindsight = now.loc[now["exposed"] <= day].reset_index(drop=True)
    assert (hindsight.loc[known, "good"] != then.loc[known, "good"]).sum() > 20
    peer = estimate(
        cells_of(then[known], then.loc[known, "rated"], hindsight.loc[known, "good"]), binary=True
    )
    assert peer is not None
    assert judged(fortnight, day, "good_rate")["effect"] != pytest.approx(peer.effect, rel=1e-3)
