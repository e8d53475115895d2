"""Which checks a verdict rests on: its own day's, and whatever failed before it and nobody has accepted."""

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from pacer_pipelines.decisions.values import Check
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.verdict_day import checks_of

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
PASSED = Check("rows", "exposures", "critical", True, "5", "> 0", "", "why")
LOST = Check("hours", "exposures", "critical", False, "0", "> 0", "17:00-18:00 is missing", "why")
FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (2, 3, 4))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for day, checks in {FIRST: [PASSED], SECOND: [PASSED, LOST], THIRD: [PASSED]}.items():
        path = tmp_path / "home" / "checks" / f"{day}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(check) for check in checks]), encoding="utf-8")
    return tmp_path


def world(folder: Path, accepted: str = "") -> WorldResource:
    config = folder / "pacer.toml"
    config.write_text(f'home = "home"\nexperiments = "{EXPERIMENTS}"\n{accepted}', encoding="utf-8")
    return WorldResource(config_file=str(config))


def seen(resource: WorldResource, day: date) -> list[Check]:
    return list(checks_of(resource, resource.world.plan("judge-model-v2"), day))


def test_a_failure_of_an_earlier_day_stays_in_the_way(home: Path) -> None:
    assert seen(world(home), FIRST) == [PASSED]
    assert seen(world(home), THIRD) == [LOST, PASSED]


def test_ratings_that_stopped_for_a_while_hold_only_while_they_are_missing(home: Path) -> None:
    stale = replace(LOST, name="feedback_fresh", source="feedback_events")
    path = home / "home" / "checks" / f"{SECOND}.json"
    path.write_text(json.dumps([asdict(stale)]), encoding="utf-8")
    assert seen(world(home), SECOND) == [stale]
    assert seen(world(home), THIRD) == [PASSED]


def test_a_day_that_was_never_checked_is_a_failure(home: Path) -> None:
    (home / "home" / "checks" / f"{SECOND}.json").unlink()
    missing = [check for check in seen(world(home), THIRD) if check.blocks]
    assert [check.detail for check in missing] == ["the logs of 2026-11-03 were never checked"]


def test_an_accepted_failure_stays_visible_and_stops_nothing(home: Path) -> None:
    accepted = (
        '[[accepted]]\ndate = 2026-11-03\ncheck = "hours"\nwho = "kim"\nwhy = "disk lost, no copy exists"\n'
    )
    (check, _) = seen(world(home, accepted), THIRD)
    assert not check.passed
    assert not check.blocks
    assert check.detail == "17:00-18:00 is missing; accepted by kim: disk lost, no copy exists"


def test_an_acceptance_covers_its_own_day_only(home: Path) -> None:
    accepted = (
        '[[accepted]]\ndate = 2026-11-02\ncheck = "hours"\nwho = "kim"\nwhy = "the wrong day, in fact"\n'
    )
    assert any(check.blocks for check in seen(world(home, accepted), THIRD))
