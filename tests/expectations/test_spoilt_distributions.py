"""A day that is unlike the days before it fails the check that is about it, and no other; a better B fails none."""

from datetime import date, timedelta

import pytest

from .landed import DAYS, MONDAY, World, failing

LOCAL_HOUR = "hour(timezone('Asia/Seoul', timezone('UTC', exposed_at)))"
COPY_DAY = date(2026, 11, 18)


def again(times: int, where: str) -> str:
    """The day, and some of its calls several times over under ids of their own."""
    return (
        "select part.* replace (if(n = 0, exposure_id, exposure_id || n) as exposure_id) "
        f"from part, range({times}) as t(n) where n = 0 or {where}"
    )


def test_a_day_with_four_times_its_calls_is_no_usual_day(world: World) -> None:
    world.spoil("exposures", again(4, "true"))
    checks = world.checks()
    check = checks["exposures_per_day_usual"]
    # 1,796 lines on 2026-11-09; 1,599 is the median of the seven days before (counted with plain Python)
    assert check.detail == ("7184 exposures, 1599 on the median of the 7 trailing days (4.49 times)")
    assert failing(checks) == {"exposures_per_day_usual"}


def test_an_hour_with_three_times_its_calls_is_named(world: World) -> None:
    world.spoil("exposures", again(3, f"{LOCAL_HOUR} = 17"))
    checks = world.checks()
    check = checks["exposures_per_hour_usual"]
    assert check.detail.startswith("2026-11-09 17:00-18:00: 906 exposures, ")
    assert failing(checks) == {"exposures_per_hour_usual"}


def test_half_an_hour_lost_shows_without_pacers_database(world: World) -> None:
    world.empty("llm_logs")
    before = world.failed()
    world.spoil("exposures", f"select * from part where {LOCAL_HOUR} <> 17 or source_line % 3 = 0")
    found = world.failed() - before
    assert "exposures_per_hour_usual" in found
    # their ratings miss them too; the hour is not silent
    assert found <= {
        "exposures_per_hour_usual",
        "feedback_finds_its_exposure",
        "feedback_finds_its_exposure_usual",
    }


def test_several_coaches_who_vanish_together_warn_and_none_is_named(world: World) -> None:
    coaches = "(select list(distinct coach_key order by coach_key) from part)"
    world.spoil(
        "exposures",
        f"""select * replace (if(list_position({coaches}, coach_key) <= 6,
            list_extract({coaches}, 7 + (source_line % 18)::integer), coach_key) as coach_key) from part""",
    )
    checks = world.checks()
    check = checks["coaches_not_silent"]
    assert check.detail == "6 of 24 coaches who usually have 10 exposures or more have none"
    assert failing(checks) == {"coaches_not_silent"}


def test_two_coaches_away_are_no_finding(world: World) -> None:
    world.spoil(
        "exposures",
        "select * replace (if(coach_key in (select distinct coach_key from part order by 1 limit 2), 'z', coach_key) "
        "as coach_key) from part",
    )
    assert world.failed() == set()


def test_one_coach_with_many_times_the_usual_calls_warns(world: World) -> None:
    world.spoil("exposures", again(15, "coach_key = (select mode(coach_key) from part)"))
    checks = world.checks()
    check = checks["coaches_not_loud"]
    assert check.detail.startswith("one coach has ")
    assert failing(checks) >= {"coaches_not_loud"}


def test_a_variant_whose_calls_take_three_times_as_long_warns(world: World) -> None:
    world.spoil(
        "exposures", "select * replace (if(flag_variant = 'A', 3, 1) * latency_ms as latency_ms) from part"
    )
    checks = world.checks()
    assert failing(checks) == {"latency_median_usual"}
    assert checks["latency_median_usual"].detail.startswith("A (llama2:latest): median ")


def test_a_slow_tail_warns_though_the_median_stays(world: World) -> None:
    world.spoil(
        "exposures",
        "select * replace (if(source_line % 10 = 0, 100, 1) * latency_ms as latency_ms) from part",
    )
    assert world.failed() == {"latency_tail_usual"}


def test_another_model_behind_a_variant_is_told_on_the_day_of_the_change_only(world: World) -> None:
    model = "if(flag_variant = 'B' and log_id % 4 = 0, 'fallback', served_model)"
    fallback = f"select * replace ({model} as served_model) from part"
    for day in (MONDAY, MONDAY + timedelta(days=1)):
        world.spoil("exposures", fallback, day)
    assert world.failed() == {"served_model_mix"}
    assert "B: fallback served 2" in world.checks()["served_model_mix"].detail
    assert world.failed(MONDAY + timedelta(days=1)) == set()


def test_a_new_model_is_not_compared_with_the_one_before(world: World) -> None:
    """It may be slower and approve more: that is what the experiment is about."""
    world.spoil(
        "exposures",
        """select * replace (if(flag_variant = 'B', 'new', served_model) as served_model,
            if(flag_variant = 'B', 9, 1) * latency_ms as latency_ms) from part""",
    )
    assert world.failed() == {"served_model_mix"}


def test_a_school_under_another_name_is_another_mix_of_students(world: World) -> None:
    world.spoil("exposures", "select * replace (if(school = 'gamma', 'delta', school) as school) from part")
    checks = world.checks()
    check = checks["student_mix"]
    assert "school delta: " in check.detail
    assert "school gamma: 0.0% of " in check.detail
    assert failing(checks) == {"student_mix"}


def test_a_judge_that_rejects_a_third_of_its_approvals_warns(world: World) -> None:
    world.spoil(
        "llm_logs",
        """select * replace (if(created_date = '2026-11-09' and log_id % 3 = 0, 'REJECT', decision) as decision)
            from part""",
        COPY_DAY,
    )
    checks = world.checks()
    assert failing(checks) == {"decision_mix"}
    assert "judgements approve, 5" in checks["decision_mix"].detail


def test_ratings_that_turn_bad_within_a_variant_warn(world: World) -> None:
    world.spoil(
        "feedback_events", "select * replace (if(log_id % 3 = 0, 'BAD', feedback) as feedback) from part"
    )
    checks = world.checks()
    assert failing(checks) == {"rating_mix"}
    assert "ratings are GOOD, 7" in checks["rating_mix"].detail


@pytest.mark.parametrize("day", [date(2026, 11, 7), MONDAY], ids=["first day at 30 %", "three days later"])
def test_a_far_better_b_and_another_share_of_traffic_fire_nothing(world: World, day: date) -> None:
    """The fortnight goes from 10 to 30 % on 7 November; here every rating of B is GOOD, and B is twice as fast."""
    exposures = f"read_parquet('{world.landing}/exposures/*/*.parquet', hive_partitioning = false)"
    of_b = f"log_id in (select log_id from {exposures} where flag_variant = 'B')"
    for each in DAYS:
        world.spoil(
            "exposures",
            "select * replace (if(flag_variant = 'B', 0.5, 1) * latency_ms as latency_ms) from part",
            each,
        )
        world.spoil(
            "feedback_events",
            f"select * replace (if({of_b}, 'GOOD', feedback) as feedback) from part",
            each,
        )
    assert world.failed(day) == set()


def test_the_same_weekday_is_the_yardstick_once_there_are_four_of_them(world: World) -> None:
    """Four Mondays of a hundred calls each: beside them the Monday is a crowd, whatever its week was like."""
    for week in range(1, 5):
        day = MONDAY - timedelta(weeks=week)
        part = world.landing / "exposures" / f"day={MONDAY}" / "part.parquet"
        world.spoil(
            "exposures",
            f"select * replace (date '{day}' as exposed_date) from read_parquet('{part}', hive_partitioning = false) "
            "where source_line % 18 = 0",
            day,
        )
    detail = world.checks(sources=["exposures"])["exposures_per_day_usual"].detail
    assert "on the median of the 4 trailing days" in detail


@pytest.mark.parametrize("day", DAYS[:3], ids=str)
def test_two_days_are_no_yardstick(clean, day: date) -> None:
    names = ("exposures_per_day_usual", "decision_mix", "latency_median_usual", "student_mix")
    assert {clean(day)[name].observed for name in names} == {"nothing to judge"}
