"""How often the checks against the trailing days fire on days in which nothing is wrong, by simulation.

``PYTHONPATH=tests python -m expectations.false_alarms`` prints the table of ``expectations/README.md``; minutes.
A made-up school like the example's: 480 students of 24 coaches, weekends at half, noise between days, students who
are approved more or less often, coaches who are strict or kind, a B that is better, slower and ramped on day 6.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pacer_pipelines.adapters.expectations import run_checks

from .landed import SUITES

START = date(2026, 3, 2)
STUDENTS, COACHES, CALLS = 480, 24, 1700
WEEK = np.array([1.05, 1.0, 0.95, 1.02, 0.85, 0.5, 0.6])
RATED_NEXT_DAY = np.array([0.6, 0.6, 0.6, 0.6, 0.6, 0.5, 0.02])
HOURS = np.array([14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
PROFILE = np.array([0.04, 0.08, 0.12, 0.16, 0.16, 0.17, 0.11, 0.08, 0.05, 0.03])
# the checks that compare a day with others
COMPARING = (
    "exposures_per_day_usual", "exposures_per_hour_usual", "coaches_not_silent", "coaches_not_loud",
    "latency_median_usual", "latency_tail_usual", "served_model_mix", "student_mix", "decision_mix", "rating_mix",
)  # fmt: skip


@dataclass
class School:
    """Who is taught and judged; drawn once per world."""

    rng: np.random.Generator

    def __post_init__(self) -> None:
        rng = self.rng
        self.activity = rng.gamma(3.0, size=STUDENTS)
        self.coach = rng.integers(0, COACHES, STUDENTS)
        self.school = rng.choice(["alpha", "beta", "gamma", "holdout"], STUDENTS, p=[0.4, 0.3, 0.2, 0.1])
        self.grade = rng.integers(1, 4, STUDENTS).astype(str)
        self.bucket = rng.permutation(STUDENTS) / STUDENTS
        self.able = rng.normal(0.0, 0.4, STUDENTS)
        self.kind = rng.normal(0.0, 0.4, COACHES)

    def day(self, number: int, first_log: int) -> pd.DataFrame:
        """The calls of one day, and how they are judged and rated."""
        rng = self.rng
        n = int(CALLS * WEEK[number % 7] * rng.lognormal(0.0, 0.06))
        weight = self.activity * rng.gamma(4.0, size=STUDENTS)
        who = rng.choice(STUDENTS, n, p=weight / weight.sum())
        in_b = self.bucket[who] < (0.1 if number < 5 else 0.3)
        approve = _chance(0.3 + self.able[who] + 0.1 * in_b + rng.normal(0, 0.05)) > rng.random(n)
        good = _chance(1.15 + self.kind[self.coach[who]] + 0.25 * in_b) > rng.random(n)
        rated = rng.random(n) < np.where(approve, 0.83, 0.36) * RATED_NEXT_DAY[(number + 1) % 7] / 0.6
        hour = rng.choice(HOURS, n, p=rng.dirichlet(PROFILE * 400))
        at = pd.Timestamp(START) + pd.to_timedelta(number * 24 + hour + rng.random(n), unit="h")
        slow = rng.lognormal(0.0, 0.15)
        return pd.DataFrame({
            "exposure_id": [f"{number}-{i}" for i in range(n)], "exposed_at": at,
            "exposed_date": START + timedelta(days=number), "flag_variant": np.where(in_b, "B", "A"),
            "flag_version": "1" if number < 5 else "2", "experiment_id": "e", "unit_key": who.astype(str),
            "submission_key": "s", "school": self.school[who], "grade": self.grade[who],
            "coach_key": self.coach[who].astype(str), "served_model": np.where(in_b, "new", "old"),
            "log_id": first_log + np.arange(n), "is_failure": rng.random(n) < 0.005,
            "latency_ms": slow * np.where(in_b, 1.3, 1.0) * rng.lognormal(7.0, 0.6, n),
            "decision": np.where(approve, "APPROVE", "REJECT"), "feedback": np.where(good, "GOOD", "BAD"),
            "rated": rated,
        })  # fmt: skip


def _chance(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def land(folder: Path, seed: int, days: int) -> Path:
    """Land a world of that many days; judgements and ratings beside the exposures."""
    landing, school, log = folder / "landing", School(np.random.default_rng(seed)), 1
    with closing(duckdb.connect()) as db:
        for number in range(days):
            calls = school.day(number, log)
            log += len(calls)
            db.register("calls", calls)
            day, after = START + timedelta(days=number), START + timedelta(days=number + 1)
            _put(db, landing / "exposures", day, "select * exclude (decision, feedback, rated) from calls")
            _put(
                db, landing / "llm_logs", after,
                f"""select log_id, decision, null::varchar as coach_feedback, 'h' as row_hash,
                    exposed_at as created_at, exposed_date as created_date,
                    timestamp '{after} 05:00' as observed_at from calls""",
            )  # fmt: skip
            _put(
                db, landing / "feedback_events", after,
                f"""select log_id, feedback, exposed_at + interval 12 hour as feedback_at,
                    date '{after}' as feedback_date from calls where rated""",
            )  # fmt: skip
        (landing / "experiments").mkdir()
        plan = f"copy (select 'e' as experiment_id, 'e' as logged_experiment_id) to '{landing}/experiments"
        db.execute(f"{plan}/_schema.parquet'")
    return landing


def _put(db: duckdb.DuckDBPyConnection, table: Path, day: date, sql: str) -> None:
    folder = table / f"day={day}"
    folder.mkdir(parents=True)
    db.execute(f"copy ({sql}) to '{folder}/part.parquet'")
    if not (table / "_schema.parquet").exists():
        db.execute(f"copy (select * from ({sql}) limit 0) to '{table}/_schema.parquet'")


def comparing_suites(folder: Path) -> Path:
    """The reviewed suites with nothing but what compares a day with others."""
    (folder / "frames").symlink_to(SUITES / "frames")
    for path in SUITES.glob("*.json"):
        suite = json.loads(path.read_text())
        suite["expectations"] = [e for e in suite["expectations"] if e["meta"]["name"] in COMPARING]
        if suite["expectations"]:
            (folder / path.name).write_text(json.dumps(suite))
    return folder


def alarms(seed: int, days: int) -> tuple[Counter[str], Counter[str]]:
    """Alarms and judged days by check and yardstick, over the days of one world."""
    fired: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "suites").mkdir()
        suites, landing = comparing_suites(folder / "suites"), land(folder, seed, days)
        for number in range(3, days):
            day = START + timedelta(days=number)
            for check in run_checks(landing, suites, day, zone="UTC", variants=("A", "B")):
                key = f"{check.name} {'days' if number < 28 else 'weeks'}"
                judged[key] += check.observed != "nothing to judge"
                fired[key] += not check.passed
                if not check.passed:
                    print(seed, day, check.name, check.detail, file=sys.stderr)
    return fired, judged


def main(worlds: int, days: int) -> None:
    """Print the table."""
    logging.disable(logging.WARNING)  # tables that this world does not have
    fired: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    for seed in range(worlds):
        for total, found in zip((fired, judged), alarms(seed, days), strict=True):
            total.update(found)
    print("| check | first four weeks | later |\n|---|---|---|")
    for name in COMPARING:
        cells = [f"{fired[f'{name} {part}']} of {judged[f'{name} {part}']}" for part in ("days", "weeks")]
        print(f"| `{name}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3] or ("8", "56")))
