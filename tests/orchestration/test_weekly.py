"""When a channel gets its digest: on Sunday, once, and later when Slack was away."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from adapters.slack_emulator import Emulator, slack_emulator

from pacer_pipelines.decisions.digest import Week
from pacer_pipelines.decisions.values import Check
from pacer_pipelines.orchestration import effects
from pacer_pipelines.orchestration.failure import hold
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.weekly import digests, tell_week

ROOT = Path(__file__).parents[2]
SUNDAY, MONDAY, NEXT_SUNDAY = date(2026, 11, 8), date(2026, 11, 9), date(2026, 11, 15)
NAME = "weekly-digest-2026-W45-pacer-experiments"


@pytest.fixture
def world(tmp_path: Path) -> WorldResource:
    """A world with the example's plan, of which nothing has run."""
    config = tmp_path / "pacer.toml"
    config.write_text(
        f'home = "home"\nexperiments = "{ROOT / "experiments"}"\nsynthetic = true\n', encoding="utf-8"
    )
    return WorldResource(config_file=str(config))


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with slack_emulator() as server:
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-test")
        monkeypatch.setenv("SLACK_BASE_URL", server.url)
        yield server


def weeks(server: Emulator) -> list[str]:
    """The weeks that the channel reads, oldest first."""
    return [message["text"].split(":")[0] for message in reversed(server.roots())]


def test_a_digest_is_posted_on_sunday_and_once(world: WorldResource, slack: Emulator) -> None:
    assert tell_week(world, MONDAY) == {}
    (outcome,) = tell_week(world, SUNDAY).values()
    assert outcome.startswith("posted")
    (again,) = tell_week(world, SUNDAY).values()
    assert again.startswith("already_posted")
    assert weeks(slack) == ["Week 2026-W45"]


def test_a_digest_that_failed_comes_with_the_next_run_before_a_newer_one(
    world: WorldResource, slack: Emulator
) -> None:
    slack.faults = [("chat.postMessage", "channel_not_found")]
    (outcome,) = tell_week(world, SUNDAY).values()
    assert outcome.startswith("not delivered")
    assert json.loads((world.home / "outbox" / f"{NAME}.json").read_text("utf-8"))["state"] == "pending"
    assert weeks(slack) == []
    assert [text.split(":")[0] for text in tell_week(world, NEXT_SUNDAY).values()] == ["posted", "posted"]
    assert weeks(slack) == ["Week 2026-W45", "Week 2026-W46"]
    assert tell_week(world, MONDAY) == {}


def test_a_weekday_brings_what_waits(world: WorldResource, slack: Emulator) -> None:
    slack.faults = [("chat.postMessage", "channel_not_found")]
    tell_week(world, SUNDAY)
    (outcome,) = tell_week(world, MONDAY).values()
    assert outcome.startswith("posted")


def test_a_damaged_outbox_file_is_refused_on_its_own_sunday_only(
    world: WorldResource, slack: Emulator
) -> None:
    path = world.home / "outbox" / f"{NAME}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    assert tell_week(world, MONDAY) == {}
    (outcome,) = tell_week(world, SUNDAY).values()
    assert "damaged" in outcome
    assert weeks(slack) == []


def test_without_a_token_the_digest_is_a_file(world: WorldResource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    (outcome,) = tell_week(world, SUNDAY).values()
    assert outcome.startswith("rendered")
    assert (
        (world.home / "outbox" / f"{NAME}.txt").read_text("utf-8").startswith("Week 2026-W45: 0 promotions")
    )


def test_a_week_that_nobody_judged_or_checked_says_so(world: WorldResource) -> None:
    (found,) = digests(world, Week.of(SUNDAY))
    (experiment,) = found.experiments
    assert experiment.state == "not judged"
    # a day that nobody checked is a failed check
    assert [(day.checks, day.critical) for day in found.quality.days] == [(1, 1)] * 7
    assert found.quality.days_before == ()


def test_a_run_that_breaks_on_sunday_still_tells_the_week(world: WorldResource, slack: Emulator) -> None:
    broken = Check("run_completed", "run", "critical", False, "failed", "completed", "dbt failed", "unknown")
    hold(world, SUNDAY, broken, {effects.OF_A_BACKFILL: "b"})
    assert weeks(slack) == []
    hold(world, SUNDAY, broken, {})
    verdict, digest = reversed(slack.roots())
    assert "HOLD judge-model-v2" in verdict["text"]
    assert "1 hold (checks failed)" in digest["text"]
