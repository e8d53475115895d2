"""Worlds made from the example fortnight, and the one full run that every test may read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pipeline.worlds import FIRST, LAST, RanFortnight, World, make_world

# The files that share the run of all 14 days: one worker makes it, and runs them all.
SHARE_THE_FORTNIGHT = (
    "test_fortnight_story.py",
    "test_privacy.py",
    "test_fortnight.py",
    "test_crashes.py",
    "test_forget_students.py",
    "test_late_and_backfill.py",
    "test_weekly_digest.py",
    "test_browser.py",
)
OF_THE_CALLER = ("PACER_CONFIG", "PACER_PSEUDONYM_KEY", "SLACK_BOT_TOKEN", "SLACK_BASE_URL", "DAGSTER_HOME")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Send each file to one worker, and the files that share the fortnight to the same one."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class SharedFortnight(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "the fortnight" if file.endswith(SHARE_THE_FORTNIGHT) else file

    return SharedFortnight(config, log)


@pytest.fixture(scope="session")
def environment() -> Iterator[None]:
    """No key, token or configuration of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in OF_THE_CALLER:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def new_world(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., World]:
    """Make a world in a folder of its own; takes what ``make_world`` takes besides the folder."""

    def new(**changes: Any) -> World:
        return make_world(tmp_path_factory.mktemp("world"), **changes)

    return new


@pytest.fixture(scope="session")
def fortnight(environment: None, tmp_path_factory: pytest.TempPathFactory) -> RanFortnight:
    """The whole example, judged day by day by one command. Takes about two minutes, so nobody changes it."""
    world = make_world(tmp_path_factory.mktemp("fortnight") / "world")
    result = world.pacer("run", "--from", FIRST, "--to", LAST)
    return RanFortnight(world, result)


@pytest.fixture(scope="session")
def example() -> Path:
    """The raw files of the example."""
    return Path(__file__).parents[1] / "examples" / "pacer_fortnight"
