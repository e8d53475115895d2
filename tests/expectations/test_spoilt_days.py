"""Each way of spoiling a day fails the check that is about it, in words that name the place."""

import json
import shutil
from datetime import date

import pytest

from pacer_pipelines.errors import ConfigInvalid

from .landed import MONDAY, SUITES, write_ledger, write_rejects

LOCAL_HOUR = "hour(timezone('Asia/Seoul', timezone('UTC', exposed_at)))"
LATER = date(2026, 11, 10)


def test_a_removed_hour_fails_with_its_name(world, clean):
    world.spoil("exposures", f"select * from part where {LOCAL_HOUR} <> 17")
    checks = world.checks()
    # 302 exposures between 17:00 and 18:00 on 2026-11-09, one a failed judgement (counted with plain Python)
    lost = checks["exposures_against_judgements"]
    assert lost.blocks
    assert lost.detail == "2026-11-09 17:00-18:00: 0 of 301 judgements have an exposure"
    silent = checks["exposures_per_hour"]
    assert silent.blocks
    assert silent.detail.startswith("2026-11-09 17:00-18:00: no exposure, ")
    assert clean(MONDAY)["exposures_against_judgements"].passed


def test_a_removed_hour_is_named_without_pacers_database(world):
    world.empty("llm_logs")
    world.spoil("exposures", f"select * from part where {LOCAL_HOUR} <> 17")
    assert world.blocking() == {"exposures_per_hour"}


def test_a_removed_quiet_hour_fails(world):
    world.spoil("exposures", f"select * from part where {LOCAL_HOUR} <> 12")
    assert world.blocking() == {"exposures_against_judgements_quiet_hours"}


@pytest.mark.parametrize(("kept", "blocking"), [(99, set()), (97, {"exposures_against_judgements_day"})])
def test_single_lines_lost_all_over_the_day_block_above_two_percent(world, kept, blocking):
    # a modulus of the row's number spreads the loss evenly: no hour stands out
    world.spoil("exposures", f"select * from part where source_line % 100 < {kept}")
    assert world.blocking() == blocking


def test_a_lost_day_blocks_on_every_side(world):
    world.spoil("exposures", "select * from part where false")
    checks = world.checks()
    assert checks["exposures_present"].detail == (
        "no exposure landed for 2026-11-09: the log is missing, empty or late"
    )
    assert world.blocking() >= {"exposures_present", "exposures_per_hour", "exposures_against_judgements_day"}


def test_a_holiday_that_pacers_database_confirms_blocks_nothing(world):
    world.spoil("exposures", "select * from part where false")
    # the copy, taken on 18 November, now holds no judgement of the day
    world.spoil("llm_logs", "select * from part where created_date <> '2026-11-09'", date(2026, 11, 18))
    assert "exposures_present" not in world.blocking()
    assert "exposures_per_hour" not in world.blocking()


def test_a_log_that_stops_at_noon_is_stale(world):
    world.empty("llm_logs")
    world.spoil("exposures", f"select * from part where {LOCAL_HOUR} < 12")
    check = world.checks()["exposures_fresh"]
    assert check.blocks
    assert check.detail.startswith("the newest exposure is from 11:")


def test_missing_coaches_block_and_missing_schools_warn(world):
    world.spoil(
        "exposures",
        """select * replace (
            case when source_line % 50 > 0 then coach_key end as coach_key,
            case when source_line % 50 > 0 then school end as school) from part""",
    )
    assert world.blocking() == {"coach_present"}
    assert not world.checks()["school_present"].passed


def test_a_variant_outside_the_plan_blocks(world):
    world.spoil(
        "exposures",
        "select * replace (if(source_line % 500 = 0, 'C', flag_variant) as flag_variant) from part",
    )
    assert world.blocking() == {"variant_values_of_plan"}
    assert world.checks()["variant_values_of_plan"].detail.endswith("exposures were served variant C")


def test_the_same_ids_with_other_contents_block(world):
    world.spoil(
        "exposures",
        """select * from part union all
        select * replace (if(flag_variant = 'A', 'B', 'A') as flag_variant)
        from part where source_line % 100 = 0""",
    )
    assert world.blocking() == {"unique_exposure_ids"}


def test_a_file_delivered_twice_is_harmless(world):
    again = "select * replace ('again.jsonl' as source_file, source_line + 7 as source_line) from part"
    world.spoil("exposures", f"select * from part union all {again}")
    assert world.blocking() == set()


@pytest.mark.parametrize(
    ("rejected", "passed", "blocks"), [(4, True, False), (10, False, False), (50, False, True)]
)
def test_one_percent_of_refused_lines_warns_and_five_percent_block(world, rejected, passed, blocks):
    write_ledger(world.landing, "exposures", "exposures.jsonl.gz", rejected)
    checks = world.checks(sources=["exposures"])
    assert (checks["rejected_share_low"].passed, checks["rejected_share"].blocks) == (passed, blocks)


@pytest.mark.parametrize(
    ("source", "rejected", "failed"),
    [
        ("feedback_events", 10, {"feedback_rejected_share_low"}),
        ("feedback_events", 50, {"feedback_rejected_share", "feedback_rejected_share_low"}),
        ("card_reviews", 10, {"card_reviews_rejected_share_low"}),
    ],
)
def test_refused_lines_of_the_other_logs_are_told_too(world, source, rejected, failed):
    write_ledger(world.landing, source, f"{source}.jsonl.gz", rejected)
    assert world.failed(sources=[source]) == failed


@pytest.mark.parametrize(
    ("column", "check"), [("submission_key", "submission_present"), ("latency_ms", "latency_present")]
)
def test_a_field_that_one_line_in_ten_lacks_warns(world, column, check):
    world.spoil(
        "exposures", f"select * replace (if(source_line % 10 = 0, null, {column}) as {column}) from part"
    )
    assert world.failed(sources=["exposures"]) == {check}


def test_identical_lines_repeated_within_a_file_are_no_loss(world):
    write_ledger(world.landing, "exposures", "exposures.jsonl.gz", rejected=400)
    write_rejects(
        world.landing,
        "exposures",
        "exposures.jsonl.gz",
        "select 'duplicate exposure_id' as reason from range(400)",
    )
    checks = world.checks(sources=["exposures"])
    assert all(check.passed for check in checks.values())


def test_a_line_that_is_still_being_written_is_no_failure(world):
    write_ledger(world.landing, "exposures", "2026-11-09.jsonl.gz", rejected=999)
    waiting = "select if(range = 0, 'file cut short', 'unfinished line') as reason from range(999)"
    write_rejects(world.landing, "exposures", "2026-11-09.jsonl.gz", waiting)
    assert all(check.passed for check in world.checks(sources=["exposures"]).values())


@pytest.mark.parametrize(
    ("source", "name", "blocks"),
    [
        ("exposures", "files_whole", True),
        ("feedback_events", "feedback_files_whole", True),
        ("card_reviews", "card_review_files_whole", False),
    ],
)
def test_a_file_that_is_damaged_or_larger_than_allowed_is_named(world, source, name, blocks):
    write_ledger(world.landing, source, "2026-11-09.jsonl.gz", rejected=1)
    damaged = "select 'file damaged' as reason, 'gzip data is damaged' as detail"
    write_rejects(world.landing, source, "2026-11-09.jsonl.gz", damaged)
    check = world.checks(sources=[source])[name]
    assert (check.passed, check.blocks) == (False, blocks)
    assert check.detail == (
        "2026-11-09.jsonl.gz: file damaged: gzip data is damaged; what came before has landed"
    )


def refused(
    world,
    lines: str,
    reason: str = "missing field",
    day: str = "date '2026-11-09'",
    source: str = "exposures",
):
    file = f"{source}.jsonl.gz"
    write_ledger(world.landing, source, file, rejected=1)
    said = "'unit_id: allowed text; is it called unitId now?'"
    write_rejects(
        world.landing,
        source,
        file,
        f"select '{reason}' as reason, {said} as detail, '{file}' as source_file, {lines} as source_line, "
        f"{day} as day from range(20)",
    )
    return world.checks(sources=[source])[REFUSED_ALIKE[source]]


REFUSED_ALIKE = {
    "exposures": "refused_alike",
    "feedback_events": "feedback_refused_alike",
    "card_reviews": "card_reviews_refused_alike",
}


@pytest.mark.parametrize("source", REFUSED_ALIKE)
def test_a_refusal_on_line_after_line_is_named_in_each_log(world, source):
    check = refused(world, "range + 7000", source=source)
    assert check.detail.startswith(f"{source}.jsonl.gz:7000: missing field")
    # without a feedback log PACER's own rows are heard; without reviews only engagement is too low
    assert check.blocks == (source != "card_reviews")


@pytest.mark.parametrize("day", ["date '2026-11-09'", "null::date"])
def test_a_field_that_vanishes_from_some_hour_on_blocks_with_file_and_line(world, day):
    check = refused(world, "range + 7000", day=day)
    assert check.blocks
    assert check.detail == (
        "exposures.jsonl.gz:7000: missing field: unit_id: allowed text; is it called unitId now? "
        "(20 lines refused alike)"
    )


def test_one_server_of_two_that_renamed_a_field_blocks(world):
    assert refused(world, "range * 2 + 7000").blocks


def test_the_same_refusal_here_and_there_is_no_change_of_the_format(world):
    assert refused(world, "range * 3 + 7000").passed


def test_a_change_of_the_format_blocks_its_own_day_only(world):
    assert refused(world, "range + 7000", day="date '2026-11-08'").passed


def test_repeated_and_unfinished_lines_are_no_change_of_the_format(world):
    for harmless in ("duplicate exposure_id", "unfinished line"):
        assert refused(world, "range + 7000", harmless).passed


def test_a_single_line_of_a_version_that_nobody_knows_blocks(world):
    check = refused(world, "7000 + range * 1000", "unknown schema version")
    assert check.blocks
    assert "exposures.jsonl.gz:7000: unknown schema version" in check.detail


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("exposures", "unknown_fields"),
        ("feedback_events", "feedback_unknown_fields"),
        ("card_reviews", "card_review_unknown_fields"),
    ],
)
def test_a_field_that_nobody_reads_warns_with_its_name_and_type(world, source, name):
    said = '{"attrs.room":{"type":"number","length":2,"hash":"k1_0"},"":3}'
    world.spoil(
        source,
        f"select * replace (if(source_line % 100 = 0, '{said}', null) as unknown_fields) from part",
    )
    check = world.checks()[name]
    assert (check.passed, check.severity) == (False, "warning")
    assert check.detail.startswith("attrs.room (number) on ")
    assert world.blocking() == set()


def test_ids_repeated_with_other_contents_within_a_file_block(world):
    write_ledger(world.landing, "exposures", "exposures.jsonl.gz", rejected=10)
    write_rejects(
        world.landing,
        "exposures",
        "exposures.jsonl.gz",
        "select 'conflicting exposure_id' as reason from range(10)",
    )
    check = world.checks(sources=["exposures"])["conflicting_ids_refused"]
    assert check.blocks
    assert check.detail == ("exposures.jsonl.gz: 10 of 1000 lines repeat an id with another content (1.00%)")


def test_variants_of_experiments_without_a_plan_are_not_judged(world):
    world.spoil("exposures", "select * replace ('C' as flag_variant, 'other' as experiment_id) from part")
    assert world.checks()["variant_values_of_plan"].passed


def test_a_file_of_which_nothing_landed_blocks(world):
    write_ledger(world.landing, "exposures", "2026-11-09.jsonl", rejected=1000)
    assert world.checks()["rejected_share"].detail == "2026-11-09.jsonl: 1000 of 1000 lines refused (100.00%)"


def test_ratings_of_unknown_requests_block(world):
    world.spoil("feedback_events", "select * replace (log_id + 10000000 as log_id) from part")
    check = world.checks()["feedback_finds_its_exposure"]
    assert check.blocks
    # 1,220 feedback events fall on 2026-11-09 in Seoul (counted with plain Python)
    assert check.detail == "1220 of 1220 ratings have no exposure (0.00% found)"


def test_an_unknown_rating_blocks(world):
    world.spoil(
        "feedback_events",
        "select * replace (if(source_line % 100 = 0, 'good?', feedback) as feedback) from part",
    )
    assert world.blocking() == {"feedback_values"}


def test_ratings_before_their_exposure_warn(world):
    world.spoil(
        "feedback_events", "select * replace (feedback_at - interval 30 day as feedback_at) from part"
    )
    assert not world.checks()["feedback_after_exposure"].passed
    assert world.blocking() == set()


def test_three_days_without_a_rating_block(world):
    world.empty("feedback_events")
    check = world.checks()["feedback_fresh"]
    assert check.blocks
    assert check.detail == "no rating on the three days up to 2026-11-09"


def test_without_a_feedback_log_nobody_waits_for_it(world):
    world.empty("feedback_events")
    shutil.rmtree(world.landing / "_ledger" / "feedback_events")
    assert world.checks()["feedback_fresh"].passed


def test_a_database_copy_that_ends_before_the_day_warns(world):
    world.spoil("llm_logs", "select * from part where created_date <> '2026-11-09'", date(2026, 11, 18))
    assert (
        world.checks()["judgements_present"].detail
        == "PACER's database, as landed, has no judgement of 2026-11-09"
    )


def test_a_judgement_with_two_contents_in_one_copy_blocks(world):
    twice = (
        "select * from part union all select * replace ('x' as row_hash) from part where log_id % 1000 = 0"
    )
    world.spoil("llm_logs", twice, date(2026, 11, 18))
    assert world.blocking() == {"log_ids_unique"}


def test_a_third_decision_warns(world):
    world.spoil("llm_logs", "select * replace ('MAYBE' as decision) from part", date(2026, 11, 18))
    assert not world.checks()["decision_values"].passed


def test_a_card_with_two_contents_in_one_copy_blocks(world):
    twice = "select * from part union all select * replace ('x' as row_hash) from part where card_id = 7"
    world.spoil("anki_cards", twice, date(2026, 11, 18))
    assert world.blocking() == {"card_ids_unique"}


def test_cards_without_their_judgement_warn(world):
    world.spoil("anki_cards", "select * replace (log_id + 10000000 as log_id) from part", date(2026, 11, 18))
    assert not world.checks()["cards_find_their_judgement"].passed


def test_reviews_of_unknown_cards_impossible_grades_and_early_reviews_warn(world):
    world.spoil("card_reviews", "select * replace (card_id + 10000000 as card_id, 9 as quality) from part")
    checks = world.checks()
    assert not checks["reviews_find_their_card"].passed
    assert not checks["review_quality_values"].passed
    world.spoil(
        "card_reviews", "select * replace (reviewed_at - interval 60 day as reviewed_at) from part", LATER
    )
    assert not world.checks(LATER)["reviews_after_card"].passed


def test_anki_reviews_of_another_student_and_unlinked_exports_warn(world):
    rows = "select 'stranger' as student_key, range as review_id, range as anki_card_id, "
    rows += "timestamp '2026-11-09 03:00' as reviewed_at, date '2026-11-09' as reviewed_date, 3 as ease "
    rows += "from range(20)"
    links = "select 'stranger' as student_key, range as anki_card_id, range + 1 as log_id, 'field' as how, "
    links += "date '2026-11-09' as card_created_date from range(20)"
    world.spoil("anki_reviews", rows)
    world.spoil("anki_card_links", links)
    assert not world.checks()["anki_reviews_find_their_card"].passed
    world.empty("anki_card_links")
    check = world.checks()["anki_exports_linked"]
    assert check.detail == "the exports of 1 of 1 students link to no PACER card"


def test_landed_data_that_cannot_be_read_has_not_passed(world):
    (world.landing / "exposures" / f"day={MONDAY}" / "part.parquet").write_bytes(b"cut")
    check = world.checks()["exposures_present"]
    assert check.blocks
    assert (check.observed, check.detail) == ("not judged", "the landed data of this check cannot be read")


def test_an_unreadable_ledger_has_not_passed(world):
    next((world.landing / "_ledger" / "exposures").glob("*.json")).write_text('{"file": ')
    assert world.checks()["rejected_share"].observed == "not judged"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"severity": "info"}, "lacks severity"),
        ({"meta": {"name": "x"}}, "lacks frame, why"),
    ],
)
def test_an_expectation_that_cannot_explain_itself_is_refused(world, tmp_path, spoil, words):
    suites = tmp_path / "suites"
    suites.mkdir()
    suite = json.loads((SUITES / "llm_logs.json").read_text())
    suite["expectations"][0] |= spoil
    (suites / "llm_logs.json").write_text(json.dumps(suite))
    with pytest.raises(ConfigInvalid, match=f"llm_logs.json: expectation 1 .*{words}"):
        world.checks(suites=suites)
