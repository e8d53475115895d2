"""Killed anywhere, or run twice at once: still one verdict, one version of the flag, one message."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from adapters.slack_emulator import Emulator, slack_emulator

from .worlds import EXAMPLE, LAST, ROOT, SLUG, RanFortnight, World

CRASH_POINTS = Path(__file__).with_name("crash_points.py")
# what a day's effects may touch
KEPT = ("verdicts", "flags", "outbox", "plans", "journal")
# of a home, what a world that is only judged does not need of its own
SHARED = ("landing", "published")
UNUSED = ("dagster", "dbt", "reports")


def environment_of(slack: Emulator | None = None) -> dict[str, str]:
    """This process's environment, with the code under test on its path and the emulator as Slack."""
    named = {"SLACK_BASE_URL": slack.url, "SLACK_BOT_TOKEN": "xoxb-made-up"} if slack else {}
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **named}


def before_its_effects(fortnight: RanFortnight, folder: Path, left_out: tuple[str, ...]) -> World:
    """A copy of the fortnight in which the last day has landed but was not judged, and its flag not moved."""
    shutil.copytree(
        fortnight.world.folder, folder, ignore=lambda at, _: left_out if Path(at).name == "home" else ()
    )
    world = World(folder)
    shutil.rmtree(world.home / "verdicts" / SLUG / str(LAST))
    outbox = world.home / "outbox"
    for path in (*outbox.glob(f"{SLUG}-{LAST}.*"), *outbox.glob("weekly-digest-2026-W46-*")):
        path.unlink()
    shutil.copy(EXAMPLE / "flags" / "v2.json", world.flag_file)
    for path in (world.home / "flags").glob("v3*.json"):
        path.unlink()
    log = world.home / "flags" / "log.jsonl"
    before = [line for line in log.read_text(encoding="utf-8").splitlines() if json.loads(line)["to"] != "3"]
    log.write_text("".join(f"{line}\n" for line in before), encoding="utf-8")
    return world


def wrong_with(world: World, slack: Emulator, verdict_id: str) -> list[str]:
    """What is not as after one undisturbed run of the promoting day."""
    folder = world.home / "verdicts" / SLUG / str(LAST)
    log = (world.home / "flags" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    moves = [row for row in map(json.loads, log) if row["to"] != "2"]
    kept = {
        json.loads(path.read_bytes())["metadata"]["version"] for path in (world.home / "flags").glob("*.json")
    }
    live = json.loads(world.flag_file.read_bytes())
    told = [message["metadata"]["event_payload"] for message in slack.roots()]
    said = [payload["verdict_id"] for payload in told if payload["experiment"] == SLUG]
    entry = json.loads((world.home / "outbox" / f"{SLUG}-{LAST}.json").read_bytes())
    seen = {
        "verdicts": [path.name for path in sorted(folder.glob("*.json"))] == [f"r0001-{verdict_id}.json"],
        "made of": (folder / f"{verdict_id}.made_of.json.zst").is_file(),
        "live flag": (live["metadata"]["version"], threshold(live)) == ("3", 5000),
        "versions": kept <= {"2", "3"} and "2" in kept,
        "flag log": [(row["from"], row["to"], row["share"], row["verdict_id"]) for row in moves]
        == [("2", "3", 50, verdict_id)],
        "messages": said == [verdict_id],
        "outbox": (entry["state"], entry["verdict_id"]) == ("posted", verdict_id),
    }
    return [what for what, right in seen.items() if not right]


def threshold(flags: dict[str, Any]) -> int:
    return int(flags["flags"]["judge-model"]["targeting"]["if"][2]["<"][1])


def contents(world: World) -> dict[str, bytes]:
    """Every file that effects may touch, besides locks and the left-over of a write that was cut short."""
    paths = [world.flag_file, *(path for name in KEPT for path in (world.home / name).rglob("*"))]
    return {
        str(path.relative_to(world.folder)): path.read_bytes()
        for path in paths
        if path.is_file() and not path.name.endswith(("lock", ".tmp"))
    }


# --- killed at each step of verdict, flag and message ---------------------------------------------------------


@dataclass
class Nursery:
    """A process that has imported everything, and makes a child for each run of a day's effects."""

    process: subprocess.Popen[str]

    def run(self, world: World, slack: Emulator, kill_at: int | None = None) -> tuple[int, list[str]]:
        """The exit code of the child, and the steps it took if it lived."""
        asked = {"config": str(world.config), "day": str(LAST), "slack": slack.url, "kill_at": kill_at}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        return told["code"], told["steps"]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with subprocess.Popen(
        [sys.executable, str(CRASH_POINTS), "effects"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment_of(),
    ) as process:  # fmt: skip
        yield Nursery(process)


@pytest.fixture(scope="module")
def fresh(fortnight: RanFortnight, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """Makes worlds that stand just before the effects of the promoting day; what they only read they share."""
    folder = tmp_path_factory.mktemp("crashes")
    first = before_its_effects(fortnight, folder / "first", (*SHARED, *UNUSED, "warehouse.duckdb"))
    for name in SHARED:
        (first.home / name).symlink_to(fortnight.world.home / name)

    def new() -> World:
        world = World(folder / "world")
        shutil.rmtree(world.folder, ignore_errors=True)
        shutil.copytree(
            first.folder, world.folder, symlinks=True, ignore=shutil.ignore_patterns("*.gz", "*.zst")
        )
        for path in first.folder.rglob("*.made_of.json.zst"):
            shutil.copy(path, world.folder / path.relative_to(first.folder))
        return world

    return new


@pytest.fixture(scope="module")
def steps(nursery: Nursery, fresh: Callable[[], World]) -> list[str]:
    """Every step of an undisturbed run, in order."""
    with slack_emulator() as slack:
        code, taken = nursery.run(fresh(), slack)
    assert code == 0
    return taken


def test_the_effects_of_a_day_are_verdict_then_flag_then_message(steps: list[str], verdict_id: str) -> None:
    order = [
        f"os.rename {verdict_id}.made_of.json.zst", f"os.rename r0001-{verdict_id}.json", "os.rename pacer.flagd.json",
        "open log.jsonl", "os.rename judge-model-v2-2026-11-15.json", "http.client.send",
    ]  # fmt: skip
    assert sorted(order, key=steps.index) == order
    # the outbox knows before each request, and again after each answer: message, details, two pictures
    kept, sent = "os.rename judge-model-v2-2026-11-15.json", "http.client.send"
    asked = [steps[at - 1] for at, step in enumerate(steps) if step == "socket.connect"]
    assert asked[0] == kept
    assert steps.index(sent) < len(steps) - 1 - steps[::-1].index(kept)
    assert steps.count(kept) >= 8


def kill_points(steps: list[str]) -> list[tuple[int, str]]:
    """Every step up to the answer of the message; of its thread each third, and all of them in ``make soak``."""
    numbered = list(enumerate(steps))
    told = steps.index("http.client.send") + 4
    return numbered if os.environ.get("PACER_SOAK") else [*numbered[:told], *numbered[told::3]]


def test_killed_at_any_step_and_run_again_there_is_one_verdict_one_flag_version_and_one_message(
    steps: list[str], nursery: Nursery, fresh: Callable[[], World], verdict_id: str
) -> None:
    broken: dict[str, object] = {}
    for number, name in kill_points(steps):
        world, at = fresh(), f"{number}: before {name}"
        with slack_emulator() as slack:
            code, _ = nursery.run(world, slack, number)
            assert code == -signal.SIGKILL, at
            code, _ = nursery.run(world, slack)
            after = contents(world)
            wrong = [f"exit code {code}"] if code else wrong_with(world, slack, verdict_id)
            nursery.run(world, slack)
            changed = sorted(name for name, content in contents(world).items() if after.get(name) != content)
            wrong += [f"a third run changed {name}" for name in changed] + (
                ["a third message"] if len(slack.roots()) > 1 else []
            )
        if wrong:
            broken[at] = wrong
    assert broken == {}


@pytest.fixture(scope="module")
def verdict_id(fortnight: RanFortnight) -> str:
    """The verdict of the undisturbed run."""
    return str(fortnight.verdicts[LAST]["verdict_id"])


# --- the daily job killed within dbt, and then started twice at once ------------------------------------------


@dataclass
class Disturbed:
    """A world after a killed run and two at the same time."""

    world: World
    slack: Emulator
    killed: int
    verdicts_of_the_killed: list[Path]
    codes: list[int]
    told: list[str]


@pytest.fixture(scope="module")
def disturbed(fortnight: RanFortnight, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disturbed]:
    folder = tmp_path_factory.mktemp("disturbed") / "world"
    world = before_its_effects(fortnight, folder, (*UNUSED, "published"))
    command = ["run", "--date", str(LAST), "--config", str(world.config)]
    with slack_emulator() as slack:
        dying = [sys.executable, str(CRASH_POINTS), "dbt", "12", *command]
        killed = subprocess.run(dying, env=environment_of(slack), capture_output=True, check=False)
        left = list((world.home / "verdicts" / SLUG).glob(f"{LAST}/*"))
        pacer = [sys.executable, "-c", "from pacer_pipelines.cli import main; main()", *command]
        both = [
            subprocess.Popen(
                pacer, env=environment_of(slack), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for _ in range(2)
        ]
        told = [process.communicate()[0] for process in both]
        yield Disturbed(world, slack, killed.returncode, left, [one.returncode for one in both], told)


def test_a_run_killed_within_dbt_leaves_no_verdict(disturbed: Disturbed) -> None:
    assert disturbed.killed == -signal.SIGKILL
    assert disturbed.verdicts_of_the_killed == []


def test_two_runs_of_one_day_at_the_same_time_both_end_well(disturbed: Disturbed) -> None:
    assert disturbed.codes == [0, 0], "\n".join(disturbed.told)


def test_after_a_kill_and_two_runs_at_once_the_day_is_as_after_one_undisturbed_run(
    disturbed: Disturbed, verdict_id: str
) -> None:
    assert wrong_with(disturbed.world, disturbed.slack, verdict_id) == []


def test_after_a_kill_and_two_runs_at_once_on_sunday_the_channel_has_one_digest(disturbed: Disturbed) -> None:
    topics = [message["metadata"]["event_payload"].get("topic") for message in disturbed.slack.roots()]
    assert topics.count("digest-2026-W46-pacer-experiments") == 1
    assert len(topics) == 2
