"""Copies of PACER's database: what changed lands, what vanished is noticed, and their order does not matter."""

from __future__ import annotations

import itertools
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pacer_copies import SCHEMA, PacerWorld, card, log, noon

from pacer_pipelines.adapters import parquet_files
from pacer_pipelines.errors import ConfigInvalid
from pacer_pipelines.orchestration import database_landing

# no declared types: SQLite keeps what it is given
LOOSE = "".join(
    f"CREATE TABLE {table} ({', '.join(row)});"
    for table, row in (
        ("llm_logs", log(1) | {"coach_id": "", "coach_feedback": "", "reason_code": "", "memo": ""}),
        ("anki_cards", card(1, 1) | {"last_reviewed_at": ""}),
        ("students", {"student_id": ""}),
    )
)


@pytest.fixture
def world(tmp_path: Path) -> PacerWorld:
    return PacerWorld(tmp_path)


def test_only_changed_rows_land_with_the_interval_in_which_they_changed(world):
    world.copy(3, [log(1), log(2)])
    world.copy(5, [log(1, coach_feedback="GOOD", coach_id="c1"), log(2), log(3)])
    reports = world.deliver(3, 5)
    assert reports["llm_logs"].problem == ""
    assert world.versions("log_id, coach_feedback, not_before_at, observed_at") == [
        (1, None, None, noon(3)), (1, "GOOD", noon(3), noon(5)), (2, None, None, noon(3)), (3, None, noon(3), noon(5)),
    ]  # fmt: skip
    receipt = world.receipt(5)
    assert (receipt.rows_in, receipt.landed, receipt.rejected) == (2, 2, 0)
    assert receipt.warnings == {database_landing.UNCHANGED: 1}


def test_a_row_is_found_by_its_id(world):
    world.copy(3, [log(17), log(40)])
    world.deliver(3)
    assert world.versions("log_id, source_line") == [(17, 17), (40, 40)]


def test_rows_that_did_not_change_are_not_parsed(world, monkeypatch):
    world.copy(3, [log(number) for number in range(100)])
    world.copy(5, [log(number, coach_feedback="BAD" if number == 7 else None) for number in range(100)])
    world.deliver(3)
    seen = []
    parse = database_landing.parse_llm_logs
    monkeypatch.setattr(
        database_landing, "parse_llm_logs", lambda rows, *other: seen.extend(rows) or parse(rows, *other)
    )
    world.deliver(5)
    assert [row["log_id"] for row in seen] == [7]


def test_a_value_that_only_changes_its_type_is_looked_at_again(world):
    """6 and 6.0 are equal in Python and in SQLite; the second is refused, and the card keeps its last content."""
    world.copy(3, [log(1)], [card(1, 1, interval_days=6)], schema=LOOSE)
    world.copy(5, [log(1)], [card(1, 1, interval_days=6.0)], schema=LOOSE)
    world.deliver(3, 5)
    assert world.receipt(5, "anki_cards").rejected == 1
    assert world.versions("interval_days, is_vanished", "anki_cards") == [(6, False), (6, True)]


def test_a_student_who_becomes_known_later_gets_the_old_submission(world):
    """No byte of the judgement's row changed: a digest of the row alone would have missed it."""
    world.copy(3, [log(1, submission_id="stu0000-0-math-1")], students=("stu0000",))
    world.copy(5, [log(1, submission_id="stu0000-0-math-1")], students=("stu0000", "stu0000-0"))
    world.deliver(3, 5)
    keys = world.resource.pseudonyms
    assert world.versions("student_key") == [(keys.student("stu0000"),), (keys.student("stu0000-0"),)]


def test_a_digest_cannot_be_guessed_without_the_key(world, monkeypatch):
    world.copy(3, [log(1)])
    world.deliver(3)
    other = PacerWorld(world.folder / "other")
    other.folder.mkdir()
    monkeypatch.setenv("PACER_PSEUDONYM_KEY", "another key of at least sixteen bytes")
    other.copy(3, [log(1)])
    other.deliver(3)
    ((one,),), ((two,),) = world.versions("source_digest"), other.versions("source_digest")
    assert one is not None
    assert one != two


def test_two_databases_of_the_same_moment_are_refused(world):
    """The second would take the place of the first, whose rows would all seem to have vanished."""
    world.copy(3, [log(1)])
    world.deliver(3)
    config = world.folder / "pacer.toml"
    config.write_text(
        config.read_text() + '[[sources.database]]\nurl = "a.db"\ntaken_at = 2026-11-03T21:00:00+09:00\n'
    )
    with pytest.raises(ConfigInvalid, match="one would be taken for the other"):
        _ = world.resource.world


def test_a_column_that_has_become_something_else_holds_with_the_first_row(world):
    world.copy(3, [log(number) for number in range(1, 9)])
    world.copy(5, [log(number, created_at=1_793_613_602) for number in range(1, 9)])
    reports = world.deliver(3, 5)
    assert reports["llm_logs"].problem == (
        "pacer_database: cannot read llm_logs: wrong type: created_at: got int, allowed a time, in 8 of 8 new or "
        "changed rows, first in row 1"
    )
    # nothing of that copy landed, so the next good one brings it all
    assert [receipt.file_key for receipt in reports["llm_logs"].files] == ["pacer-20261103T120000"]
    assert reports["anki_cards"].problem == ""


def test_rows_that_are_refused_every_day_hold_no_quiet_day(world):
    bad = [log(number, created_at="1970-01-01 00:00:00") for number in range(1, 7)]
    good = [log(number) for number in range(10, 30)]
    world.copy(3, [*bad, *good])
    world.copy(5, [*bad, *good])
    assert world.deliver(3, 5)["llm_logs"].problem == ""
    assert world.receipt(5).rejected == 6


def test_a_further_column_is_told_by_name(world):
    world.copy(3, [log(1)], schema=f"{SCHEMA} ALTER TABLE llm_logs ADD school_code TEXT;")
    world.deliver(3)
    assert world.receipt(3).warnings["unknown column: school_code"] == 1


def test_a_copy_that_cannot_be_read_stops_no_other(world):
    for day in (3, 5, 7):
        world.copy(day, [log(1)])
    (world.folder / "night05.db").write_bytes(b"no database" * 1000)
    reports = world.deliver(3, 5, 7)
    assert "night05.db: file is not a database" in reports["llm_logs"].problem
    assert len(reports["llm_logs"].files) == 2


TEXTS = ["café 확률 🦊 \u202eRTL", "a\x00b", b"\xff\xfe".decode("utf-8", "surrogateescape"), "x" * 20_000]
TIMES = ["1970-01-01 00:00:00", "2100-01-01 00:00:00", "0001-01-01", "not a time", 3.5]


def test_strange_values_cost_their_own_row_and_nothing_else(world):
    rows = [log(number) for number in range(1, 12)]
    rows += [log(-1), log(2**63 - 1), *(log(100 + n, created_at=value) for n, value in enumerate(TIMES))]
    rows += [log(200 + n, concept_name=value) for n, value in enumerate(TEXTS) if n != 2]
    path = world.copy(3, rows)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE llm_logs SET concept_name = CAST(x'fffe' AS TEXT) WHERE log_id = 1")
        db.commit()
    world.deliver(3)
    landed = {log_id for (log_id,) in world.versions("log_id")}
    assert landed == {*range(2, 12), 2**63 - 1, 200}
    receipt = world.receipt(3)
    assert (receipt.rows_in, receipt.rejected) == (len(rows), len(rows) - len(landed))


# --- rows that vanish ---------------------------------------------------------------------------------------


def test_a_row_that_vanished_lands_as_a_last_version_with_its_content(world):
    world.copy(3, [log(1, coach_feedback="GOOD"), log(2)], [card(1, 1)])
    world.copy(5, [log(2)])
    world.deliver(3, 5)
    assert world.versions("log_id, coach_feedback, is_vanished, not_before_at, observed_at") == [
        (1, "GOOD", False, None, noon(3)), (1, "GOOD", True, noon(3), noon(5)), (2, None, False, None, noon(3)),
    ]  # fmt: skip
    assert world.receipt(5).warnings == {database_landing.UNCHANGED: 1, database_landing.VANISHED: 1}
    assert world.receipt(5, "anki_cards").warnings[database_landing.VANISHED] == 1


def test_a_row_that_comes_back_is_there_again_and_vanishes_only_once(world):
    for day, logs in ((3, [log(1)]), (5, []), (7, []), (9, [log(1)])):
        world.copy(day, logs)
    world.deliver(3, 5, 7, 9)
    assert world.versions("is_vanished, observed_at") == [(False, noon(3)), (True, noon(5)), (False, noon(9))]


def test_a_refused_row_has_not_vanished(world):
    world.copy(3, [log(1), log(2)])
    world.copy(5, [log(1, decision="MAYBE"), log(2)])
    world.deliver(3, 5)
    receipt = world.receipt(5)
    assert (receipt.landed, receipt.rejected) == (1, 1)
    assert receipt.warnings[database_landing.NOW_REFUSED] == 1
    assert database_landing.VANISHED not in receipt.warnings


def test_another_judgement_under_a_known_id_is_counted(world):
    """As after a restore from an old backup: PACER gives the same ids once more."""
    world.copy(3, [log(1), log(2)])
    world.copy(5, [log(1), log(2, submission_id="s1-other", created_at="2026-11-04 01:00:00")])
    world.deliver(3, 5)
    assert world.receipt(5).warnings[database_landing.REUSED] == 1


# --- copies in any order ------------------------------------------------------------------------------------


def a_history(seed: int) -> dict[int, tuple[list, list]]:
    """Four copies of a few rows that change, change back, vanish, come back and are refused."""
    draw = random.Random(seed)
    copies = {}
    for day in (3, 5, 7, 9):
        words = [(number, draw.choice(["GOOD", "BAD", None, "gone", "refused"])) for number in range(1, 7)]
        logs = [
            log(number, coach_feedback=None if word == "refused" else word)
            | ({"decision": "MAYBE"} if word == "refused" else {})
            for number, word in words
            if word != "gone"
        ]
        cards = [
            card(number, number, repetitions=draw.randint(0, 1)) for number, word in words if word != "gone"
        ]
        copies[day] = (logs, cards)
    return copies


@pytest.mark.parametrize("seed", range(2))
def test_late_copies_leave_the_same_bytes_as_copies_in_order(tmp_path, seed):
    history = a_history(seed)

    def landed(order: tuple[int, ...]) -> dict[str, bytes]:
        world = PacerWorld(tmp_path / "-".join(map(str, order)))
        world.folder.mkdir()
        for day, (logs, cards) in history.items():
            world.copy(day, logs, cards)
        for day in order:
            world.deliver(day)
            # a copy that has landed need not be there any more
            (world.folder / f"night{day:02}.db").unlink()
        return world.landed_bytes()

    in_order = landed((3, 5, 7, 9))
    for order in itertools.islice(itertools.permutations((3, 5, 7, 9)), 1, None, 5):
        assert landed(order) == in_order


def test_a_change_that_was_undone_in_between_is_found_when_its_copy_comes_late(world):
    """A copy without the rating, one with it, one without it again: the last one landed nothing when it came second."""
    rated = log(1, coach_feedback="GOOD")
    for day, row in ((3, log(1)), (5, rated), (7, log(1))):
        world.copy(day, [row])
    world.deliver(3, 7)
    assert world.versions("coach_feedback") == [(None,)]
    world.deliver(5)
    assert world.versions("coach_feedback, not_before_at, observed_at") == [
        (None, None, noon(3)), ("GOOD", noon(3), noon(5)), (None, noon(5), noon(7)),
    ]  # fmt: skip


class Killed(BaseException):
    """The machine stopped."""


def test_a_run_that_is_killed_at_any_write_lands_the_same_the_next_time(tmp_path, monkeypatch):
    history = a_history(1)

    def world_at(name: str) -> PacerWorld:
        world = PacerWorld(tmp_path / name)
        world.folder.mkdir()
        for day, (logs, cards) in history.items():
            world.copy(day, logs, cards)
        world.deliver(3, 7)
        return world

    whole = world_at("whole")
    whole.deliver(5)
    swap, writes = parquet_files.swap_in, [0]
    for fatal in range(1, 20):
        world = world_at(f"killed{fatal}")
        writes[0] = 0

        def dying(target, write, fatal=fatal):
            writes[0] += 1
            if writes[0] == fatal:
                raise Killed
            swap(target, write)

        for module in ("parquet_files", "landing"):
            monkeypatch.setattr(f"pacer_pipelines.adapters.{module}.swap_in", dying)
        try:
            world.deliver(5)
        except Killed:
            pass
        else:
            assert fatal > 10  # every write of the late copy has been the last one once
            break
        finally:
            monkeypatch.undo()
        world.deliver()
        assert world.landed_bytes() == whole.landed_bytes(), f"killed at write {fatal}"
    else:
        pytest.fail("more writes than were tried")


# --- any value in any column --------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.binary(max_size=12),
    st.sampled_from(
        ["APPROVE", "GOOD", "2026-11-02 01:00:00", "1970-01-01", "2100-01-01 00:00:00", "s1-1", 1, 2]
    ),
)


def rows_of(row: dict) -> st.SearchStrategy:
    """Good rows of which some values are anything at all."""
    changes = st.dictionaries(st.sampled_from(sorted(row)), VALUES, max_size=4)
    return st.lists(changes.map(lambda change: row | change), max_size=8)


@settings(max_examples=25, deadline=None)
@given(logs=rows_of(log(1)), cards=rows_of(card(1, 1)))
def test_whatever_pacer_holds_adds_up_and_lands_again_alike(tmp_path_factory, logs, cards):
    world = PacerWorld(tmp_path_factory.mktemp("any"))
    world.copy(3, logs, cards, schema=LOOSE)
    world.copy(5, logs, cards, schema=LOOSE)
    reports = world.deliver(3, 5)
    for table, rows in (("llm_logs", logs), ("anki_cards", cards)):
        if reports[table].problem:
            assert "new or changed rows, first in row" in reports[table].problem
            continue
        first, second = world.receipt(3, table), world.receipt(5, table)
        assert first.rows_in == len(rows)
        assert second.landed == 0
        assert second.rejected + second.warnings[database_landing.UNCHANGED] == len(rows)
