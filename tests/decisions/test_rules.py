"""The decision table: each row is a sentence, and says which rule fires and what follows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from pacer_pipelines.decisions.judge import next_share
from pacer_pipelines.decisions.rules import decide
from pacer_pipelines.decisions.values import Check, Evidence, Finding, Past
from pacer_pipelines.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")

WIN = Finding(
    "good_rate", "primary", "better", "higher", effect=0.04, interval=(0.01, 0.07), se=0.01, n_control=6000,
    n_treatment=1900, rate_control=0.77, rate_treatment=0.81, coaches=24, z_star=3.0, bar=2.4, information=0.7,
    passes=True,
)  # fmt: skip
SAFE = tuple(
    Finding(
        metric, role, "non_inferior", better, effect=0.0, interval=(-0.01, 0.01), se=0.004, n_control=9000,
        n_treatment=2500, rate_control=0.5, rate_treatment=0.5, coaches=24, z_star=5.0, bar=2.4,
        information=0.7, margin=0.05, passes=True,
    )
    for metric, role, better in (
        ("card_rate", "secondary", "higher"),
        ("engagement", "secondary", "higher"),
        ("failure_rate", "guardrail", "lower"),
    )
)  # fmt: skip
AGREE = (
    replace(WIN, metric="good_rate_mature", role="sensitivity"),
    replace(WIN, metric="good_rate_by_decision", role="sensitivity"),
    replace(WIN, metric="rating_rate", role="health", effect=0.0),
)
BROKEN = Check(
    "exposures_present", "exposures", "critical", False, "0", "> 0", "no exposures on 2026-11-15", "why"
)
ODD = replace(BROKEN, severity="warning")

READY = Evidence(
    experiment=PLAN.slug, date=date(2026, 11, 15), day=14, phase="2", phase_day=9, share=30.0,
    findings=(WIN, *SAFE, *AGREE), checks=(), history=(), days_left=7, missing_facts=(),
)  # fmt: skip


def with_finding(evidence: Evidence, metric: str, **changes: object) -> Evidence:
    findings = tuple(replace(f, **changes) if f.metric == metric else f for f in evidence.findings)  # type: ignore[arg-type]
    return replace(evidence, findings=findings)


def harmed(evidence: Evidence, metric: str) -> Evidence:
    return with_finding(
        evidence, metric, label="worse", alarm=True, passes=False, effect=-0.1, interval=(-0.15, -0.05)
    )


def undecided(evidence: Evidence) -> Evidence:
    return with_finding(evidence, "good_rate", passes=False, label="inconclusive", z_star=1.0)


TABLE: dict[str, tuple[Evidence, str, str, float | None]] = {
    "everything passes on a whole week: promote to the next step": (READY, "win", "promote", 50.0),
    "the primary metric is not yet over its bar: hold": (undecided(READY), "waiting", "hold", 30.0),
    "the win comes on day 13 and the plan looks on whole weeks: hold": (
        replace(READY, day=13), "waiting", "hold", 30.0),
    "the win comes before the minimum days: hold": (replace(READY, day=5), "waiting", "hold", 30.0),
    "the win comes on day 6 of the present share: hold": (replace(READY, phase_day=6), "waiting", "hold", 30.0),
    "199 rated decisions of B are not 200: hold": (
        with_finding(READY, "good_rate", n_treatment=199), "waiting", "hold", 30.0),
    "nine coaches are not ten: hold": (with_finding(READY, "good_rate", coaches=9), "waiting", "hold", 30.0),
    "cards are not shown to be within their margin: hold": (
        with_finding(READY, "card_rate", passes=False, label="inconclusive", z_star=1.0), "waiting", "hold", 30.0),
    "engagement has no data at all: hold": (
        with_finding(READY, "engagement", effect=None, z_star=None, passes=False, label="no_data"),
        "waiting", "hold", 30.0),
    "mature requests disagree in sign: hold": (
        with_finding(READY, "good_rate_mature", effect=-0.01, passes=False), "waiting", "hold", 30.0),
    "B is rated at another rate and its worst reading is no win: hold": (
        replace(READY, findings=(*READY.findings, replace(AGREE[0], metric="good_per_request", passes=False))),
        "waiting", "hold", 30.0),
    "the worst reading of the missing ratings is not known: hold": (
        replace(READY, findings=(*READY.findings, replace(
            AGREE[0], metric="good_per_request", effect=None, passes=False))),
        "waiting", "hold", 30.0),
    "the uncertainty of the primary metric cannot be computed: hold": (
        with_finding(READY, "good_rate", z_star=None, passes=False), "waiting", "hold", 30.0),
    "no finding at all: hold": (replace(READY, findings=()), "waiting", "hold", 30.0),
    "a critical check fails while B wins: hold": (replace(READY, checks=(BROKEN,)), "health", "hold", 30.0),
    "a warning alone stops nothing": (replace(READY, checks=(ODD,)), "win", "promote", 50.0),
    "the primary metric is harmed: roll back": (harmed(READY, "good_rate"), "alarm", "rollback", 0.0),
    "a harmed guardrail rolls back even when the primary wins": (
        harmed(READY, "failure_rate"), "alarm", "rollback", 0.0),
    "harm outranks broken logs": (
        replace(harmed(READY, "card_rate"), checks=(BROKEN,)), "alarm", "rollback", 0.0),
    "harm outranks the minimum days": (replace(harmed(READY, "good_rate"), day=2), "alarm", "rollback", 0.0),
    "the last day comes without a win: keep control": (
        replace(undecided(READY), day=42), "deadline", "hold", 0.0),
    "the planned sample is reached without a win: keep control": (
        with_finding(undecided(READY), "good_rate", information=1.0), "deadline", "hold", 0.0),
    "the planned sample is reached on a day without a look: wait for the look": (
        replace(with_finding(undecided(READY), "good_rate", information=1.0), day=13), "waiting", "hold", 30.0),
    "the last day comes with a win: promote": (replace(READY, day=42), "win", "promote", 50.0),
    "the last day comes for a B that has won before: what it gained is taken back by harm only": (
        replace(undecided(READY), day=42, history=(Past(date(2026, 11, 8), "promote", "win"),)),
        "waiting", "hold", 30.0),
    "broken logs on the last day: hold, the deadline waits for data": (
        replace(READY, day=42, checks=(BROKEN,)), "health", "hold", 30.0),
    "an earlier rollback stands, and asks for 0 % again in case the flag could not follow": (
        replace(READY, history=(Past(date(2026, 11, 9), "rollback", "alarm"),)), "closed", "hold", 0.0),
    "a person took B's traffic away: no win gives it back": (replace(READY, share=0.0), "waiting", "hold", 0.0),
    "the share of B is unknown: hold": (replace(READY, share=None), "waiting", "hold", None),
    "harm is cut even after the end": (
        replace(harmed(READY, "good_rate"), history=(Past(date(2026, 11, 9), "hold", "deadline"),)),
        "alarm", "rollback", 0.0),
    "B already has everything: hold": (replace(READY, share=100.0), "waiting", "hold", 100.0),
}  # fmt: skip


@pytest.mark.parametrize("sentence", TABLE)
def test_decision_table(sentence: str) -> None:
    evidence, rule_name, verdict, share = TABLE[sentence]
    rule, reasons = decide(evidence, PLAN)
    assert (rule.name, rule.verdict) == (rule_name, verdict)
    assert next_share(evidence, PLAN, rule.name) == share
    assert all(len(reason) > 10 for reason in reasons)


def test_every_combination_of_evidence_has_a_verdict_and_worse_evidence_never_improves_it() -> None:
    rank = {"rollback": 0, "hold": 1, "promote": 2}
    worse: tuple[Callable[[Evidence], Evidence], ...] = (
        lambda e: harmed(e, "good_rate"), lambda e: harmed(e, "failure_rate"),
        lambda e: replace(e, checks=(BROKEN,)), undecided, lambda e: replace(e, day=5),
        lambda e: with_finding(e, "card_rate", passes=False), lambda e: replace(e, findings=e.findings[:4]),
    )  # fmt: skip
    for chosen in product((False, True), repeat=len(worse)):
        evidence = READY
        for spoil, used in zip(worse, chosen, strict=True):
            evidence = spoil(evidence) if used else evidence
        before = rank[decide(evidence, PLAN)[0].verdict]
        for spoil in worse:
            assert rank[decide(spoil(evidence), PLAN)[0].verdict] <= before


def test_missing_findings_never_promote() -> None:
    for kept in range(len(READY.findings)):
        evidence = replace(READY, findings=READY.findings[:kept])
        assert decide(evidence, PLAN)[0].verdict == "hold"


def test_a_hold_names_what_is_missing_with_its_threshold() -> None:
    _, reasons = decide(replace(undecided(READY), day=13), PLAN)
    assert "whole weeks only" in reasons[0]
    assert "z* 1.00, promote bar 2.40" in reasons[1]


def test_a_failed_check_is_named_with_its_detail() -> None:
    _, reasons = decide(replace(READY, checks=(BROKEN,)), PLAN)
    assert reasons == ("check exposures_present failed: no exposures on 2026-11-15",)
