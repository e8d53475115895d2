"""Fourteen stored verdicts of one experiment, as the dashboard is given them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.evidence_bundle import pack
from pacer_pipelines.dashboard.seen import Seen, verdict_of
from pacer_pipelines.decisions.daily import (
    CallDay,
    CardCount,
    Daily,
    DecisionCount,
    DelayCount,
    RateDay,
    SourceHour,
    UnitCount,
)
from pacer_pipelines.decisions.values import Check, Finding, Verdict, canonical
from pacer_pipelines.plan import Plan, load_plan

ROOT = Path(__file__).parents[2]


def plan() -> Plan:
    return load_plan(ROOT / "experiments" / "judge-model-v2.toml")


def verdict(day: int, **changes: Any) -> Verdict:
    rated = 60 * day
    effect, half = 0.02 + 0.001 * day, 0.9 / rated**0.5
    share = 10.0 if day < 6 else 30.0
    values: dict[str, Any] = {
        "experiment": "judge-model-v2", "date": date(2026, 11, 1) + timedelta(days=day), "verdict": "hold",
        "rule": "waiting", "reasons": (f"day {day} of at least 7",), "flip": ("z* of GOOD rate over 2.43",),
        "share_before": share, "share_after": share, "day": day, "phase": "1" if day < 6 else "2",
        "days_left": 42 - day, "missing_facts": (), "as_of": datetime(2026, 11, day + 1, 15),
        "plan_hash": "ab" * 32, "code_version": "0.1.0", "inputs_hash": "cd" * 32,
        "findings": (
            Finding(
                "good_rate", "primary", "inconclusive", "higher", effect=effect,
                interval=(effect - half, effect + half), se=half / 3, n_control=3 * rated, n_treatment=rated,
                rate_control=0.789, rate_treatment=0.789 + effect, coaches=23, z_star=0.1 * day,
                bar=1.96 * (14 / day) ** 0.5, information=day / 28,
            ),
            Finding(
                "failure_rate", "guardrail", "non_inferior", "lower", effect=0.0031, interval=(-0.001, 0.0072),
                n_control=8000, n_treatment=2400, rate_control=0.0033, rate_treatment=0.0064, coaches=24,
                z_star=4.0, bar=2.43, information=0.651, margin=0.01, passes=True,
            ),
        ),
        "checks": (
            Check("exposures_fresh", "exposures", "critical", True, "0 h", "at most 6 h", "", "old logs judge nothing"),
        ),
    }  # fmt: skip
    return Verdict(**{**values, **changes})


def stored(*verdicts: Verdict) -> list[dict[str, Any]]:
    return [json.loads(canonical(verdict.as_dict())) for verdict in verdicts]


def fortnight() -> list[dict[str, Any]]:
    return stored(*(verdict(day) for day in range(1, 15)))


RATES = tuple(
    RateDay(date(2026, 11, 1) + timedelta(days=day), variant, metric, n, y)
    for day in range(1, 15)
    for variant, n in (("control", 300.0), ("treatment", 100.0))
    for metric, y in (("good_rate", 0.75 * n), ("rating_rate", 0.6 * n), ("card_rate", 0.5 * n))
)
# 09:00 to 11:59 in Seoul, each day alike, but for the last hour of the last day
HOURS = tuple(
    SourceHour("exposures", date(2026, 11, 1) + timedelta(days=day), datetime(2026, 11, 1 + day, hour), 40.0)
    for day in range(1, 15)
    for hour in (0, 1, 2)
    if (day, hour) != (14, 2)
)
DAILY = Daily(
    rates=(*RATES, RateDay(date(2026, 11, 16), "treatment", "good_rate", 3.0, 1.0)),
    calls=tuple(
        CallDay(date(2026, 11, 1) + timedelta(days=day), "1", variant, share, 0.0)
        for day in range(1, 15)
        for variant, share in (("control", 70.0), ("treatment", 30.0))
    ),
    units=(
        UnitCount("1", "control", 900.0),
        UnitCount("1", "treatment", 100.0),
        UnitCount("2", "control", 500.0),
        UnitCount("2", "treatment", 500.0),
        UnitCount("3", "control", 4.0),
        UnitCount("3", "treatment", 1.0),
    ),
    delays=tuple(
        DelayCount(variant, days, ratings)
        for variant, each in (("control", (1400.0, 700.0, 420.0)), ("treatment", (280.0, 280.0, 280.0)))
        for days, ratings in enumerate(each, start=1)
    ),
    cards=(CardCount("control", 1000.0, 400.0), CardCount("treatment", 200.0, 90.0)),
    hours=HOURS,
    decisions=(DecisionCount("control", "APPROVE", 2500.0), DecisionCount("treatment", "APPROVE", 700.0)),
)


def seen(contents: list[dict[str, Any]] | None = None, **changes: Any) -> Seen:
    """The experiment with these stored verdicts, a fortnight of them by default."""
    found = fortnight() if contents is None else contents
    kept = Seen(plan(), tuple(map(verdict_of, found)), DAILY, splits={"1": 10.0, "2": 30.0, "3": 50.0})
    return replace(kept, **changes)


class Kept:
    """A shelf with one experiment, judged on the days that it is given."""

    def __init__(self, contents: list[dict[str, Any]] | None = None, **changes: Any) -> None:
        self.contents = fortnight() if contents is None else contents
        self.changes = changes

    def plans(self) -> list[Plan]:
        return [plan()]

    def verdict(self, slug: str, day: date | None = None) -> Verdict | None:
        found = self.seen(slug, day)
        return found.latest if found else None

    def bundle(self, verdict: Verdict, figures: Mapping[str, str]) -> bytes | None:
        return pack(verdict.as_dict(), {"rows": {}}, figures)

    def seen(self, slug: str, day: date | None = None) -> Seen | None:
        known = [row for row in self.contents if day is None or row["date"] <= day.isoformat()]
        if slug != "judge-model-v2" or (day and (not known or known[-1]["date"] != day.isoformat())):
            return None
        return seen(known, **self.changes)
