"""A season on the dashboard: first view, twenty viewers at once, memory: python benchmarks/dashboard_season.py.

90 days of 5 experiments, made of the last day of ``make demo`` (run it before). The real ``pacer dashboard`` in a
process of its own, beside a server in another one that sends the same pages ready-made: what is above it is our work.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import duckdb

from pacer_pipelines.adapters.published import publish
from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.plan import load_plan

ROOT = Path(__file__).parents[1]
DEMO, PLAN = ROOT / ".demo" / "home", ROOT / "experiments" / "judge-model-v2.toml"
EXPERIMENTS, DAYS, VIEWERS, VIEWS = 5, 90, 20, 10
FIRST, DEMO_DAYS = date(2026, 11, 2), 14
# sends files as they are, from the same kind of server
READY_MADE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
app = Starlette(routes=[Mount("/", StaticFiles(directory=sys.argv[1], html=True))])
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


def make_season(folder: Path) -> list[str]:
    """A world whose experiments have all been judged for 90 days; gives their slugs."""
    slugs = [f"season-{number}" for number in range(EXPERIMENTS)]
    (folder / "experiments").mkdir()
    text = PLAN.read_text(encoding="utf-8").replace("max_days = 42", f"max_days = {DAYS}")
    plan = load_plan(PLAN)
    for slug in slugs:
        own = text.replace(plan.slug, slug).replace(plan.experiment_id, slug)
        (folder / "experiments" / f"{slug}.toml").write_text(own, encoding="utf-8")
    shutil.copy(ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json", folder / "flag.json")
    settings = 'home = "home"\nexperiments = "experiments"\nflag_file = "flag.json"\nsynthetic = true\n'
    (folder / "pacer.toml").write_text(
        f'{settings}\n[sources]\nexposures = "logs"\nfeedback = "logs"\n', encoding="utf-8"
    )
    (folder / "logs").mkdir()
    _judge(folder / "home", slugs)
    _publish(folder / "home", slugs)
    return slugs


def _judge(home: Path, slugs: list[str]) -> None:
    last = sorted((DEMO / "verdicts" / "judge-model-v2").glob("*/r*.json"))[-1]
    kept = Verdict.from_dict(json.loads(last.read_text(encoding="utf-8")))
    for slug in slugs:
        for day in range(1, DAYS + 1):
            when, later = FIRST + timedelta(days=day - 1), timedelta(days=day - kept.day)
            verdict = replace(
                kept, experiment=slug, date=when, day=day, as_of=kept.as_of + later, stored_id="",
                verdict="hold", rule="waiting",
            )  # fmt: skip
            Verdicts(home).record(verdict, {})


def _publish(home: Path, slugs: list[str]) -> None:
    newest = DEMO / "published" / (DEMO / "published" / "LATEST").read_text().strip()
    warehouse = home / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create schema marts")
        for table in sorted(newest.glob("*.parquet")):
            rows = f"read_parquet('{table}')"
            columns = {row[0] for row in db.execute(f"describe select * from {rows}").fetchall()}
            own = ", slugs.slug as experiment_id" if "experiment_id" in columns else ""
            of = f", (select unnest({slugs}) as slug) as slugs" if own else ""
            db.execute(
                f"create table marts.{table.stem} as select * replace "
                f"(metric_date + repeats.n::integer * {DEMO_DAYS} as metric_date{own}) "
                f"from {rows}, range(0, {DAYS // DEMO_DAYS + 1}) as repeats (n){of}"
            )
    publish(warehouse, home)


@contextmanager
def started(*command: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a server on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server did not start")


def view(url: str) -> float:
    """Seconds until a page is there, whole."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=120) as answer:
        assert answer.status == 200
        answer.read()
    return time.perf_counter() - began


def crowd(urls: list[str]) -> list[float]:
    """Seconds of each view, while twenty people look at once."""
    with ThreadPoolExecutor(VIEWERS) as viewers:
        return sorted(viewers.map(view, [urls[n % len(urls)] for n in range(VIEWERS * VIEWS)]))


def peak(process: int) -> float:
    """The most memory that a process ever had, in MiB."""
    (line,) = (
        each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


def main() -> None:
    """Make the season, look at it, and print what that took."""
    if not (DEMO / "published" / "LATEST").exists():
        sys.exit("make demo first: the season is made of its last day")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slugs = make_season(folder)
        paths = ["", *(f"experiments/{slug}" for slug in slugs)]
        config, pacer = str(folder / "pacer.toml"), Path(sys.executable).with_name("pacer")
        (folder / "ready").mkdir()
        with started(str(pacer), "dashboard", "--config", config, "--port") as (address, process):
            urls = [f"{address}/{path}" for path in paths]
            first = {"overview": view(urls[0]), "experiment": view(urls[1])}
            again = view(urls[1])
            for number, url in enumerate(urls):
                with urllib.request.urlopen(url) as answer:
                    (folder / "ready" / f"{number}.html").write_bytes(answer.read())
            alone = peak(process)
            ours, most = crowd(urls), peak(process)
        with started(sys.executable, "-c", READY_MADE, str(folder / "ready")) as (address, process):
            theirs, least = crowd([f"{address}/{number}.html" for number in range(len(paths))]), peak(process)
    print(f"{EXPERIMENTS} experiments of {DAYS} days; {VIEWERS} viewers, {VIEWERS * VIEWS} views")
    waits = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in first.items())
    print(f"first view: {waits}; again {again:.2f} s")
    print("| server | views a second | median view | slowest | peak memory |\n|---|---|---|---|---|")
    for name, seconds, memory in (
        ("pacer dashboard", ours, most),
        ("the same pages, ready-made", theirs, least),
    ):
        rate = VIEWERS / (sum(seconds) / len(seconds))
        print(f"| {name} | {rate:.0f} | {median(seconds):.3f} s | {seconds[-1]:.2f} s | {memory:.0f} MiB |")
    print(
        f"ratio of median views: {median(ours) / median(theirs):.1f}; memory before the crowd: {alone:.0f} MiB"
    )


if __name__ == "__main__":
    main()
