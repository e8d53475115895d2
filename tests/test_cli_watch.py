"""``pacer watch``: one line per tick that found something."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from orchestration.live_world import LiveWorld, calls, make_live_world

from pacer_pipelines.cli import main


@pytest.fixture
def live(environment: None, tmp_path: Path) -> LiveWorld:
    """A world whose first day is today, by the clock that the command reads."""
    world = make_live_world(tmp_path)
    world.now = datetime.now(UTC).replace(tzinfo=None)
    path = tmp_path / "experiments" / "judge-model-v2.toml"
    text = path.read_text(encoding="utf-8")
    today = (world.now - timedelta(days=2)).date()
    path.write_text(text.replace("2026-11-02", str(today)), encoding="utf-8")
    world.append(calls(world.now - timedelta(minutes=5), "A", range(200)))
    return world


def pacer_watch(world: LiveWorld, *more: str) -> Result:
    return CliRunner().invoke(main, ["watch", *more, "--config", str(world.folder / "pacer.toml")])


def break_b(world: LiveWorld) -> None:
    world.append(calls(world.now - timedelta(minutes=4), "B", range(1000, 1100), error="TimeoutError"))


def test_a_quiet_tick_says_nothing(live: LiveWorld) -> None:
    quiet = pacer_watch(live, "--once")
    assert (quiet.exit_code, quiet.output) == (0, "")


def test_a_broken_b_is_cut_and_said(live: LiveWorld) -> None:
    break_b(live)
    found = pacer_watch(live, "--once")
    assert found.exit_code == 1
    assert "judge-model-v2: failed calls: 100 of 100 in B against 0 of 200 in A" in found.output
    assert live.share == 0


def test_without_once_it_looks_again_after_watch_seconds(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt
        break_b(live)

    monkeypatch.setattr(time, "sleep", sleep)
    pacer_watch(live)
    assert slept == [60, 60, 60]
    assert live.share == 0


def test_a_world_that_breaks_is_said_and_looked_at_again(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    (live.home / "state").mkdir(parents=True)
    (live.home / "state" / "watch.db").write_bytes(b"nonsense" * 1000)
    found = pacer_watch(live, "--once")
    assert found.exit_code == 1
    assert "the watch cannot work: the watch's memory: cannot read" in found.output


def test_a_missing_key_is_refused_before_the_first_tick(environment: None, tmp_path: Path) -> None:
    found = pacer_watch(make_live_world(tmp_path, synthetic=False), "--once")
    assert found.exit_code == 2
    assert "PACER_PSEUDONYM_KEY: got nothing" in found.output
