"""What is new since the day before, and when a day is worth one short message only."""

import dataclasses
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.decisions.report import plain_text, report
from pacer_pipelines.decisions.revised import Revised
from pacer_pipelines.decisions.since import is_quiet, since
from pacer_pipelines.decisions.values import Check, Finding, Verdict
from pacer_pipelines.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
GOOD = Finding(
    "good_rate", "primary", "inconclusive", "higher", effect=0.038, interval=(-0.01, 0.08), se=0.012,
    n_control=6000, n_treatment=1700, rate_control=0.761, rate_treatment=0.799, coaches=24, z_star=2.71, bar=2.7,
)  # fmt: skip
LATER = dataclasses.replace(GOOD, effect=0.04, n_control=6703, n_treatment=1945, z_star=3.04)
CHECK = Check("exposures_present", "exposures", "critical", True, "1", "1", "", "why")
FAILED = dataclasses.replace(CHECK, passed=False)


def verdict(day: int = 10, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "experiment": "judge-model-v2", "date": date(2026, 11, 1 + day), "verdict": "hold", "rule": "waiting",
        "reasons": ("waits",), "flip": (), "share_before": 30.0, "share_after": 30.0, "day": day, "phase": "2",
        "days_left": 9, "findings": (GOOD,), "checks": (CHECK,), "missing_facts": (),
        "as_of": datetime(2026, 11, 2 + day), "plan_hash": "ab" * 32, "code_version": "1", "inputs_hash": "cd" * 32,
    }  # fmt: skip
    return Verdict(**{**values, **changes})


def test_the_effect_and_its_strength_are_set_beside_yesterdays() -> None:
    said = since(verdict(10, findings=(LATER,)), verdict(9), PLAN)
    assert said == ("GOOD rate +3.8 points → +4.0 points, z* 2.71 → 3.04; +948 rated",)


def test_a_new_word_is_said_with_the_old_one() -> None:
    said = since(verdict(10, verdict="promote", rule="win"), verdict(9), PLAN)
    assert said[0] == "2026-11-10 said hold (waiting), now promote (win)"


def test_checks_that_fail_now_or_pass_again_are_named() -> None:
    assert "fails now: exposures_present" in since(verdict(10, checks=(FAILED,)), verdict(9), PLAN)
    assert "passes again: exposures_present" in since(verdict(10), verdict(9, checks=(FAILED,)), PLAN)


@pytest.mark.parametrize("finding", [None, dataclasses.replace(GOOD, coaches=2)], ids=["none", "too few"])
def test_no_number_is_told_of_few_people(finding: Finding | None) -> None:
    findings = (finding,) if finding else ()
    assert since(verdict(10), verdict(9, findings=findings), PLAN) == ()


def test_a_handful_of_new_ratings_is_not_counted_aloud() -> None:
    few = dataclasses.replace(LATER, n_control=6001, n_treatment=1702)
    assert since(verdict(10, findings=(few,)), verdict(9), PLAN) == (
        "GOOD rate +3.8 points → +4.0 points, z* 2.71 → 3.04",
    )


def test_without_a_strength_the_effect_stands_alone() -> None:
    bare = dataclasses.replace(GOOD, z_star=None)
    assert since(verdict(10), verdict(9, findings=(bare,)), PLAN) == ("GOOD rate +3.8 points → +3.8 points",)


def test_the_first_day_has_nothing_to_compare_and_is_not_quiet() -> None:
    assert since(verdict(1), None, PLAN) == ()
    assert not is_quiet(verdict(1), None, ())


def test_a_day_on_which_nothing_happened_is_quiet() -> None:
    assert is_quiet(verdict(10), verdict(9), ())
    closed = verdict(10, rule="closed", share_before=0.0, share_after=0.0)
    assert is_quiet(closed, verdict(9, rule="closed", share_before=0.0, share_after=0.0), ())


@pytest.mark.parametrize(
    ("now", "then", "revised"),
    [
        (verdict(14), verdict(13), ()),
        (verdict(10, checks=(FAILED,)), verdict(9), ()),
        (verdict(10), verdict(9, share_after=10.0), ()),
        (verdict(10), verdict(9, rule="health"), ()),
        (verdict(10, rule="conflict"), verdict(9, rule="conflict"), ()),
        (verdict(10, missing_facts=("prompt",)), verdict(9), ()),
        (
            verdict(
                10,
                rule="closed",
                share_before=0.0,
                share_after=0.0,
                reasons=("closed", "B was served 41 times"),
            ),
            verdict(9, rule="closed", share_before=0.0, share_after=0.0),
            (),
        ),
        (
            verdict(10, rule="closed", share_before=30.0, share_after=0.0),
            verdict(9, rule="closed", share_before=0.0, share_after=0.0),
            (),
        ),
        (verdict(10), verdict(9), (Revised(date(2026, 11, 3), "hold", "hold", ("late",)),)),
    ],
    ids=[
        "whole week",
        "newly failed check",
        "other share",
        "other rule",
        "conflict",
        "missing",
        "still served",
        "traffic again",
        "revised",
    ],
)
def test_what_a_team_has_to_see_is_never_quiet(
    now: Verdict, then: Verdict, revised: tuple[Revised, ...]
) -> None:
    assert not is_quiet(now, then, revised)


def test_the_report_says_it_and_only_a_rollback_is_loud() -> None:
    told = report(verdict(10, findings=(LATER,)), PLAN, before=verdict(9))
    assert told.quiet
    assert not told.loud
    assert "Since     GOOD rate +3.8 points → +4.0 points" in plain_text(told)
    assert report(verdict(10, verdict="rollback", rule="alarm"), PLAN).loud
