"""A channel reads its days in order, also when Slack fails for one message of a run and works for the next."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from adapters.slack_emulator import Emulator, slack_emulator
from orchestration.test_move_flag import WIN

from pacer_pipelines.orchestration.messages import tell_slack
from pacer_pipelines.orchestration.resources import WorldResource

ROOT = Path(__file__).parents[2]
DAYS = [date(2026, 11, day) for day in (10, 11, 12)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with slack_emulator() as running:
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-test")
        monkeypatch.setenv("SLACK_BASE_URL", running.url)
        yield running


@pytest.fixture
def world(environment: None, tmp_path: Path) -> WorldResource:
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "pacer.toml").write_text('home = "home"\nexperiments = "experiments"\nsynthetic = true\n')
    made = WorldResource(config_file=str(tmp_path / "pacer.toml"))
    for day in DAYS:
        made.verdicts.record(replace(WIN, date=day), {})
    return made


def test_a_later_day_waits_for_an_earlier_one_and_all_follow_in_order(
    world: WorldResource, server: Emulator
) -> None:
    server.faults = [("chat.postMessage", "ratelimited")] * 2
    assert tell_slack(world, DAYS[0])["judge-model-v2"].startswith("not delivered: ")
    # the first day fails again, and then Slack would take the second
    waiting = tell_slack(world, DAYS[1])["judge-model-v2"]
    assert waiting == "not delivered: waits for judge-model-v2-2026-11-10"
    assert server.roots() == []
    kept = json.loads((world.home / "outbox" / "judge-model-v2-2026-11-11.json").read_text())
    assert kept["state"] == "pending"
    tell_slack(world, DAYS[2])
    said = [message["metadata"]["event_payload"]["date"] for message in reversed(server.roots())]
    assert said == [str(day) for day in DAYS]
