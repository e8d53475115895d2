"""Processes that end by SIGKILL where a test wants them to: at one step of a day's effects, or in the middle of dbt.

A step is what the operating system is asked to keep or to send: a file opened for writing, renamed or removed, a
connection, a request. Python announces each to an audit hook before it happens, so nothing here has to know how the
doors are written, and to die before one step is to die after the one before it.

``python crash_points.py effects`` imports everything once and forks a child for each line that it reads.
``python crash_points.py dbt N …`` is ``pacer …`` that dies when dbt has finished N models.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ON_FILES = ("os.rename", "os.remove", "os.link", "os.mkdir", "os.truncate", "os.utime", "os.chmod")
ON_THE_NET = ("socket.connect", "http.client.send")
Step = Callable[[str], None]


def listen(folder: str, step: Step) -> None:
    """Call ``step`` with the name of each step within a folder, or on the network, before it happens."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ON_THE_NET:
            step(event)
        elif event in ON_FILES or (event == "open" and arguments[2] & WRITES):
            path = str(arguments[1] if event == "os.rename" else arguments[0])
            nothing = path.endswith("lock") or (event == "os.mkdir" and Path(path).exists())
            if path.startswith(folder) and not nothing:
                step(f"{event} {Path(path).name}")

    sys.addaudithook(hook)


def die() -> None:
    """End as by ``kill -9``: nothing is flushed, nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def effects_of(asked: dict[str, Any]) -> list[str]:
    """Verdict, flag and message of a day, and the steps that it took; dies before step ``kill_at`` if it is given."""
    from pacer_pipelines.orchestration.effects import follow_flags, running
    from pacer_pipelines.orchestration.messages import tell_slack
    from pacer_pipelines.orchestration.resources import WorldResource
    from pacer_pipelines.orchestration.verdict_day import judge_day

    steps: list[str] = []

    def step(name: str) -> None:
        if len(steps) == asked["kill_at"]:
            die()
        steps.append(name)

    os.environ |= {"SLACK_BASE_URL": asked["slack"], "SLACK_BOT_TOKEN": "xoxb-made-up"}
    listen(str(Path(asked["config"]).parent), step)
    world, day = WorldResource(config_file=asked["config"]), date.fromisoformat(asked["day"])
    for plan in running(world, day):
        judge_day(world, plan, day)
    follow_flags(world, day)
    tell_slack(world, day)
    return steps


def serve() -> None:
    """Fork a child for each line of stdin; answer with its exit code and its steps."""
    import pacer_pipelines.orchestration.effects
    import pacer_pipelines.orchestration.verdict_day  # noqa: F401

    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(writing, json.dumps(effects_of(json.loads(line))).encode())
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            steps = told.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "steps": json.loads(steps or "[]")}), flush=True)


def run_until_dbt_has_built(number: int) -> None:
    """Be ``pacer``, and die when dbt has finished so many models and tests."""
    from pacer_pipelines.adapters.warehouse import DbtEvent, OnEvent, Warehouse
    from pacer_pipelines.cli import main

    build = Warehouse.build

    def dying(self: Warehouse, start: date, end: date, on_event: OnEvent) -> Any:
        seen: list[DbtEvent] = []

        def heard(event: DbtEvent) -> None:
            seen.append(event)
            if len(seen) == number:
                die()
            on_event(event)

        return build(self, start, end, heard)

    Warehouse.build = dying  # type: ignore[assignment, method-assign]
    main()


if __name__ == "__main__":
    if sys.argv[1] == "effects":
        serve()
    else:
        models = int(sys.argv.pop(2))
        del sys.argv[1]
        run_until_dbt_has_built(models)
