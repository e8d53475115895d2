"""Fourteen stored verdicts of one experiment, as the dashboard is given them."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

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
