"""The live strip's numbers: what the growing logs say since a moment, and nothing left behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from orchestration.live_world import MORNING, SLUG, LiveWorld, calls, make_live_world

from pacer_pipelines.decisions.live import Live, LiveCount
from pacer_pipelines.orchestration.live import LiveLog
from pacer_pipelines.orchestration.resources import WorldResource

SINCE = MORNING - timedelta(hours=9)


@pytest.fixture
def live(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LiveWorld:
    world = make_live_world(tmp_path)
    monkeypatch.setattr(WorldResource, "now", lambda _: world.now)
    return world


def read(world: LiveWorld, log: LiveLog | None = None) -> Live:
    plan = world.resource.world.plan(SLUG)
    return (log or LiveLog(world.resource)).read(plan, SINCE)


def test_calls_failures_latency_and_ratings_are_counted_by_variant(live: LiveWorld) -> None:
    at = MORNING - timedelta(hours=1)
    live.append(calls(at, "A", range(20), latency_ms=800.0, log_id=None))
    live.append(calls(at, "B", range(50, 62), latency_ms=1200.0))
    live.append(calls(at, "B", range(62, 65), error="ValueError", latency_ms=9000.0))
    live.append([{**line, "log_id": 700 + n} for n, line in enumerate(calls(at, "B", range(70, 82)))])
    live.rate(range(700, 709), "GOOD")
    live.rate(range(709, 712), "BAD")
    found = read(live)
    assert found.control == LiveCount(20, 0, 800.0, 0, 0)
    # 12 calls of 1200 ms and 12 of 900; the three that failed took no time that counts
    assert found.treatment == LiveCount(27, 3, 1050.0, 12, 9)
    assert found.treatment.cells() == ("27", "11.1 %", "1,050.0 ms", "12", "75.0 %")


def test_what_was_before_the_last_verdict_is_not_counted_but_its_late_ratings_are(live: LiveWorld) -> None:
    yesterday = SINCE - timedelta(hours=3)
    live.append([{**line, "log_id": 700 + n} for n, line in enumerate(calls(yesterday, "A", range(12)))])
    live.rate(range(700, 712), "GOOD")
    assert read(live).control == LiveCount(0, 0, None, 12, 12)


def test_a_line_that_is_appended_is_there_at_the_next_look(live: LiveWorld) -> None:
    log = LiveLog(live.resource)
    live.append(calls(MORNING - timedelta(minutes=5), "A", range(3)))
    assert read(live, log).control.calls == 3
    live.append(calls(MORNING - timedelta(minutes=4), "A", [9]))
    assert read(live, log).control.calls == 4
    assert read(live, log).control.calls == 4


def test_a_log_that_cannot_be_read_is_said_without_its_place(
    live: LiveWorld, caplog: pytest.LogCaptureFixture
) -> None:
    (live.folder / "logs").rmdir()
    log = LiveLog(live.resource)
    found = read(live, log)
    # where it is stands in the server's log, once and not at every look
    assert read(live, log) == found
    assert [str(live.folder / "logs") in record.getMessage() for record in caplog.records] == [True]
    assert found.problems == ("a log could not be read; see the server's log",)
    assert found.control == LiveCount()


def test_many_viewers_read_at_once_and_each_line_counts_once(live: LiveWorld) -> None:
    log = LiveLog(live.resource)
    live.append(calls(MORNING - timedelta(minutes=5), "B", range(40)))
    with ThreadPoolExecutor(20) as viewers:
        found = list(viewers.map(lambda _: read(live, log), range(40)))
    assert {one.treatment.calls for one in found} == {40}


def test_nothing_is_written_into_the_home(live: LiveWorld) -> None:
    live.append(calls(MORNING - timedelta(minutes=5), "A", range(3)))
    before = sorted(live.home.rglob("*")) if live.home.exists() else []
    log = LiveLog(live.resource)
    read(live, log)
    after = [path for path in sorted(live.home.rglob("*")) if path.is_file() and path not in before]
    # the mark of the key, which every reader of raw logs checks or begins
    assert [path.name for path in after] in ([], ["pseudonym_key"])
