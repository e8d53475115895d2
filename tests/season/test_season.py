"""The season in small: seeded logs, a split that follows the flag, and one harmful world from start to cut."""

import copy
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openfeature import api

from pacer_pipelines.serving import bucket

from .drive import DOCS, replay_all
from .page import write_page
from .promises import broken_promises
from .truth import BROKEN, HARM, WIN, Truth
from .world import SeasonWorld

Row = dict[str, Any]


def lines_of(world: SeasonWorld, log: str, day: int) -> list[Row]:
    path = world.folder / log / f"{world.date(day)}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(world: SeasonWorld) -> dict[str, object]:
    """Every raw file as bytes, and the database as the SQL that would make it again."""
    files = {str(path.relative_to(world.folder)): path.read_bytes() for path in world.folder.rglob("*.jsonl")}
    with closing(sqlite3.connect(world.folder / "pacer.db")) as db:
        return {**files, "pacer.db": list(db.iterdump())}


def give(world: SeasonWorld, share: float) -> None:
    """Give B another share of traffic, as a new version of the flag file."""
    document = json.loads(world.flag_file.read_text(encoding="utf-8"))
    document["flags"]["judge-model"]["targeting"]["if"][0]["<"][1] = 100 * share
    document["metadata"]["version"] = str(int(document["metadata"]["version"]) + 1)
    world.flag_file.write_text(json.dumps(document), encoding="utf-8")


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    worlds = [SeasonWorld(tmp_path / name, WIN, seed, 150) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    for world in worlds:
        world.serve(1)
        world.serve(2)
    first, again, other = map(written, worlds)
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first if first[name])


def test_every_request_of_a_day_is_split_by_the_flag_that_is_live(tmp_path: Path) -> None:
    world = SeasonWorld(tmp_path / "world", WIN, requests=400)
    for day, share in enumerate((10, 50, 100, 0), start=1):
        if day > 1:
            give(world, share)
        world.serve(day)
        lines = lines_of(world, "exposures", day)
        assert {line["meta.version"] for line in lines} == {str(day)}
        for line in lines:
            number = bucket(line["submission_id"], world.plan.bucket_salt)
            assert line["bucket"] == number
            assert line["feature_flag.result.variant"] == ("B" if number < 100 * share else "A")


def test_worlds_differ_only_by_what_is_planted(tmp_path: Path) -> None:
    """One day with two truths: the same exposures, and no rating changes but those of B."""
    better, harmful = (
        SeasonWorld(tmp_path / truth.name, truth, requests=400)
        for truth in (WIN, Truth("worse", "-18 points", -0.18))
    )
    better.serve(1)
    harmful.serve(1)
    exposures = lines_of(better, "exposures", 1)
    assert exposures == lines_of(harmful, "exposures", 1)
    treated = {line["log_id"] for line in exposures if line["feature_flag.result.variant"] == "B"}
    pairs = zip(lines_of(better, "feedback", 1), lines_of(harmful, "feedback", 1), strict=True)
    changed = {one["log_id"] for one, other in pairs if one != other}
    assert changed
    assert changed <= treated


def test_lost_hours_are_missing_in_the_log_and_stand_in_the_database(tmp_path: Path) -> None:
    world = SeasonWorld(
        tmp_path / "world", Truth("broken", "17:00 is lost", 0.0, lost_hours=(17,), lost_from=2), requests=400
    )
    world.serve(1)
    world.serve(2)
    hours = {day: {line["ts"][11:13] for line in lines_of(world, "exposures", day)} for day in (1, 2)}
    # 17:00 in Korea is 08:00 UTC
    assert hours[1] - hours[2] == {"08"}
    with closing(sqlite3.connect(world.folder / "pacer.db")) as db:
        stored = {log_id for (log_id,) in db.execute("SELECT log_id FROM llm_logs")}
    logged = {
        line["log_id"] for day in (1, 2) for line in lines_of(world, "exposures", day) if line["log_id"]
    }
    assert logged < stored


@pytest.fixture(scope="module")
def harmed(
    environment: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SeasonWorld, list[Row]]]:
    """A busy world whose B breaks on day 2, judged until B is cut, and one more day of traffic."""
    truth = Truth("harm", "from day 2 on 40 points worse", -0.40, effect_from=2)
    world = SeasonWorld(tmp_path_factory.mktemp("harmed") / "world", truth, requests=2200)
    days: list[Row] = []
    while len(days) < 3 and world.flag().share:
        days.append(world.live(len(days) + 1).to_dict())
    world.serve(len(days) + 1)
    yield world, days
    api.shutdown()


def test_harm_is_rolled_back_and_nobody_is_served_b_on_the_next_day(
    harmed: tuple[SeasonWorld, list[Row]],
) -> None:
    world, days = harmed
    *before, cut = days
    assert [row["verdict"] for row in before] == ["hold"] * len(before)
    assert (cut["day"], cut["verdict"], cut["rule"]) in {(2, "rollback", "alarm"), (3, "rollback", "alarm")}
    assert cut["of_treatment"] > 0
    assert (cut["flag_before"]["share"], cut["flag_after"]["share"]) == (10, 0)
    after = lines_of(world, "exposures", cut["day"] + 1)
    assert {line["feature_flag.result.variant"] for line in after} == {"A"}
    assert {line["meta.version"] for line in after} == {cut["flag_after"]["version"]}


def test_every_verdict_is_replayed_to_the_byte(harmed: tuple[SeasonWorld, list[Row]]) -> None:
    world, days = harmed
    replayed = replay_all(world)
    assert [one.stored.content["date"] for one in replayed] == [row["date"] for row in days]
    assert all(one.identical for one in replayed)


@pytest.fixture(scope="module")
def season() -> list[Row]:
    """The season as it is published in docs/."""
    return list(json.loads((DOCS / "season.json").read_text(encoding="utf-8"))["worlds"])


def test_the_published_season_ended_as_promised(season: list[Row]) -> None:
    assert [world["world"] for world in season] == [WIN.name, HARM.name, BROKEN.name]
    assert broken_promises(season) == []


def test_the_page_is_made_of_the_published_numbers(season: list[Row]) -> None:
    assert write_page(season) == (DOCS / "season.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("world", "day", "change", "says"),
    [
        (0, 42, {"served": 99.0}, "on the last day"),
        (0, 30, {"verdict": "rollback"}, "a better B was rolled back"),
        (0, 30, {"of_treatment": 0}, "the flag said 100 %"),
        (1, 40, {"of_treatment": 3}, "served after the rollback"),
        (1, 3, {"verdict": "rollback"}, "rolled back on day 3"),
        (1, 5, {"versions": ["1", "2"]}, "served by flag version"),
        (2, 20, {"rule": "waiting"}, "hold by rule waiting"),
        (2, 20, {"flag_after": {"version": "2", "share": 25}}, "moved on a log with holes"),
    ],
)
def test_a_world_that_ends_otherwise_breaks_the_promise(
    season: list[Row], world: int, day: int, change: Row, says: str
) -> None:
    spoilt = copy.deepcopy(season)
    spoilt[world]["days"][day - 1].update(change)
    assert any(says in sentence for sentence in broken_promises(spoilt))
