"""A channel reads its days in order, also when Slack fails for one message of a run and works for the next."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from adapters.slack_emulator import Emulator, slack_emulator
from click.testing import CliRunner
from orchestration.test_move_flag import WIN

from pacer_pipelines.cli.outbox import outbox
from pacer_pipelines.config import load_world
from pacer_pipelines.orchestration.definitions import DAILY, build_definitions
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


class LaterWorld(WorldResource):
    """The same world two days on."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=2)


def test_a_message_that_comes_late_says_since_when_it_waits(world: WorldResource, server: Emulator) -> None:
    server.faults = [("chat.postMessage", "ratelimited")]
    tell_slack(world, DAYS[0])
    tell_slack(LaterWorld(config_file=world.config_file), DAYS[1])
    late, usual = reversed(server.roots())
    assert "Delivered late: first tried 20" in late["text"]
    assert "Delivered late" not in usual["text"]


def test_pictures_of_the_days_stand_in_the_thread(world: WorldResource, server: Emulator) -> None:
    assert tell_slack(world, DAYS[0])["judge-model-v2"].startswith("posted: C0PACER/")
    (root,) = server.roots()
    names = [file["name"] for message in server.thread(root["ts"]) for file in message.get("files", ())]
    assert [name.rpartition("-")[0] for name in names] == [
        "judge-model-v2-2026-11-10-effect", "judge-model-v2-2026-11-10-strength",
    ]  # fmt: skip
    assert all(file["content"].startswith(b"\x89PNG") for file in server.files.values())


def test_an_incomplete_thread_is_completed_by_the_run_of_another_day(
    world: WorldResource, server: Emulator
) -> None:
    server.faults = [("files.getUploadURLExternal", "ratelimited")]
    assert (
        "its thread still lacks judge-model-v2-2026-11-10-effect"
        in tell_slack(world, DAYS[0])["judge-model-v2"]
    )
    tell_slack(world, DAYS[1])
    first = server.roots()[-1]
    assert len([message for message in server.thread(first["ts"]) if "files" in message]) == 2


def test_dagster_shows_what_slack_did_not_take_as_a_failed_check(
    world: WorldResource, server: Emulator
) -> None:
    job = build_definitions(load_world(Path(world.config_file))).resolve_job_def(DAILY)

    def check_of(day: date) -> dg.AssetCheckEvaluation:
        done = job.execute_in_process(partition_key=str(day), asset_selection=[dg.AssetKey("slack_message")])
        assert done.success
        (found,) = done.get_asset_check_evaluations()
        return found

    server.faults = [("chat.postMessage", "token_revoked")]
    failed = check_of(DAYS[0])
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "SLACK_BOT_TOKEN was revoked" in (failed.description or "")
    assert check_of(DAYS[1]).passed


def test_pacer_outbox_says_what_waits_and_why(world: WorldResource, server: Emulator) -> None:
    def listed(*options: str) -> list[dict[str, str]]:
        said = CliRunner().invoke(outbox, ["--config", world.config_file, "--json", *options])
        assert said.exit_code == 0, said.output
        rows: list[dict[str, str]] = json.loads(said.output)
        return rows

    server.faults = [("chat.postMessage", "ratelimited")]
    tell_slack(world, DAYS[0])
    (row,) = listed("--waiting")
    assert (row["message"], row["state"], row["missing"]) == (
        "judge-model-v2-2026-11-10",
        "pending",
        "message",
    )
    assert row["waits since (UTC)"].startswith("20")
    tell_slack(world, DAYS[1])
    assert listed("--waiting") == []
    assert [(row["date"], row["state"]) for row in listed()] == [
        ("2026-11-10", "posted"),
        ("2026-11-11", "posted"),
    ]
    (world.home / "outbox" / "judge-model-v2-2026-11-11.json").write_text("{")
    assert "damaged" in [row["state"] for row in listed()]
