"""Checks on the experiment itself: each can fail, and says what it saw against what was planned."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.decisions.health import experiment_checks
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, UnitDay
from pacer_pipelines.decisions.values import Check, Finding
from pacer_pipelines.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
DAYS = [date(2026, 11, 2) + timedelta(days=number) for number in range(5)]
ALIKE = Finding(
    "rating_rate", "health", "inconclusive", "higher", effect=0.0, rate_control=0.4, rate_treatment=0.4
)


def marts(control: float = 90, treatment: float = 10, two: float = 0, several: float = 0) -> MartRows:
    units = tuple(
        UnitDay("1", day, variant, count, two, several)
        for day in DAYS
        for variant, count in (("control", control), ("treatment", treatment))
    )
    exposures = tuple(ExposureDay("1", day, "control", 500, 0) for day in DAYS)
    return MartRows((), (), units, exposures, ())


def checks(
    rows: MartRows, share: float = 10.0, frozen: str = PLAN.plan_hash, rated: Finding = ALIKE
) -> dict[str, Check]:
    found = experiment_checks(rows, PLAN, {"1": share}, frozen, rated)
    return {check.name: check for check in found}


def failing(found: dict[str, Check]) -> set[str]:
    return {name for name, check in found.items() if not check.passed}


def test_a_split_as_planned_passes_and_has_nothing_to_tell() -> None:
    found = checks(marts())
    assert failing(found) == set()
    assert {check.detail for check in found.values()} == {""}


def test_a_split_that_is_not_the_planned_one_is_found() -> None:
    found = checks(marts(control=80, treatment=20))
    assert failing(found) == {"sample_ratio"}
    assert found["sample_ratio"].detail == (
        "in phase 1: 400 units in control and 100 in treatment, planned were 450 and 50"
    )


def test_units_that_meet_both_variants_are_found() -> None:
    assert failing(checks(marts(two=1))) == {"two_variant_units"}


def test_students_who_work_with_several_coaches_are_found() -> None:
    # 10 of 100 units a day are 20 of 200 rows of units, at the limit of 10 %
    assert failing(checks(marts(several=10))) == {"multi_coach_units"}


def test_an_edited_plan_is_found() -> None:
    assert failing(checks(marts(), frozen="0" * 64)) == {"plan_unchanged"}


def test_a_flag_version_that_nobody_kept_is_found() -> None:
    rows = marts()
    found = {check.name: check for check in experiment_checks(rows, PLAN, {}, PLAN.plan_hash, ALIKE)}
    assert failing(found) == {"flag_versions_known"}


def test_a_broken_flag_is_found() -> None:
    rows = marts()
    broken = (*rows.exposures[:-1], ExposureDay("1", DAYS[-1], "control", 500, 100))
    found = checks(replace(rows, exposures=broken))
    assert found["flag_works"].detail.startswith("100 of 500 exposures on 2026-11-06")


def test_a_b_that_is_rated_much_less_is_found() -> None:
    less = replace(ALIKE, effect=-0.08, rate_treatment=0.32)
    # -0.08 / 0.40 = -20 %, the plan blocks beyond 15 %
    assert checks(marts(), rated=less)["rated_alike"].detail == "requests of B are rated 20.0 % less often"


def test_guessed_exposures_are_no_exposures() -> None:
    guessed = replace(marts(), exposures=(ExposureDay("snapshot", DAYS[0], "control", 5, 0),))
    assert failing(checks(guessed)) == {"exposures_logged"}
    assert failing(checks(MartRows((), (), (), (), ()))) == {"exposures_logged"}
