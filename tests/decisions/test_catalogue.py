"""The catalogue: every language has every sentence, every sentence is used, and none is lost on the way."""

import ast
import copy
import json
import pickle
import re
import string
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given

from pacer_pipelines.decisions.catalogue import (
    STORED_TABLES,
    Said,
    Words,
    catalogue,
    in_a_row,
    in_language,
    remembered,
    reminded,
    say,
    say_count,
)
from pacer_pipelines.decisions.journal import Entry
from pacer_pipelines.decisions.judge import what_flips
from pacer_pipelines.decisions.report import plain_text, report, report_in
from pacer_pipelines.decisions.rules import decide
from pacer_pipelines.decisions.values import Evidence, Finding, Verdict
from pacer_pipelines.decisions.watch import Tally, Watched, find_harm

from .test_rules import PLAN, READY, SEEDED, any_evidence

PACKAGE = Path(__file__).parents[2] / "pacer_pipelines"
LANGUAGES = sorted(path.stem for path in (PACKAGE / "decisions" / "words").glob("*.toml"))
KEYS = [f"{table}.{key}" for table, words in catalogue("en").items() for key in words]
HANGUL = re.compile("[가-힣]")
# words that a Korean reader of PACER knows in Latin letters: names, commands, units and states
LATIN = frozenset(
    {
        "A", "Again", "Anki", "B", "BAD", "CSV", "DISABLED", "Dagster", "GOOD", "HOLD", "JSON",
        "PACER", "PROMOTE", "Pacer", "ROLLBACK", "USD", "UTC", "acknowledge", "approval",
        "approve", "model_version", "ms", "n", "p", "pacer", "rollout", "state", "toml", "why",
        "z",
    }
)  # fmt: skip
# numbers, names and signs alone, in Korean
WITHOUT_WORDS = {
    "unit.number",
    "unit.point",
    "unit.points",
    "unit.ms",
    "unit.usd",
    "wording.effect",
    "wording.interval",
    "health.on_day",
    "watch.against_today",
    "since.effect",
    "since.strength",
    "revised.changed",
    "report.share_moves",
    "report.effect",
    "report.relative",
    "hand.by",
    "hand.cut",
    "click.cut",
    "digest.days",
    "digest.moves",
    "segment.n",
    "figure.points",
}
# what a check observed is told as the check words it (docs/languages.md)
OF_CHECKS = "no exposures on 2026-11-15"


def text_of(language: str, key: str) -> str:
    table, _, name = key.partition(".")
    return catalogue(language)[table][name]


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def english_in(text: str) -> list[str]:
    return [word for word in re.findall(r"[A-Za-z_]+", text) if word not in LATIN]


def test_there_are_the_languages_that_a_plan_can_name() -> None:
    from typing import get_args

    named = {
        each for part in get_args(type(PLAN).model_fields["locale"].annotation) for each in get_args(part)
    }
    assert named == set(LANGUAGES) == {"en", "ko"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_values(language: str) -> None:
    own = {f"{table}.{key}" for table, words in catalogue(language).items() for key in words}
    assert own == set(KEYS)
    assert [key for key in KEYS if values_in(text_of(language, key)) != values_in(text_of("en", key))] == []


def test_no_english_is_left_in_the_korean() -> None:
    told = {key: re.sub(r"\{\w+\}", "", text_of("ko", key)) for key in KEYS}
    assert {key: english_in(text) for key, text in told.items() if english_in(text)} == {}
    assert {key for key in KEYS if not HANGUL.search(told[key])} == WITHOUT_WORDS


def test_every_sentence_is_used_somewhere() -> None:
    constants, composed = _strings_of_the_code()
    known = {each.lower().replace(" ", "_") for each in constants}
    unused = [
        key
        for key in KEYS
        if (bare := re.sub("_(one|many)$", "", key)) not in constants
        and not any(_is_made_of(bare, parts, known) for parts in composed)
    ]
    assert unused == []


Parts = tuple[str | None, ...]


def _strings_of_the_code() -> tuple[set[str], set[Parts]]:
    """Every string in the code, and each composed key as its parts, None for a value."""
    constants: set[str] = set()
    composed: set[Parts] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = tuple(
                    str(part.value) if isinstance(part, ast.Constant) else None for part in node.values
                )
                if re.match(r"[a-z]+\.", str(parts[0])):
                    composed.add(parts)
    return constants, composed


def _is_made_of(text: str, parts: Parts, known: set[str]) -> bool:
    """Whether a composed key becomes this text when its values are strings that the code knows."""
    if not parts:
        return not text
    first, rest = parts[0], parts[1:]
    if first is not None:
        return text.startswith(first) and _is_made_of(text[len(first) :], rest, known)
    return any(
        (not n or text[:n] in known) and _is_made_of(text[n:], rest, known) for n in range(len(text) + 1)
    )


def test_values_stand_in_their_sentence() -> None:
    late = say("slack.delayed", time="05:02")
    assert late == "Delivered late: first tried 05:02"
    assert in_language(late, "ko") == "늦게 전달됨: 첫 시도 05:02"
    assert say_count("report.days_left", 1) == "about 1 day left to the last look"
    assert say_count("report.days_left", 2) == "about 2 days left to the last look"


def test_a_sentence_within_a_sentence_is_told_in_the_same_language() -> None:
    guarded = in_a_row(", ", [say("metric.card_rate"), "a name of somebody's"])
    told = in_language(say("rule.not_known", metric=guarded), "ko")
    assert told == "Anki 카드 생성률, a name of somebody's: 아직 알 수 없음"


def test_a_long_row_keeps_its_order_when_it_is_stored() -> None:
    row = in_a_row(", ", [say("rule.missing", fact=number) for number in range(12)])
    (memory,) = json.loads(json.dumps(remembered(row), sort_keys=True)).values()
    assert in_language(reminded(row, memory), "ko") == ", ".join(f"누락: {number}" for number in range(12))


def test_braces_that_people_write_are_no_values() -> None:
    assert in_language(say("rule.missing", fact="{metric} {0}"), "ko") == "누락: {metric} {0}"


def test_a_sentence_whose_key_is_gone_is_told_as_it_was_stored() -> None:
    inner = {"text": "of old", "key": "rule.no_such_key", "values": {}}
    old = reminded("missing: of old", {"key": "rule.missing", "values": {"fact": inner}})
    assert in_language(old, "ko") == "누락: of old"
    assert in_language(reminded("as it was", {"key": "gone.too", "values": {}}), "ko") == "as it was"
    assert in_language(reminded("no memory", None), "ko") == "no memory"


def verdict_of(evidence: Evidence) -> Verdict:
    rule, reasons = decide(evidence, PLAN)
    return Verdict(
        experiment=PLAN.slug, date=evidence.date, verdict=rule.verdict, rule=rule.name, reasons=reasons,
        flip=what_flips(evidence, PLAN, rule.name), share_before=evidence.share, share_after=evidence.share,
        day=evidence.day, phase="2", days_left=7, findings=evidence.findings, checks=evidence.checks,
        missing_facts=evidence.missing_facts, as_of=datetime(2026, 11, 15, 15), plan_hash="ab" * 32,
        code_version="0.1.0", inputs_hash="cd" * 32,
    )  # fmt: skip


@SEEDED
@given(any_evidence())
def test_whatever_a_day_says_it_says_in_korean_too(evidence: Evidence) -> None:
    verdict = verdict_of(evidence)
    assert all(isinstance(text, Said) for text in (*verdict.reasons, *verdict.flip))
    assert set(re.findall(r'"key": "(\w+)\.', json.dumps(verdict.as_dict()["said"]))) <= set(STORED_TABLES)
    told = plain_text(report_in(report(verdict, PLAN), "ko"))
    names = {check.name for check in evidence.checks}
    names |= {past.rule for past in evidence.history} | {
        PLAN.slug,
        verdict.verdict_id,
        "verdict",
        "plan",
        "code",
    }
    for known in (*sorted(names, key=len, reverse=True), OF_CHECKS, "abababababab"):
        told = told.replace(known, "")
    assert english_in(told) == []


@SEEDED
@given(any_evidence())
def test_a_stored_verdict_says_the_same_in_every_language(evidence: Evidence) -> None:
    verdict = verdict_of(evidence)
    stored = Verdict.from_dict(json.loads(json.dumps(verdict.as_dict())))
    assert stored.verdict_id == verdict.verdict_id
    for language in LANGUAGES:
        assert in_language(report(stored, PLAN), language) == in_language(report(verdict, PLAN), language)


def test_a_verdict_of_an_older_version_keeps_its_id_and_is_told_in_english() -> None:
    old = replace(verdict_of(READY), reasons=("GOOD rate won",), flip=("nothing",)).as_dict()
    assert "said" not in old
    again = Verdict.from_dict(json.loads(json.dumps(old)))
    assert again.as_dict() == old
    assert in_language(report(again, PLAN), "ko").why == "GOOD rate won"


@pytest.mark.parametrize("path", ["reasons.99", "findings.0.note.x", "nowhere", ""])
def test_a_memory_that_was_edited_is_refused_like_any_edit(path: str) -> None:
    content = verdict_of(READY).as_dict()
    edited = {**content, "said": {path: {"key": "rule.last_look", "values": {}}}}
    with pytest.raises(ValueError, match="its content has the id"):
        Verdict.from_dict(edited)


def test_a_note_and_a_detail_are_remembered_where_they_stand() -> None:
    noted = replace(READY.findings[0], note=say("note.mature"))
    content = verdict_of(replace(READY, findings=(noted, *READY.findings[1:]))).as_dict()
    assert content["said"]["findings.0.note"] == {"key": "note.mature", "values": {}}
    found: Finding = Verdict.from_dict(content).findings[0]
    assert in_language(found.note, "ko") == "평가될 만큼 시간이 지난 요청"


def test_what_the_watch_writes_into_the_journal_can_be_told_in_korean() -> None:
    seen = {"failures": Watched(Tally(0, 300, 0), Tally(31, 33, 20), Tally(0, 900, 0))}
    (harm,) = find_harm(PLAN, date(2026, 11, 15), seen)  # type: ignore[arg-type]
    entry = Entry(PLAN.slug, "rollback", datetime(2026, 11, 15, 3), "immediate rollback", harm.text)
    again = Entry.from_dict(json.loads(json.dumps(entry.as_dict())))
    assert (again, again.entry_id) == (entry, entry.entry_id)
    assert in_language(again.why, "ko").startswith("실패한 호출: B 31 of 33, 2026-11-15 A 0 of 300;")


def test_what_a_person_writes_into_the_journal_remembers_nothing() -> None:
    entry = Entry(PLAN.slug, "rollback", datetime(2026, 11, 15, 3), "ana", "it breaks")
    assert "said" not in entry.as_dict()


def test_only_sentences_are_remembered() -> None:
    assert remembered({"a": "text", "b": [say("rule.last_look"), 3], "c": None}) == {
        "b.0": {"key": "rule.last_look", "values": {}}
    }


def test_a_page_says_its_words_and_what_it_is_given_in_its_own_language() -> None:
    korean = Words("ko")
    assert (korean("page.numbers"), Words("en")("page.numbers")) == ("숫자 보기", "The numbers")
    assert korean.text(say("page.numbers")) == "숫자 보기"


def test_sentences_deep_within_a_chart_are_found() -> None:
    chart = {
        "title": {"text": say("figure.share", variant="B")},
        "layer": [{"mark": say("figure.points")}, 3],
    }
    assert in_language(chart, "ko") == {"title": {"text": "B 트래픽 비율"}, "layer": [{"mark": "%p"}, 3]}


def test_a_sentence_keeps_its_memory_through_a_pickle_and_a_copy() -> None:
    said = say("rule.missing", fact=say("fact.no_feedback_log"))
    for again in (pickle.loads(pickle.dumps(said)), copy.deepcopy(said)):
        assert in_language(again, "ko") == in_language(said, "ko") != str(said)
