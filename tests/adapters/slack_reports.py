"""Reports of every kind of day, for the tests of what Slack shows; made-up numbers, the real plan."""

import dataclasses
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pacer_pipelines.decisions.catalogue import in_language, say
from pacer_pipelines.decisions.metric_rows import MetricRow
from pacer_pipelines.decisions.report import Links, Report, report
from pacer_pipelines.decisions.values import Check, Finding, Verdict
from pacer_pipelines.decisions.wording import effect_text, interval_text, metric_name, points, score_text
from pacer_pipelines.plan import load_plan

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 15)
GOOD_RATE = metric_name("good_rate")
PRIMARY = Finding(
    "good_rate", "primary", "inconclusive", "higher", effect=0.0234, interval=(-0.0102, 0.0561), se=0.012,
    n_control=3210, n_treatment=1105, rate_control=0.789, rate_treatment=0.812, coaches=23, z_star=1.87,
    bar=2.43, information=0.651,
)  # fmt: skip
CARDS = Finding(
    "card_rate", "secondary", "non_inferior", "higher", effect=-0.003, interval=(-0.054, 0.048),
    n_control=6703, n_treatment=1945, rate_control=0.568, rate_treatment=0.567, coaches=24, z_star=3.1, bar=2.43,
    information=0.651, margin=0.0568, passes=True,
)  # fmt: skip
FAILURES = Finding(
    "failure_rate", "guardrail", "non_inferior", "lower", effect=0.0031, interval=(-0.001, 0.0072),
    n_control=8000, n_treatment=2400, rate_control=0.0033, rate_treatment=0.0064, coaches=24, passes=True,
)  # fmt: skip
MATURE = dataclasses.replace(PRIMARY, metric="good_rate_mature", role="sensitivity", passes=True)
LOG_HOLE = Check(
    "exposures_every_hour", "exposures", "critical", False, "0", "1 or more",
    "no exposure between 10:00 and 11:00 on 2026-11-15", "an hour without a line is an hour that was lost",
)  # fmt: skip
PASSED = dataclasses.replace(LOG_HOLE, name="exposures_present", passed=True)
LINKS = Links(
    run="https://dagster.example.org/assets/verdicts?partition=2026-11-15",
    dashboard="https://pacer.example.org/experiments/judge-model-v2",
    data_docs="https://pacer.example.org/data-docs/2026-11-15.html",
)


def verdict(**changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "experiment": "judge-model-v2", "date": DAY, "verdict": "hold", "rule": "waiting",
        "reasons": (say("rule.no_win_yet", metric=GOOD_RATE, effect=effect_text(PRIMARY), score=score_text(PRIMARY)),
                    say("rule.min_days", day=9, least=14)),
        "flip": (say("flip.promote", metric=GOOD_RATE, needed=points(0.0292), now=points(0.0234)),),
        "share_before": 30.0, "share_after": 30.0, "day": 14, "phase": "2", "days_left": 7,
        "findings": (PRIMARY, CARDS, FAILURES, MATURE), "checks": (PASSED,) * 85, "missing_facts": (),
        "as_of": datetime(2026, 11, 15, 15), "plan_hash": "ab" * 32, "code_version": "0.1.0+0123456789ab",
        "inputs_hash": "cd" * 32,
    }  # fmt: skip
    return Verdict(**{**values, **changes})


def told(locale: str = "en", more: dict[str, Any] | None = None, **changes: Any) -> Report:
    """The report of a verdict with these changes; ``more`` changes the report itself."""
    plan = load_plan(ROOT / "experiments" / "judge-model-v2.toml")
    made = dataclasses.replace(
        report(verdict(**changes), plan), **{"links": LINKS, "locale": locale, **(more or {})}
    )
    return in_language(made, locale)


def promote(locale: str = "en") -> Report:
    """A step up that waits for a person."""
    won = dataclasses.replace(PRIMARY, label="better", effect=0.04, z_star=3.04, passes=True)
    won_text = {"metric": GOOD_RATE, "effect": effect_text(won), "score": score_text(won)}
    reasons = (say("rule.win", **won_text, guarded=metric_name("card_rate")),)
    moved = say("since.effect", metric=GOOD_RATE, then=points(0.031), now=points(0.04))
    more = {
        "since": (say("since.strength", effect=moved, then="2.71", now="3.04"),),
        "actions": ("approve", "hold", "roll_back"),
    }
    return told(
        locale, more, verdict="promote", rule="win", reasons=reasons, share_after=50.0,
        findings=(won, CARDS, FAILURES, MATURE),
    )  # fmt: skip


def hold(locale: str = "en") -> Report:
    """A day whose log has a hole."""
    reasons = (say("rule.check_failed", name=LOG_HOLE.name, detail=LOG_HOLE.detail),)
    return told(locale, rule="health", reasons=reasons, checks=(*(PASSED,) * 84, LOG_HOLE))


def rollback(locale: str = "en") -> Report:
    """Harm that nobody has seen yet."""
    harmed = dataclasses.replace(PRIMARY, label="worse", effect=-0.09, interval=(-0.15, -0.03), alarm=True)
    harm = {"metric": GOOD_RATE, "effect": effect_text(harmed), "interval": interval_text(harmed)}
    reasons, flip = (say("rule.harm", **harm),), (say("flip.nothing"),)
    return told(
        locale, {"actions": ("acknowledge",), "loud": True}, verdict="rollback", rule="alarm", reasons=reasons,
        flip=flip, share_after=0.0, findings=(harmed, CARDS, FAILURES, MATURE),
    )  # fmt: skip


def inconclusive(locale: str = "en") -> Report:
    """The last day without a win."""
    return told(
        locale, rule="deadline", day=42, days_left=0, share_after=0.0,
        reasons=(
            say("rule.deadline", over=say("rule.last_day", day=42, most=42), what=say("rule.keep_control")),
            say("rule.no_win_yet", metric=GOOD_RATE, effect=effect_text(PRIMARY), score=score_text(PRIMARY)),
        ),
    )  # fmt: skip


def delayed(locale: str = "en") -> Report:
    """A message that could not be delivered on its day."""
    late = say("slack.delayed", time="2026-11-16 05:02 UTC")
    return in_language(dataclasses.replace(hold(locale), delayed=late), locale)


def quiet(locale: str = "en") -> Report:
    """A day on which nothing happened."""
    return told(locale, {"quiet": True, "since": (say("since.rated", number="+120"),)}, day=13)


KINDS = {
    "promote": promote, "hold": hold, "rollback": rollback, "inconclusive": inconclusive, "delayed": delayed,
    "quiet": quiet,
}  # fmt: skip


def worst(locale: str = "en", character: str = "가") -> Report:
    """Twenty metrics, names of 200 characters, eighty failed checks, everything as long as it gets."""
    name = character * 200
    row = MetricRow(
        metric=name, role="guardrail", control=name, treatment=name, effect=name, interval=name, margin=name,
        label=name, n=name, coaches=name, strength=name, note=name, relative=name, shown=True,
    )  # fmt: skip
    roles = ["secondary", "guardrail", "sensitivity", "health"]
    rows = tuple(dataclasses.replace(row, role=roles[number % 4]) for number in range(20))
    check = dataclasses.replace(LOG_HOLE, name=name, detail=character * 3000)
    return dataclasses.replace(
        rollback(locale), headline=name, share_line=name, why=name * 20, further=(name,) * 30,
        effect_line=name, primary=row, rows=rows, checks_line=name, failed_checks=(check,) * 80,
        missing_facts=(name,) * 30, flip=(name,) * 30, revised=(name,) * 10, since=(name,) * 10,
        words=(name,) * 10, actions=("approve", "hold", "roll_back", "acknowledge"), delayed=name,
        reading=name * 3, days_line=name,
    )  # fmt: skip
