"""What a copy of PACER's database lost, refused or brought fails the check that is about it."""

import pytest

from .landed import MONDAY, write_copy

UNCHANGED, VANISHED = "unchanged since the copy before", "vanished since the copy before"
REUSED = "another row under a known id"
# the night after MONDAY, and the one before: 5 o'clock in Seoul is 20:00 UTC of the day before
NIGHT, NIGHT_BEFORE = "20261109T200000", "20261108T200000"


def failed(world, source="llm_logs"):
    return {name for name, check in world.checks(sources=[source]).items() if not check.passed}


@pytest.mark.parametrize(("source", "many"), [("llm_logs", "judgements"), ("anki_cards", "cards")])
@pytest.mark.parametrize(
    ("vanished", "expected"),
    [(0, set()), (4, {"{}_stay"}), (20, {"{}_stay"}), (21, {"{}_stay", "most_{}_stay"})],
)
def test_vanished_rows_warn_and_many_of_them_hold(world, source, many, vanished, expected):
    counts = {UNCHANGED: 1000 - vanished} | ({VANISHED: vanished} if vanished else {})
    write_copy(world.landing, source, NIGHT, rows_in=vanished, landed=vanished, warnings=counts)
    assert failed(world, source) == {name.format(many) for name in expected}


def test_a_few_vanished_rows_of_a_small_table_do_not_hold(world):
    write_copy(world.landing, "llm_logs", NIGHT, rows_in=4, landed=4, warnings={UNCHANGED: 10, VANISHED: 4})
    assert failed(world) == {"judgements_stay"}
    check = world.checks(sources=["llm_logs"])["judgements_stay"]
    assert check.detail == (
        "4 judgements that the copy before had are gone from pacer-20261109T200000 (28.57%)"
    )


def test_an_id_of_another_judgement_holds(world):
    write_copy(world.landing, "llm_logs", NIGHT, rows_in=1, landed=1, warnings={UNCHANGED: 999, REUSED: 1})
    assert failed(world) == {"log_ids_keep_their_judgement"}


def test_rows_that_were_refused_the_night_before_are_not_told_again(world):
    reasons = {"out of range: created_at: allowed years 2000..2099": 6}
    for night in (NIGHT_BEFORE, NIGHT):
        write_copy(
            world.landing,
            "llm_logs",
            night,
            rows_in=6,
            rejected=6,
            warnings={UNCHANGED: 900},
            reasons=reasons,
        )
    assert failed(world) == set()


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (1, {"judgements_usable"}),
        (5, {"judgements_usable"}),
        (6, {"judgements_usable", "most_judgements_usable"}),
    ],
)
def test_newly_refused_rows_warn_with_their_reason_and_many_hold(world, refused, expected):
    reasons = {"wrong type: created_at: got int, allowed a time": refused}
    counts = {"rows_in": 100 + refused, "landed": 100, "rejected": refused}
    write_copy(world.landing, "llm_logs", NIGHT, warnings={UNCHANGED: 900}, reasons=reasons, **counts)
    assert failed(world) == expected
    assert "created_at: got int" in world.checks(sources=["llm_logs"])["judgements_usable"].detail


def test_a_column_that_nobody_knows_is_named(world):
    columns = {"unknown column: school_code": 1, "unknown column: appeal": 1}
    write_copy(world.landing, "llm_logs", NIGHT, warnings={UNCHANGED: 1000} | columns)
    check = world.checks(sources=["llm_logs"])["log_columns_known"]
    assert (check.passed, check.severity) == (False, "warning")
    assert check.detail == "pacer-20261109T200000 has columns that are not read: appeal, school_code"


def test_a_copy_is_judged_with_the_day_before_it_and_with_no_other(world):
    write_copy(world.landing, "llm_logs", NIGHT, warnings={UNCHANGED: 900, REUSED: 1})
    blocking = {day for day in range(7, 13) if world.blocking(MONDAY.replace(day=day))}
    assert blocking == {MONDAY.day}
