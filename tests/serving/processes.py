"""Processes that serve and write, to be started, starved and killed by test_line_log.py and test_reload.py."""

import json
import resource
import sys
import threading
from pathlib import Path

from pacer_pipelines.serving import Assigner, FlagFile, LineLog, LogPolicy, Request, Served, Split, line_log

LAST_VERSION = 1000


def write_many(folder: Path, writer: int, lines: int) -> None:
    """Write numbered lines as fast as possible, in small files."""
    log = LineLog(folder, "exposures", LogPolicy(max_bytes=4 << 20))
    for number in range(lines):
        log.append({"writer": writer, "number": number, "text": "x" * 40})
    log.close()


def write_until_killed(folder: Path) -> None:
    """Write, and say of each line on standard output that it is kept."""
    log = LineLog(folder, "exposures", LogPolicy(max_bytes=1 << 20))
    number = 0
    while log.append({"number": number, "text": "x" * 5000}):
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


def write_on_a_full_disk(folder: Path) -> None:
    """Write while the kernel lets no file grow beyond 3,000 bytes, then when there is room again."""
    line_log.RETRY_SECONDS = 0.0
    log = LineLog(folder, "exposures", LogPolicy(buffer_lines=20))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    kept = [log.append({"number": number, "text": "x" * 100}) for number in range(50)]
    full = log.state
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.append({"number": 50})
    print(sum(kept), full.waiting, full.lost, full.problem, log.state.waiting, log.state.problem, sep=",")


def flags_of(version: int) -> str:
    """A flag file whose version shows in everything that it says; its threshold moves with it."""
    model = {"version": f"v{version}", "model": f"m{version}"}
    flag = {
        "state": "ENABLED",
        "defaultVariant": "A",
        "variants": {"A": model, "B": {**model, "prompt": "B"}},
        "targeting": {"if": [{"<": [{"var": "bucket"}, threshold(version)]}, "B", "A"]},
    }
    return json.dumps({"metadata": {"version": str(version)}, "flags": {"judge-model": flag}})


def threshold(version: int) -> int:
    return version * 7919 % 10_001


def ask_until_the_last_version(flag_file: Path, threads: int) -> None:
    """Ask from many threads; say each version that the first one sees, then how many answers were wrong or mixed."""
    split = Split("judge-model", "s", "e", Served("A", "v", "m"))
    assigner = Assigner(split, FlagFile(flag_file, poll_seconds=0.0))
    wrong: list[int] = []
    seen: list[set[int]] = [set() for _ in range(threads)]
    asked = [0] * threads

    def ask(thread: int) -> None:
        while LAST_VERSION not in seen[thread]:
            asked[thread] += 1
            got = assigner.assign(Request(f"stu{thread}-{asked[thread]}", "x"))
            version = int(got.flag_version)
            if not thread and version not in seen[thread]:
                print(version, flush=True)
            seen[thread].add(version)
            expected = "B" if got.bucket < threshold(version) else "A"
            if (got.served.variant, got.served.model, got.error) != (expected, f"m{version}", None):
                wrong.append(version)

    asking = [threading.Thread(target=ask, args=(thread,)) for thread in range(threads)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    print(len(wrong), len(set.union(*seen)), sum(asked), sep=",", file=sys.stderr)


if __name__ == "__main__":
    what, where, *numbers = sys.argv[1:]
    commands = {
        "many": write_many,
        "killed": write_until_killed,
        "full": write_on_a_full_disk,
        "ask": ask_until_the_last_version,
    }
    commands[what](Path(where), *map(int, numbers))
