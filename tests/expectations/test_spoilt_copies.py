"""What a copy of PACER's database lost, refused or brought fails the check that is about it."""

import pytest

from .landed import MONDAY, write_copy

UNCHANGED, VANISHED = "unchanged since the copy before", "vanished since the copy before"
REUSED = "another row under a known id"
# the night after MONDAY, and the one before: 5 o'clock in Seoul is 20:00 UTC of the day before
NIGHT, NIGHT_BEFORE = "20261109T200000", "20261108T200000"


def failed(world, source="llm_logs"):
    return {name for name, check in world.checks(sources=[source]).items() if not check.passed}


@pytest.mark.parametrize(
    ("source", "warns", "holds"),
    [
        ("llm_logs", "judgements_stay", "most_judgements_stay"),
        ("anki_cards", "cards_stay", "most_cards_stay"),
    ],
)
@pytest.mark.parametrize(("vanished", "warned", "held"), [(0, 0, 0), (4, 1, 0), (20, 1, 0), (21, 1, 1)])
def test_vanished_rows_warn_and_many_of_them_hold(world, source, warns, holds, vanished, warned, held):
    counts = {UNCHANGED: 1000 - vanished} | ({VANISHED: vanished} if vanished else {})
    write_copy(world.landing, source, NIGHT, rows_in=vanished, landed=vanished, warnings=counts)
    assert failed(world, source) == {name for name, fails in ((warns, warned), (holds, held)) if fails}


def test_a_few_vanished_rows_of_a_small_table_do_not_hold(world):
    write_copy(world.landing, "llm_logs", NIGHT, rows_in=4, landed=4, warnings={UNCHANGED: 10, VANISHED: 4})
    assert failed(world) == {"judgements_stay"}
    check = world.checks(sources=["llm_logs"])["judgements_stay"]
    assert check.detail == (
        "4 judgements that the copy before had are gone from pacer-20261109T200000 (28.57%)"
    )


@pytest.mark.parametrize(
    ("source", "holds"),
    [("llm_logs", "log_ids_keep_their_judgement"), ("anki_cards", "card_ids_keep_their_card")],
)
def test_an_id_of_another_row_holds(world, source, holds):
    write_copy(world.landing, source, NIGHT, rows_in=1, landed=1, warnings={UNCHANGED: 999, REUSED: 1})
    assert failed(world, source) == {holds}


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
    ("source", "warns", "holds"),
    [
        ("llm_logs", "judgements_usable", "most_judgements_usable"),
        ("anki_cards", "cards_usable", "most_cards_usable"),
    ],
)
@pytest.mark.parametrize(("refused", "held"), [(1, False), (5, False), (6, True)])
def test_newly_refused_rows_warn_with_their_reason_and_many_hold(world, source, warns, holds, refused, held):
    reasons = {"wrong type: created_at: got int, allowed a time": refused}
    counts = {"rows_in": 100 + refused, "landed": 100, "rejected": refused}
    write_copy(world.landing, source, NIGHT, warnings={UNCHANGED: 900}, reasons=reasons, **counts)
    assert failed(world, source) == ({warns, holds} if held else {warns})
    assert "created_at: got int" in world.checks(sources=[source])[warns].detail


@pytest.mark.parametrize(
    ("source", "warns"), [("llm_logs", "log_columns_known"), ("anki_cards", "card_columns_known")]
)
def test_a_column_that_nobody_knows_is_named(world, source, warns):
    columns = {"unknown column: school_code": 1, "unknown column: appeal": 1}
    write_copy(world.landing, source, NIGHT, warnings={UNCHANGED: 1000} | columns)
    check = world.checks(sources=[source])[warns]
    assert (check.passed, check.severity) == (False, "warning")
    assert check.detail == "pacer-20261109T200000 has columns that are not read: appeal, school_code"


def test_a_copy_is_judged_with_the_day_before_it_and_with_no_other(world):
    write_copy(world.landing, "llm_logs", NIGHT, warnings={UNCHANGED: 900, REUSED: 1})
    blocking = {day for day in range(7, 13) if world.blocking(MONDAY.replace(day=day))}
    assert blocking == {MONDAY.day}
