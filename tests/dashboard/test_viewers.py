"""Twenty people look at the dashboard while a day is run: neither side stops the other."""

import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pipeline.worlds import FIRST, SLUG, World
from web import served

from pacer_pipelines.config import load_world
from pacer_pipelines.dashboard.app import dashboard
from pacer_pipelines.orchestration.data_docs import docs_folder
from pacer_pipelines.orchestration.live import LiveLog
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.shelf import WorldShelf

VIEWERS = 20
PATHS = (
    "/",
    f"/experiments/{SLUG}",
    f"/experiments/{SLUG}/{FIRST}",
    f"/experiments/{SLUG}/{FIRST}/evidence.zip",
    f"/experiments/{SLUG}/live.json",
    "/data-docs/",
)


def look_until_it_ends(address: str, run: subprocess.Popen[str], viewer: int) -> list[int]:
    """One person's answers, one address after the other, from before the run's end until after it."""
    seen, last = [], False
    while not last:
        last = run.poll() is not None
        with urllib.request.urlopen(address + PATHS[(viewer + len(seen)) % len(PATHS)], timeout=60) as answer:
            assert answer.read()
            seen.append(answer.status)
    return seen


@pytest.mark.soak
def test_twenty_viewers_and_a_run_do_not_stop_each_other(new_world: Callable[..., World]) -> None:
    world = new_world()
    assert world.run(FIRST).exit_code == 0
    live = LiveLog(WorldResource(config_file=str(world.config))).read
    app = dashboard(WorldShelf(load_world(world.config)), docs=docs_folder(world.home), live=live)
    second = FIRST.replace(day=FIRST.day + 1)
    command = [
        Path(sys.executable).with_name("pacer"),
        "run",
        "--date",
        str(second),
        "--config",
        world.config,
    ]
    with served(app) as address, ThreadPoolExecutor(VIEWERS) as viewers:
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        looking = [viewers.submit(look_until_it_ends, address, run, viewer) for viewer in range(VIEWERS)]
        told, _ = run.communicate()
        answers = [status for each in looking for status in each.result()]
        assert run.returncode == 0, told
        # each saw the run's beginning and its end
        assert set(answers) == {200}
        assert len(answers) >= 2 * VIEWERS
        with urllib.request.urlopen(f"{address}/experiments/{SLUG}") as newest:
            assert f"{second} (day 2 of" in newest.read().decode()
