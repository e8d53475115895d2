"""A stale source is named with its newest time; what PACER counts itself and no log tells is counted."""

import shutil
from datetime import date

from .landed import World, failing, write_ledger

COPY_DAY = date(2026, 11, 18)


def only_copy(world: World, name: str) -> None:
    """Let one copy of PACER's database be all that has landed."""
    shutil.rmtree(world.landing / "_ledger" / "llm_logs")
    write_ledger(world.landing, "llm_logs", name)


def test_a_copy_from_before_the_days_end_warns_with_its_time(world: World) -> None:
    only_copy(world, "pacer-20261109T000000")
    checks = world.checks(sources=["llm_logs"])
    check = checks["database_copy_fresh"]
    # taken at midnight UTC, which is 9:00 in Seoul
    assert check.detail == (
        "the newest copy of PACER's database is from 2026-11-09 09:00, 15.0 h before the end of 2026-11-09"
    )
    assert failing(checks) == {"database_copy_fresh"}


def test_a_copy_of_late_in_the_evening_is_fresh_enough(world: World) -> None:
    only_copy(world, "pacer-20261109T100000")
    assert world.failed(sources=["llm_logs"]) == set()


def test_a_stale_copy_blocks_where_it_is_the_only_source_of_ratings(world: World) -> None:
    only_copy(world, "pacer-20261105T000000")
    assert not world.checks(sources=["llm_logs"])["database_copy_fresh_for_ratings"].blocks
    shutil.rmtree(world.landing / "_ledger" / "feedback_events")
    assert world.blocking() == {"database_copy_fresh_for_ratings"}


def test_the_copy_of_a_day_stays_the_first_one_after_it(world: World) -> None:
    before = world.checks(sources=["llm_logs"])
    write_ledger(world.landing, "llm_logs", "pacer-20261201T000000")
    assert world.checks(sources=["llm_logs"]) == before


def test_two_days_without_a_review_warn(world: World) -> None:
    for day in ("2026-11-08", "2026-11-09"):
        shutil.rmtree(world.landing / "card_reviews" / f"day={day}")
    shutil.rmtree(world.landing / "_ledger" / "card_reviews")
    for folder in (world.landing / "card_reviews").glob("day=2026-11-1*"):
        shutil.rmtree(folder)
    write_ledger(world.landing, "card_reviews", "card_reviews.jsonl.gz")
    checks = world.checks(sources=["card_reviews"])
    assert checks["card_reviews_fresh"].detail == (
        "the newest review event is of 2026-11-07, 2 days before 2026-11-09"
    )
    # and the cards that PACER saw reviewed on that day have no event either
    assert failing(checks) == {"card_reviews_fresh", "touched_cards_have_reviews"}


def test_two_weeks_without_an_anki_export_warn(world: World) -> None:
    world.spoil(
        "anki_reviews",
        """select 'k' as student_key, 1::bigint as review_id, 1::bigint as anki_card_id, 1::bigint as log_id,
            timestamp '2026-10-20 03:00' as reviewed_at, date '2026-10-20' as reviewed_date, 3 as ease""",
        date(2026, 10, 20),
    )
    world.spoil(
        "anki_card_links",
        """select 'k' as student_key, 1::bigint as anki_card_id, 1::bigint as log_id, 'guid' as how,
            date '2026-10-20' as card_created_date""",
        date(2026, 10, 20),
    )
    assert world.failed() == {"anki_exports_fresh"}
    assert "is from 2026-10-20 12:00, 20 days before the end of 2026-11-09" in (
        world.checks()["anki_exports_fresh"].detail
    )


def test_a_roster_that_does_not_know_the_students_warns(world: World) -> None:
    world.spoil_file("roster", "roster.parquet", "select * from part where student_key < '8'")
    assert world.failed() == {"roster_knows_the_students"}


def test_without_a_roster_nobody_misses_it(world: World) -> None:
    world.spoil_file("roster", "roster.parquet", "select * from part where false")
    assert world.checks()["roster_knows_the_students"].observed == "nothing to judge"


def plant_a_copy_of_that_midnight(world: World) -> None:
    """Land a copy of PACER's database of the end of the Monday, with the ratings that had come by then."""
    whole = world.landing / "llm_logs" / f"day={COPY_DAY}" / "part.parquet"
    events = world.landing / "feedback_events" / "*" / "*.parquet"
    world.spoil(
        "llm_logs",
        f"""select * replace (timestamp '2026-11-09 15:00' as observed_at, date '2026-11-10' as observed_date,
            case when log_id in (select log_id from read_parquet('{events}', hive_partitioning = false)
                where feedback_at <= timestamp '2026-11-09 15:00') then coach_feedback end as coach_feedback)
        from read_parquet('{whole}', hive_partitioning = false) where created_at <= timestamp '2026-11-09 15:00'""",
    )
    write_ledger(world.landing, "llm_logs", "pacer-20261109T150000")


def test_ratings_in_pacers_table_without_an_event_warn(world: World) -> None:
    plant_a_copy_of_that_midnight(world)
    assert world.checks()["ratings_against_database"].observed.startswith("100.00% of ")
    before = world.failed()
    world.spoil("feedback_events", "select * from part where log_id % 10 > 0")
    assert world.failed() - before == {"ratings_against_database"}
    assert world.checks()["ratings_against_database"].detail.endswith(
        "ratings in the copy of 2026-11-10 00:00 have no feedback event"
    )


def test_approvals_without_a_card_warn(world: World) -> None:
    world.spoil(
        "anki_cards", "select * from part where created_date <> '2026-11-09' or card_id % 5 > 0", COPY_DAY
    )
    assert world.failed() == {"approvals_have_their_card"}


def test_cards_that_pacer_saw_reviewed_and_no_event_tells_warn(world: World) -> None:
    world.spoil("card_reviews", "select * from part where card_id % 10 > 0")
    checks = world.checks()
    assert failing(checks) == {"touched_cards_have_reviews"}
    # 436 cards show a last review on 2026-11-09 (counted with DuckDB from pacer.db)
    assert " of 436 cards that were reviewed" in checks["touched_cards_have_reviews"].detail
