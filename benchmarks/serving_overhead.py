"""What `serve` costs a request, beside the bare flag evaluation by OpenFeature with flagd's own file provider.

Requests arrive as they do at a server: 8 threads, each busy with its own judgement and asking now and then, so that the
machine is not saturated. Measured is the time inside our code alone: entering and leaving an empty block. A second
table saturates the machine on purpose: 8 threads that do nothing else share one interpreter lock.

    .venv/bin/python benchmarks/serving_overhead.py
"""

import logging
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType

from pacer_pipelines.serving import Assigner, FlagFile, LineLog, LogPolicy, Request, Split
from pacer_pipelines.serving.assignment import context_of

ROOT = Path(__file__).parents[1]
FLAGS = ROOT / "examples" / "pacer_fortnight" / "flags" / "v1.json"
PLAN = ROOT / "experiments" / "judge-model-v2.toml"
THREADS, CALLS, ROUNDS = 8, 100, 20
# a thread's mean pause between two calls, in seconds: together they ask 800 times a second
PAUSE = 0.01


def main() -> None:
    """Print both tables, and the import time."""
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            "OpenFeature evaluation alone, flagd's file provider": bare(),
            "serve, without a log": serve(None),
            "serve and one exposure line": serve(LineLog(Path(folder) / "default", "exposures")),
        }
        print(f"{THREADS} threads, {THREADS / PAUSE:.0f} requests a second at random moments")
        show(calls, PAUSE)
        print(f"\n{THREADS} threads that do nothing else")
        show(calls, 0.0)
        each_line = LineLog(Path(folder) / "each", "exposures", LogPolicy(fsync_seconds=0))
        print("\nthe disk asked for each line, before the request goes on")
        show({"serve and one exposure line": serve(each_line)}, PAUSE)
    print(f"\nimport pacer_pipelines.serving: {imported():.2f} s (python itself {imported('sys'):.2f} s)")


def show(calls: dict[str, Callable[[int], object]], pause: float) -> None:
    """Print one table; the first row is the one that the others are compared with."""
    print(f"{'':52}  p50 us  p99 us     max  ratio of p50")
    base = 0.0
    for name, times in zip(calls, measure(list(calls.values()), pause), strict=True):
        times.sort()
        median, p99 = times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6
        base = base or median
        print(f"{name:52}  {median:6.0f}  {p99:6.0f}  {times[-1] * 1e6:6.0f}  {median / base:12.2f}")


def bare() -> Callable[[int], object]:
    """What any user of OpenFeature pays for the same flag and context."""
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(FLAGS))
    api.set_provider_and_wait(provider, "bare")
    client = api.get_client("bare")

    def call(number: int) -> object:
        request = Request(f"stu{number:05d}", f"sub{number}", "alpha", 3, "coach01")
        return client.get_object_details("judge-model", {}, context_of(request, number % 10_000))

    return call


def serve(log: LineLog | None) -> Callable[[int], object]:
    """Our front door, with the file provider of our own."""
    assigner = Assigner(Split.from_plan(PLAN), FlagFile(FLAGS), log)

    def call(number: int) -> object:
        with assigner.serve(
            f"stu{number:05d}", f"sub{number}", school="alpha", grade=3, coach="coach01"
        ) as served:
            served.log_id = number
        return served

    return call


def measure(calls: list[Callable[[int], object]], pause: float) -> list[list[float]]:
    """Seconds of each call, by kind, of all threads; kinds take turns in short rounds, to share the noise."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(ROUNDS):
        for kind, call in enumerate(calls):
            threads = [
                threading.Thread(target=work, args=(call, times[kind], pause, turn * THREADS + thread))
                for thread in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    return times


def work(call: Callable[[int], object], times: list[float], pause: float, seed: int) -> None:
    """One thread's share of a round: calls at random moments."""
    moments = random.Random(seed)
    for number in range(CALLS):
        if pause:
            time.sleep(moments.expovariate(1 / pause))
        started = time.perf_counter()
        call(seed * CALLS + number)
        times.append(time.perf_counter() - started)


def imported(module: str = "pacer_pipelines.serving") -> float:
    """Median seconds of five processes that import a module."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    main()
