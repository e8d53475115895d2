"""The verdict table keeps every word it ever said, and says nothing twice."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from pacer_pipelines.adapters.verdicts import Again, Verdicts
from pacer_pipelines.decisions.values import Past, Verdict, Word, canonical
from pacer_pipelines.errors import SourceUnreadable


def verdict(
    day: int, word: Word = "hold", rule: str = "waiting", reason: str = "day 1 of at least 7"
) -> Verdict:
    return Verdict(
        experiment="judge-model-v2",
        date=date(2026, 11, day),
        verdict=word,
        rule=rule,
        reasons=(reason,),
        flip=(),
        share_before=10.0,
        share_after=10.0,
        day=day,
        phase="1",
        days_left=42 - day,
        findings=(),
        checks=(),
        missing_facts=(),
        as_of=datetime(2026, 11, day, 15),
        plan_hash="ab" * 32,
        code_version="0.1.0",
        inputs_hash="cd" * 32,
    )


def test_file_holds_the_canonical_verdict(tmp_path: Path) -> None:
    recorded = Verdicts(tmp_path).record(verdict(2), {})
    assert recorded.is_new
    assert recorded.revision == 1
    assert recorded.path.read_text() == canonical(verdict(2).as_dict()) + "\n"
    assert Verdicts(tmp_path).current("judge-model-v2", date(2026, 11, 2)) == json.loads(
        recorded.path.read_text()
    )


def test_same_verdict_again_writes_nothing(tmp_path: Path) -> None:
    first = Verdicts(tmp_path).record(verdict(2), {})
    again = Verdicts(tmp_path).record(verdict(2), {})
    assert (again.path, again.revision, again.is_new) == (first.path, 1, False)
    assert [path.name for path in first.path.parent.glob("r*")] == [first.path.name]


def test_another_outcome_becomes_the_next_revision_and_the_first_stays(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    first = table.record(verdict(2), {})
    bytes_before = first.path.read_bytes()
    second = table.record(verdict(2, reason="exposure log incomplete"), {})
    assert (second.revision, second.is_new) == (2, True)
    assert first.path.read_bytes() == bytes_before
    current = table.current("judge-model-v2", date(2026, 11, 2))
    assert current is not None
    assert current["reasons"] == ["exposure log incomplete"]


def test_going_back_to_the_first_outcome_is_a_third_revision(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2), {})
    table.record(verdict(2, reason="exposure log incomplete"), {})
    assert table.record(verdict(2), {}).revision == 3


def test_history_has_one_row_per_day_in_order(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    for day in (4, 2, 3):
        table.record(verdict(day), {})
    table.record(verdict(3, reason="late ratings"), {})
    assert [(row["date"], row["reasons"][0]) for row in table.history()] == [
        ("2026-11-02", "day 1 of at least 7"),
        ("2026-11-03", "late ratings"),
        ("2026-11-04", "day 1 of at least 7"),
    ]
    assert table.history("another-experiment") == []


def test_past_stops_before_the_day_that_is_judged(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2), {})
    table.record(verdict(3, "rollback", "alarm"), {})
    table.record(verdict(4), {})
    assert table.past("judge-model-v2", date(2026, 11, 4)) == (
        Past(date(2026, 11, 2), "hold", "waiting"),
        Past(date(2026, 11, 3), "rollback", "alarm"),
    )


def test_interrupted_write_is_not_a_verdict(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    path = table.record(verdict(2), {}).path
    path.rename(path.with_name(f".{path.name}.tmp"))
    assert table.current("judge-model-v2", date(2026, 11, 2)) is None
    assert table.record(verdict(2), {}).is_new


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = Verdicts(tmp_path).record(verdict(2), {}).path
    path.write_text("{")
    with pytest.raises(SourceUnreadable, match=path.name):
        Verdicts(tmp_path).history()


LATE = Again(("exposures of 2026-11-02 arrived late (file a)",), "2026-11-09", "hold")


def past_of(table: Verdicts) -> tuple[Past, ...]:
    return table.past("judge-model-v2", date(2026, 11, 30))


def test_a_promotion_that_late_data_give_to_an_old_day_counts_for_no_later_one(tmp_path: Path) -> None:
    """No flag followed it, so B never had what it would have won."""
    table = Verdicts(tmp_path)
    table.record(verdict(2), {})
    table.record(verdict(2, "promote", "win"), {}, LATE)
    assert [past.verdict for past in past_of(table)] == ["hold"]
    assert [row["verdict"] for row in table.history()] == ["promote"]


def test_a_promotion_that_late_data_take_back_still_counts_since_the_flag_followed_it(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2, "promote", "win"), {})
    table.record(verdict(2), {}, LATE)
    assert [past.rule for past in past_of(table)] == ["win"]


def test_a_rollback_stays_final_whoever_said_it(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2, "rollback", "alarm"), {})
    table.record(verdict(2), {}, LATE)
    table.record(verdict(3), {})
    table.record(verdict(3, "rollback", "alarm"), {}, LATE)
    assert [past.verdict for past in past_of(table)] == ["rollback", "rollback"]


def test_a_day_that_is_run_after_all_counts(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2), {})
    late = table.record(verdict(2, "promote", "win"), {}, LATE)
    assert not table.record(verdict(2, "promote", "win"), {}).is_new
    assert [past.rule for past in past_of(table)] == ["win"]
    assert late.revision == 2


def test_a_run_finds_the_days_that_it_revised_and_only_those(tmp_path: Path) -> None:
    table = Verdicts(tmp_path)
    table.record(verdict(2), {})
    table.record(verdict(2, reason="day 1, more"), {}, LATE)
    table.record(verdict(3), {}, Again(("a backfill asked for it",)))
    (found,) = table.revised_by("judge-model-v2", date(2026, 11, 9))
    assert (found.date, found.was, found.word, found.because) == (
        date(2026, 11, 2),
        "hold",
        "hold",
        LATE.because,
    )
    assert table.revised_by("judge-model-v2", date(2026, 11, 10)) == ()
