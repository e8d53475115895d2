"""A day starts by itself, once, when its files are complete: files arriving step by step, on a Dagster instance."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from pipeline.worlds import World, dated_database

from pacer_pipelines.config import load_world
from pacer_pipelines.orchestration.definitions import build_definitions
from pacer_pipelines.orchestration.resources import WorldResource

# Seoul is nine hours ahead: 4 November ends at 15:00 UTC
DAY, ENDS = date(2026, 11, 4), datetime(2026, 11, 4, 15, 0)


class Morning:
    """A world whose clock and files are set by hand."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world, self._patch = world, patch
        self.logs = world.folder / "logs"
        self.logs.mkdir()
        self.instance = dg.DagsterInstance.ephemeral()

    def at(self, moment: datetime) -> None:
        self._patch.setattr(WorldResource, "now", lambda _: moment)
        self._patch.setattr(WorldResource, "today", lambda _: (moment + timedelta(hours=9)).date())

    def write(self, name: str, *moments: datetime, changed: datetime | None = None) -> None:
        path = self.logs / name
        lines = [json.dumps({"ts": f"{moment.isoformat()}+00:00"}) for moment in moments]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        stamp = (changed or max(moments)).replace(tzinfo=UTC).timestamp()
        os.utime(path, (stamp, stamp))

    def tick(self) -> dg.SensorResult:
        definitions = build_definitions(load_world(self.world.config))
        sensor = definitions.resolve_sensor_def("files_complete")
        context = dg.build_sensor_context(
            instance=self.instance,
            resources={"world": WorldResource(config_file=str(self.world.config))},
            repository_def=definitions.get_repository_def(),
        )
        result = sensor.evaluate_tick(context)
        return dg.SensorResult(run_requests=result.run_requests, skip_reason=result.skip_message)


@pytest.fixture
def morning(new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Morning:
    return Morning(new_world(sources={"exposures": "logs"}), monkeypatch)


def started(result: dg.SensorResult) -> list[tuple[str | None, str | None]]:
    return [(one.run_key, one.partition_key) for one in result.run_requests or []]


def test_a_day_starts_when_each_server_has_written_of_the_next_one(morning: Morning) -> None:
    minutes = timedelta(minutes=1)
    morning.write("server1.jsonl", ENDS - 5 * minutes)
    morning.write("server2.jsonl", ENDS - 3 * minutes)
    morning.at(ENDS + minutes)
    both = morning.tick()
    assert started(both) == []
    assert both.skip_reason is not None
    assert "server1.jsonl, server2.jsonl may still grow" in str(both.skip_reason)
    morning.write("server1.jsonl", ENDS - 5 * minutes, ENDS + 2 * minutes)
    morning.at(ENDS + 3 * minutes)
    assert "exposures: server2.jsonl may still grow" in str(morning.tick().skip_reason)
    morning.write("server2.jsonl", ENDS - 3 * minutes, ENDS)
    assert started(morning.tick()) == [(str(DAY), str(DAY))]


def test_a_rotated_file_is_complete_when_nobody_has_written_to_it_for_an_hour(morning: Morning) -> None:
    morning.write("2026-11-04.jsonl", ENDS - timedelta(minutes=1))
    morning.at(ENDS + timedelta(minutes=58))
    assert started(morning.tick()) == []
    morning.at(ENDS + timedelta(minutes=59))
    assert started(morning.tick()) == [(str(DAY), str(DAY))]


def test_before_the_day_is_over_the_day_before_it_is_meant(morning: Morning) -> None:
    """Lines of a server whose clock is ahead do not end a day."""
    morning.write("server.jsonl", ENDS + timedelta(hours=1), changed=ENDS - timedelta(minutes=5))
    morning.at(ENDS - timedelta(minutes=1))
    assert started(morning.tick()) == [("2026-11-03", "2026-11-03")]


def test_half_a_last_line_is_not_read(morning: Morning) -> None:
    morning.write("server.jsonl", ENDS - timedelta(minutes=1))
    path = morning.logs / "server.jsonl"
    stamp = path.stat().st_mtime
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"ts": f"{ENDS.isoformat()}+00:00"})[:-3])
    os.utime(path, (stamp, stamp))
    morning.at(ENDS + timedelta(minutes=1))
    assert started(morning.tick()) == []


def test_no_file_is_not_complete(morning: Morning) -> None:
    morning.logs.rmdir()
    morning.at(ENDS + timedelta(hours=3))
    assert "exposures: nothing at" in str(morning.tick().skip_reason)


@pytest.mark.parametrize(("taken_at", "starts"), [("2026-11-04T14:59:00Z", 0), ("2026-11-04T15:00:00Z", 1)])
def test_a_dated_copy_of_the_database_has_to_be_of_after_the_day(
    new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch, taken_at: str, starts: int
) -> None:
    copy = {**dated_database()[0], "taken_at": datetime.fromisoformat(taken_at)}
    morning = Morning(new_world(sources={"exposures": "logs", "database": [copy]}), monkeypatch)
    morning.write("server.jsonl", ENDS)
    morning.at(ENDS + timedelta(minutes=1))
    assert len(started(morning.tick())) == starts


def test_a_day_that_has_been_judged_is_not_started_again(morning: Morning) -> None:
    morning.write("server.jsonl", ENDS)
    morning.at(ENDS + timedelta(minutes=1))
    assert len(started(morning.tick())) == 1
    resource = WorldResource(config_file=str(morning.world.config))
    from pacer_pipelines.orchestration.verdict_day import judge_day

    judge_day(resource, resource.world.plans[0], DAY)
    assert "has been judged" in str(morning.tick().skip_reason)


def test_it_starts_switched_off(morning: Morning) -> None:
    definitions = build_definitions(load_world(morning.world.config))
    sensor = definitions.resolve_sensor_def("files_complete")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
