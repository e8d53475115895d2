"""What PACER's database costs: a first copy, a copy without changes, and how long PACER waits for the copy.

    python benchmarks/database_landing.py [rows] [postgresql://…]

A server's database is filled by this script, so give it an empty one. Times are CPU seconds of this process.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pacer_pipelines.adapters.pacer_database import snapshot

ROOT = Path(__file__).parents[1]
LOGS = (
    "log_id, submission_id, coach_id, concept_name, model_version, decision, reason, coach_feedback, reason_code, "
    "memo, created_at"
)
SCHEMA = """
CREATE TABLE llm_logs (log_id BIGINT PRIMARY KEY, submission_id TEXT, coach_id TEXT, concept_name TEXT,
    model_version TEXT, decision TEXT, reason TEXT, coach_feedback TEXT, reason_code TEXT, memo TEXT,
    created_at TIMESTAMP);
CREATE TABLE anki_cards (card_id BIGINT PRIMARY KEY, student_id TEXT, llm_log_id BIGINT, question TEXT, answer TEXT,
    next_review_date DATE, interval_days INTEGER, ease_factor INTEGER, repetitions INTEGER, last_reviewed_at TIMESTAMP,
    created_at TIMESTAMP);
CREATE TABLE students (student_id TEXT PRIMARY KEY);
"""
LAND = """
import resource, sys
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.resources import WorldResource
reports = land_database(WorldResource(config_file=sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(sum(report.landed for report in reports), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024,
      *(report.problem for report in reports))
"""
WRITER = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
longest, number = 0.0, 10**9
print("ready", flush=True)
while number < 10**9 + 20000:
    number += 1
    began = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE llm_logs SET coach_feedback = 'GOOD' WHERE log_id = ?", (number % 1000,))
    db.execute("COMMIT")
    longest = max(longest, time.monotonic() - began)
    time.sleep(0.005)
    if Path(sys.argv[2]).exists():
        break
print(longest)
"""


def rows(number: int) -> Iterator[tuple[object, ...]]:
    """Judgements of 5,000 students, two thirds of them rated."""
    for n in range(1, number + 1):
        rating = ("GOOD" if n % 4 else "BAD") if n % 3 else None
        yield (
            n, f"stu{n % 5000:04}-math-{n}", f"coach{n % 40}" if rating else None, f"concept {n % 50}",
            "v2.1" if n % 2 else "v1.0", "APPROVE" if n % 3 else "REJECT", "because " * 40, rating, None, "memo " * 20,
            f"2026-10-{n % 28 + 1:02} {n % 24:02}:{n % 60:02}:{n % 59:02}",
        )  # fmt: skip


def fill_sqlite(path: Path, number: int) -> None:
    """Make PACER's file."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
        db.executemany(f"INSERT INTO llm_logs ({LOGS}) VALUES ({', '.join('?' * 11)})", rows(number))
        db.executemany("INSERT INTO students VALUES (?)", ((f"stu{n:04}",) for n in range(5000)))
        db.commit()


def fill_server(url: str, number: int) -> None:
    """Make PACER's tables on a PostgreSQL server."""
    import psycopg

    with psycopg.connect(url) as db:
        db.execute(SCHEMA)
        with db.cursor().copy(f"COPY llm_logs ({LOGS}) FROM STDIN") as copy:
            for row in rows(number):
                copy.write_row(row)
        db.execute(
            "INSERT INTO students SELECT 'stu' || lpad(n::text, 4, '0') FROM generate_series(0, 4999) AS n"
        )


def land(folder: Path, url: str, what: str) -> None:
    """Land one copy in a process of its own, and say what it took."""
    config = folder / "pacer.toml"
    config.write_text(
        f'home = "home-{what.split()[0]}"\nsynthetic = true\nexperiments = "{ROOT / "experiments"}"\n'
        f"[sources]\ndatabase = {json.dumps(url)}\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", LAND, config], capture_output=True, text=True, check=True
    ).stdout
    landed, seconds, megabytes, *problems = told.strip().splitlines()[-1].split(maxsplit=3)
    print(
        f"{what}: {int(landed):,} rows landed, {float(seconds):.1f} s CPU, peak {megabytes} MB {' '.join(problems)}"
    )


def longest_wait(path: Path, mode: str, stop: Path) -> str:
    """Copy the file while a writer commits 200 times a second, and give the writer's longest transaction."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
    code = WRITER.replace("import sqlite3, sys, time", "import sqlite3, sys, time\nfrom pathlib import Path")
    writer = subprocess.Popen([sys.executable, "-c", code, path, stop], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    with snapshot(str(path)):
        stop.touch()
    seconds = float(writer.communicate()[0])
    stop.unlink()
    return f"{seconds:.2f} s"


def main() -> None:
    """Measure, and print a line per result."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="pacer-bench-") as name:
        folder, path = Path(name), Path(name) / "pacer.db"
        fill_sqlite(path, number)
        for what in ("SQLite first copy", "SQLite copy without changes"):
            land(folder, f"sqlite:///{path}", what)
        size = path.stat().st_size / 1e9
        for mode in ("DELETE", "WAL"):
            print(f"a writer's longest transaction while {size:.1f} GB are copied, {mode}: "
                  f"{longest_wait(path, mode, folder / 'stop')}")  # fmt: skip
        if len(sys.argv) > 2:
            fill_server(sys.argv[2], number)
            for what in ("PostgreSQL first copy", "PostgreSQL copy without changes"):
                land(folder, sys.argv[2], what)


if __name__ == "__main__":
    main()
