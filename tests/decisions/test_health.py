"""Checks on the experiment itself: each can fail, and says what it saw against what was planned."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.decisions.health import experiment_checks, students_cross_coaches
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, ServedIdentity, StudentSum, UnitDay
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
    # over all days it is certain; each day alone is too small to tell, and there is one coach
    assert failing(found) == {"sample_ratio", "sample_ratio_by_coach"}
    assert found["sample_ratio"].detail == (
        "in phase 1: 400 units in control and 100 in treatment, planned were 450 and 50"
    )


def test_an_outage_of_the_flag_is_no_version_that_nobody_knows() -> None:
    """The client then serves control and logs the version ``none``; the day counts the errors, later days are free."""
    rows = marts()
    outage = ExposureDay("none", DAYS[1], "control", 40, 40)
    after = checks(replace(rows, exposures=(*rows.exposures, outage)))
    assert failing(after) == set()
    on_the_day = replace(rows, exposures=(*rows.exposures[:2], outage))
    assert failing(checks(on_the_day)) == {"flag_works"}


def test_a_version_none_that_served_somebody_is_unknown() -> None:
    rows = marts()
    served = ExposureDay("none", DAYS[1], "control", 40, 39)
    assert failing(checks(replace(rows, exposures=(*rows.exposures, served)))) == {"flag_versions_known"}


def test_a_first_day_without_a_working_flag_says_so() -> None:
    outage = ExposureDay("none", DAYS[0], "control", 40, 40)
    found = checks(replace(marts(), exposures=(outage,), units=()))
    assert {"flag_works", "flag_versions_known"} <= failing(found)
    assert found["exposures_logged"].passed


def assigned(*counts: tuple[float, float]) -> Check:
    """The check when of each day's exposures (known, misassigned) are so many."""
    exposures = tuple(
        ExposureDay("1", day, "control", 500, 0, known, wrong)
        for day, (known, wrong) in zip(DAYS, counts, strict=False)
    )
    return checks(replace(marts(), exposures=exposures))["assignment_consistent"]


def test_one_exposure_of_the_newest_day_that_is_not_where_its_bucket_belongs_holds() -> None:
    found = assigned((500, 0), (499, 1))
    assert (found.passed, found.severity) == (False, "critical")
    assert found.detail == (
        "1 of 499 exposures on 2026-11-03, 1 of 999 since the start, were not served what their unit's bucket has in "
        "the flag file: look for another salt, a remembered variant, and a flag file that was edited without a new "
        "version"
    )
    assert found.observed == "1 on 2026-11-03, 0.10 % of all days"


def test_a_short_fault_heals_on_the_first_sound_day_and_a_long_one_only_when_it_is_small() -> None:
    assert assigned((500, 0), (500, 9), (500, 0)).passed
    # 10 of 1,000 are one in a hundred: the sums hold too many of them
    assert not assigned((500, 10), (500, 0)).passed
    assert assigned((500, 10), (501, 0)).passed
    assert not assigned((500, 500), (500, 500), (500, 0)).passed


def test_old_logs_that_say_no_bucket_leave_nothing_to_judge() -> None:
    for found in (
        assigned((0, 0), (0, 0)),
        checks(replace(marts(), exposures=marts().exposures))["assignment_consistent"],
    ):
        assert (found.passed, found.observed) == (True, "nothing to judge: no line says enough")


def served(*identities: ServedIdentity, phases: tuple[str, ...] = ("1",)) -> Check:
    """The check when the log says this of what is served; each phase begins on a day of its own."""
    exposures = tuple(
        ExposureDay(phase, day, "control", 500, 0) for phase, day in zip(phases, DAYS, strict=False)
    )
    return checks(replace(marts(), exposures=exposures, identities=identities))["served_identity"]


def test_two_models_under_one_name_hold_and_what_to_look_for_is_said() -> None:
    alone = ServedIdentity("1", "control", "model_digest", "d0", 400, 400, 1)
    found = served(alone, ServedIdentity("1", "treatment", "prompt_hash", "aa", 200, 190, 11))
    assert (found.passed, found.severity) == (False, "critical")
    assert found.detail == (
        "10 of 200 exposures of treatment in phase 1 say another prompt_hash than the most do (11 in all); two models "
        "under one name: nobody knows which one the evidence is about. Look for a deploy that stopped half way, and "
        "for a hash of the prompt with its student in it instead of its template"
    )
    assert found.observed == "5.0 % of another identity, 0 changes so far"


def test_the_end_of_a_deploy_and_a_phase_that_is_over_hold_nothing() -> None:
    mixed = ServedIdentity("2", "control", "model_digest", "d0", 200, 100, 2)
    end = ServedIdentity("2~2", "control", "model_digest", "d1", 1000, 951, 2)
    found = served(mixed, end, phases=("1", "2", "2~2"))
    assert (found.passed, found.detail, found.observed) == (
        True,
        "",
        "4.9 % of another identity, 1 change so far",
    )


def test_lines_that_say_nothing_of_what_was_served_leave_nothing_to_judge() -> None:
    found = served()
    assert (found.passed, found.observed) == (True, "nothing to judge: no line says what was served")


def test_a_phase_has_the_share_of_its_flag_version() -> None:
    """What is served changed under version 1: each phase is held against 10 % by itself, and no version is missing."""
    units = tuple(row._replace(phase="1" if row.date < DAYS[2] else "1~2") for row in marts().units)
    exposures = tuple(row._replace(phase="1" if row.date < DAYS[2] else "1~2") for row in marts().exposures)
    found = checks(replace(marts(), units=units, exposures=exposures))
    assert failing(found) == set()
    assert found["sample_ratio"].observed.endswith("2 phases")
    assert found["exposures_logged"].observed == "2 phases"
    off = tuple(row._replace(units=50) if row.phase == "1~2" else row for row in units)
    wrong = checks(replace(marts(), units=off, exposures=exposures))["sample_ratio"]
    assert wrong.detail.startswith(
        "in phase 1~2: 150 units in control and 150 in treatment, planned were 270 and 30"
    )


def with_units(*rows: UnitDay) -> dict[str, Check]:
    return checks(replace(marts(), units=rows))


def test_a_coach_whose_split_is_off_is_found_though_the_whole_is_as_planned() -> None:
    # 3 coaches of 500 units; the second has 120 of 500 in B instead of 50, the others make up for it
    counts = {"c1": (485, 15), "c2": (380, 120), "c3": (485, 15)}
    found = with_units(
        *(
            UnitDay("1", DAYS[0], variant, units, 0, 0, coach)
            for coach, pair in counts.items()
            for variant, units in zip(("control", "treatment"), pair, strict=True)
        )
    )
    assert found["sample_ratio"].passed
    assert failing(found) == {"sample_ratio_by_coach"}
    wrong = found["sample_ratio_by_coach"]
    assert wrong.detail == "at one coach: 380 units in control and 120 in treatment, planned were 450 and 50"
    # who it is stands where an analyst looks, not in the sentence that goes to Slack
    assert wrong.observed.endswith("worst of 3 coaches: c2")


def test_a_day_whose_split_is_off_is_found_though_the_whole_is_as_planned() -> None:
    # 2,100 of 20,500 units where 2,050 were planned; the excess came within one day
    off = {DAYS[4]: (400, 100)}
    found = with_units(
        *(
            UnitDay("1", day, variant, units, 0, 0)
            for day in DAYS
            for variant, units in zip(("control", "treatment"), off.get(day, (4500, 500)), strict=True)
        )
    )
    assert failing(found) == {"sample_ratio_by_day"}
    assert found["sample_ratio_by_day"].detail == (
        "on 2026-11-06: 400 units in control and 100 in treatment, planned were 450 and 50"
    )


def test_the_slices_follow_the_split_of_each_phase() -> None:
    # 10 % in the first phase, 30 % in the second: as planned in both, and off if only one share were used
    rows = replace(
        marts(),
        units=tuple(
            UnitDay(phase, day, variant, units, 0, 0, "c1")
            for phase, day, pair in (("1", DAYS[0], (900, 100)), ("2", DAYS[1], (700, 300)))
            for variant, units in zip(("control", "treatment"), pair, strict=True)
        ),
        exposures=(
            ExposureDay("1", DAYS[0], "control", 500, 0),
            ExposureDay("2", DAYS[1], "control", 500, 0),
        ),
    )
    found = experiment_checks(rows, PLAN, {"1": 10.0, "2": 30.0}, PLAN.plan_hash, ALIKE)
    assert [check.name for check in found if not check.passed] == []
    found = experiment_checks(rows, PLAN, {"1": 10.0, "2": 10.0}, PLAN.plan_hash, ALIKE)
    assert {check.name for check in found if not check.passed} == {
        "sample_ratio", "sample_ratio_by_coach", "sample_ratio_by_day",
    }  # fmt: skip


def test_units_that_meet_both_variants_are_found() -> None:
    assert failing(checks(marts(two=1))) == {"two_variant_units"}


def test_students_who_work_with_several_coaches_are_found() -> None:
    # 5 more in each variant are 10 of 100 units a day, at the limit of 10 %
    assert failing(checks(marts(several=5))) == {"multi_coach_units"}
    assert students_cross_coaches(marts(several=5), PLAN)
    assert not students_cross_coaches(marts(several=4), PLAN)


def test_students_who_work_with_several_coaches_pass_once_their_sums_are_known() -> None:
    student = StudentSum("1", "c1", "s1", "good_rate", "control", 3, 2)
    found = checks(replace(marts(several=5), students=(student,)))
    assert failing(found) == set()
    assert found["multi_coach_units"].observed == "10.00 %, standard error by student too"


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
