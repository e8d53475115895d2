"""What a person is told about a verdict: the answer first, numbers with margins, nobody's own data."""

import dataclasses
from datetime import date, datetime
from pathlib import Path

import pytest

from pacer_pipelines.decisions.report import plain_text, report, share_line
from pacer_pipelines.decisions.values import Check, Finding, Verdict
from pacer_pipelines.plan import Plan, load_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plan() -> Plan:
    return load_plan(ROOT / "experiments" / "judge-model-v2.toml")


def good_rate(**changes: object) -> Finding:
    values: dict[str, object] = {
        "metric": "good_rate",
        "role": "primary",
        "label": "inconclusive",
        "better": "higher",
        "effect": 0.0234,
        "interval": (-0.0102, 0.0561),
        "se": 0.012,
        "n_control": 3210,
        "n_treatment": 1105,
        "rate_control": 0.789,
        "rate_treatment": 0.812,
        "coaches": 23,
        "z_star": 1.87,
        "bar": 2.43,
        "information": 0.651,
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


def failures(**changes: object) -> Finding:
    values: dict[str, object] = {
        "metric": "failure_rate",
        "role": "guardrail",
        "label": "non_inferior",
        "better": "lower",
        "effect": 0.0031,
        "interval": (-0.001, 0.0072),
        "n_control": 8000,
        "n_treatment": 2400,
        "rate_control": 0.0033,
        "rate_treatment": 0.0064,
        "coaches": 24,
        "z_star": 4.0,
        "bar": 2.43,
        "information": 0.651,
        "margin": 0.01,
        "passes": True,
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


LATE = Check(
    "exposures_per_hour",
    "exposures",
    "critical",
    False,
    "0",
    "at least 1",
    "no exposure from 09:00 to 10:00 UTC",
    "an hour without exposures is a lost file, not a quiet hour",
)
FRESH = Check(
    "exposures_fresh", "exposures", "critical", True, "0 h", "at most 6 h", "", "old logs judge nothing"
)


def verdict(**changes: object) -> Verdict:
    values: dict[str, object] = {
        "experiment": "judge-model-v2",
        "date": date(2026, 11, 10),
        "verdict": "hold",
        "rule": "waiting",
        "reasons": ("GOOD rate: no significant win yet", "day 9: promotion is looked at on whole weeks only"),
        "flip": ("z* of GOOD rate over 2.43",),
        "share_before": 30.0,
        "share_after": 30.0,
        "day": 9,
        "phase": "2",
        "days_left": 33,
        "findings": (good_rate(), failures()),
        "checks": (FRESH, LATE),
        "missing_facts": (),
        "as_of": datetime(2026, 11, 10, 15),
        "plan_hash": "ab" * 32,
        "code_version": "0.1.0",
        "inputs_hash": "cd" * 32,
    }
    return Verdict(**{**values, **changes})  # type: ignore[arg-type]


def test_answer_comes_first(plan: Plan) -> None:
    lines = plain_text(report(verdict(), plan)).splitlines()
    assert lines[:4] == [
        "HOLD judge-model-v2, 2026-11-10 (day 9 of 42)",
        "B serves 30 % and stays there",
        "",
        "Why       GOOD rate: no significant win yet",
    ]


def test_effect_line_names_rates_interval_n_and_coaches(plan: Plan) -> None:
    assert report(verdict(), plan).effect_line == (
        "GOOD rate 78.9 % -> 81.2 %: +2.3 points, always-valid interval -1.0 to +5.6, "
        "n 3,210 / 1,105 rated, 23 coaches"
    )


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (30.0, 30.0, "B serves 30 % and stays there"),
        (30.0, 50.0, "B: 30 % -> 50 %"),
        (30.0, 0.0, "B: 30 % -> 0 %"),
        (None, 0.0, "B: unknown share -> 0 %"),
        (None, None, "B: share unknown, nothing changes"),
    ],
)
def test_share_line_says_what_happens_to_the_traffic(
    before: float | None, after: float | None, line: str
) -> None:
    assert share_line("B", before, after) == line


def test_a_promotion_that_waits_for_a_person_says_so(plan: Plan) -> None:
    asks = plan.model_copy(update={"rollout": plan.rollout.model_copy(update={"approval": "required"})})
    win = verdict(verdict="promote", rule="win", share_after=50.0)
    assert report(win, asks).share_line == (
        f"B: 30 % -> 50 %, once a person approves: pacer approve {win.verdict_id}"
    )
    assert report(win, plan).share_line == "B: 30 % -> 50 %"


def test_guarded_metric_shows_the_margin_of_the_plan(plan: Plan) -> None:
    (row,) = report(verdict(), plan).rows
    # judge-model-v2.toml: failure_rate, lower is better, margin 0.01 absolute
    assert (row.margin, row.effect, row.label) == ("+1 point", "+0.3 points", "non-inferior")


def test_failed_check_is_named_with_its_detail(plan: Plan) -> None:
    text = plain_text(report(verdict(), plan))
    assert "1 of 2 passed" in text
    assert "FAILED (critical) exposures_per_hour: no exposure from 09:00 to 10:00 UTC" in text


@pytest.mark.parametrize("few", [{"n_treatment": 9}, {"n_control": 9}, {"coaches": 2}])
def test_no_number_is_shown_when_too_few_stand_behind_it(plan: Plan, few: dict[str, int]) -> None:
    shown = report(verdict(findings=(good_rate(**few), failures(**few))), plan)
    text = plain_text(shown)
    assert shown.effect_line == "GOOD rate: too few to show"
    for number in ("81.2", "78.9", "+2.3", "+0.3", "3,210", "8,000", "1.87"):
        assert number not in text


def test_ten_requests_of_three_coaches_are_shown(plan: Plan) -> None:
    shown = report(verdict(findings=(good_rate(n_control=10, n_treatment=10, coaches=3),)), plan)
    assert "n 10 / 10 rated, 3 coaches" in shown.effect_line


def test_metric_without_data_says_so(plan: Plan) -> None:
    nothing = Finding("failure_rate", "guardrail", "no_data", "lower")
    (row,) = report(verdict(findings=(nothing,)), plan).rows
    assert (row.effect, row.label) == ("no data", "no data")


def test_missing_facts_of_snapshot_mode_are_listed(plan: Plan) -> None:
    text = plain_text(report(verdict(missing_facts=("failed judgements",), findings=(), checks=()), plan))
    assert "Missing   failed judgements" in text
    assert "Checks    none ran" in text


def test_text_fits_a_terminal_even_with_long_reasons(plan: Plan) -> None:
    text = plain_text(report(verdict(reasons=("because " * 60,), flip=("a longer wait " * 30,)), plan))
    assert max(map(len, text.splitlines())) <= 100


def test_how_likely_b_is_better_is_a_reading_beside_the_verdict(plan: Plan) -> None:
    # prior sd 0.03, se 0.012: mean 0.0234 * 0.0009 / (0.0009 + 0.000144) = 0.0202, sd 0.01114, z 1.811
    text = report(verdict(), plan).reading
    assert text.startswith(
        "B is better with probability 96.5 %; effect +2.0 points, with 95 % probability -0.2 to +4.2 points"
    )
    assert text.endswith("and no rule uses it)")
    assert "Reading   B is better" in plain_text(report(verdict(), plan))


@pytest.mark.parametrize(
    "finding",
    [good_rate(se=None), good_rate(effect=None), good_rate(n_treatment=9), good_rate(se=0.0)],
    ids=["no error", "no effect", "nine ratings", "no variation"],
)
def test_nothing_is_read_into_too_little(plan: Plan, finding: Finding) -> None:
    shown = report(verdict(findings=(finding,)), plan)
    assert shown.reading == ""
    assert "Reading" not in plain_text(shown)


@pytest.mark.parametrize(("effect", "text"), [(0.09, "over 99.9 %"), (-0.09, "under 0.1 %")])
def test_a_reading_is_never_certain(plan: Plan, effect: float, text: str) -> None:
    assert text in report(verdict(findings=(good_rate(effect=effect),)), plan).reading


def test_the_effect_is_told_relative_to_control_too(plan: Plan) -> None:
    known = good_rate(relative=0.0297, relative_interval=(-0.0127, 0.0724))
    line = report(verdict(findings=(known,)), plan).effect_line
    assert "+2.3 points (+3.0 % relative, -1.3 to +7.2 %)" in line
    unsure = good_rate(relative=0.0297)
    assert "(+3.0 % relative)" in report(verdict(findings=(unsure,)), plan).effect_line


@pytest.mark.parametrize(
    ("metric", "effect", "margin", "expected"),
    [
        ("latency", 12.34, 25.0, ("400.0 ms", "+12.3 ms", "-8.0 to +20.0 ms")),
        ("tokens", 12.0, 25.0, ("400 tokens", "+12 tokens", "-8 to +20 tokens")),
        ("cost", 12.34, 25.0, ("400.00000 USD", "+12.34000 USD", "-8.00000 to +20.00000 USD")),
        ("engagement", 12.34, 25.0, ("400.00", "+12.34", "-8.00 to +20.00")),
    ],
)
def test_amounts_are_told_in_their_unit(
    plan: Plan, metric: str, effect: float, margin: float, expected: tuple[str, str, str]
) -> None:
    finding = failures(
        metric=metric, effect=effect, interval=(-8.0, 20.0), rate_control=400.0, margin=margin, better="lower"
    )
    (row,) = report(verdict(findings=(good_rate(), finding)), plan).rows
    assert (row.control, row.effect, row.interval) == expected


def test_what_was_done_to_the_primary_metric_is_told_under_it(plan: Plan) -> None:
    adjusted = good_rate(note="adjusted by each student's ratings before the start")
    lines = plain_text(report(verdict(findings=(adjusted,)), plan)).splitlines()
    assert "          adjusted by each student's ratings before the start" in lines


def test_every_day_left_is_counted(plan: Plan) -> None:
    lines = [
        report(dataclasses.replace(verdict(), days_left=left), plan).days_line for left in (33, 1, 0, None)
    ]
    assert lines == [
        "about 33 days left to the last look",
        "about 1 day left to the last look",
        "none left: the planned sample or the last day is reached",
        "days left unknown",
    ]
