"""A clean day passes; what it cannot know, it does not claim."""

import json
import subprocess
import sys
from datetime import date

import pytest

from .landed import DAYS, FIRST, MONDAY, SUITES, World


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_day_of_the_fortnight_passes_all_checks(clean, day):
    failed = {name: check.detail for name, check in clean(day).items() if not check.passed}
    assert failed == {}


def test_checks_say_what_was_seen_and_what_is_asked(clean):
    checks = clean(MONDAY)
    present = checks["exposures_present"]
    # 1,796 lines of exposures.jsonl.gz fall on 2026-11-09 in Seoul (counted with plain Python)
    assert present.observed == "1796 exposures"
    assert present.expected == ("at least 1 exposure, unless PACER's database shows a day without judgements")
    assert checks["variant_values_of_plan"].expected == "only the variants of the plan: A, B"
    assert checks["exposures_against_judgements_day"].observed.endswith(" judgements")


def test_same_landing_gives_the_same_checks_in_the_same_order(fortnight):
    first, second = (list(World(fortnight).checks().values()) for _ in range(2))
    assert first == second
    assert [(c.source, c.name) for c in first] == sorted((c.source, c.name) for c in first)


def test_a_day_judged_again_after_later_days_is_judged_alike(world, clean):
    for table in ("exposures", "feedback_events", "card_reviews"):
        for folder in (world.landing / table).glob("day=*"):
            if folder.name > f"day={MONDAY}":
                (folder / "part.parquet").unlink()
                folder.rmdir()
    assert world.checks() == clean(MONDAY)


def test_parts_that_an_older_version_landed_without_a_column_are_read(world, clean):
    world.spoil("exposures", "select * exclude (latency_ms) from part")
    found = world.checks()
    changed = {name for name, check in found.items() if check != clean(MONDAY)[name]}
    assert changed == {"latency_present", "latency_median_usual", "latency_tail_usual"}
    assert found["latency_median_usual"].observed == "nothing to judge"


def test_first_day_has_nothing_to_be_compared_with(clean):
    checks = clean(FIRST)
    assert checks["exposures_per_hour"].observed == "nothing to judge"
    assert checks["feedback_fresh"].observed == "nothing to judge"


def test_without_pacers_database_completeness_is_not_claimed(world):
    world.empty("llm_logs")
    check = world.checks()["exposures_against_judgements"]
    assert (check.passed, check.severity) == (False, "warning")
    assert check.detail == (
        "PACER's database is not configured or empty for this day: exposures cannot be counted against judgements"
    )


def test_only_the_wanted_sources_are_judged(world):
    checks = world.checks(sources=["card_reviews"])
    assert {check.source for check in checks.values()} == {"card_reviews"}


def test_importing_the_door_does_not_import_great_expectations():
    code = (
        "import sys, pacer_pipelines.adapters.expectations;"
        "sys.exit('great_expectations' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_unique_and_each_expectation_explains_itself():
    seen: list[str] = []
    for path in SUITES.glob("*.json"):
        for expectation in json.loads(path.read_text())["expectations"]:
            seen.append(expectation["meta"]["name"])
            assert len(expectation["meta"]["why"]) > 40, expectation["meta"]["name"]
    assert len(seen) == len(set(seen))


def test_every_frame_is_used_and_begins_with_its_grain():
    used = {
        e["meta"]["frame"] for p in SUITES.glob("*.json") for e in json.loads(p.read_text())["expectations"]
    }
    frames = {path.stem: path.read_text() for path in (SUITES / "frames").glob("*.sql")}
    assert set(frames) == used
    assert all(sql.startswith("-- One row") for sql in frames.values())


def test_hours_are_named_in_the_zone_of_the_plan(world):
    world.empty("exposures")
    seoul = world.checks(date(2026, 11, 9))["exposures_against_judgements"].detail
    assert "2026-11-09 17:00-18:00: 0 of " in seoul


def test_suite_files_are_suites_of_great_expectations(clean):
    clean(MONDAY)  # the door imports it, with telemetry off
    from great_expectations.core.expectation_suite import ExpectationSuite

    for path in SUITES.glob("*.json"):
        suite = ExpectationSuite(**json.loads(path.read_text()))
        assert suite.name == path.stem
        assert all(e.severity in ("critical", "warning") for e in suite.expectations)
