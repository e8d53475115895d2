"""Processes that write lines, to be started, filled, starved and killed by test_line_log.py."""

import resource
import sys
from pathlib import Path

from pacer_pipelines.serving import LineLog, LogPolicy, line_log


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


if __name__ == "__main__":
    what, where, *numbers = sys.argv[1:]
    {"many": write_many, "killed": write_until_killed, "full": write_on_a_full_disk}[what](
        Path(where), *map(int, numbers)
    )
