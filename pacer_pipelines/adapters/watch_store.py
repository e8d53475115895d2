"""What the watch remembers between two ticks, in one SQLite file: calls and ratings of two weeks, and positions.

Only pseudonyms are kept. All that a tick reads is stored in one transaction with the positions up to which it was
read, so a crash in the middle reads the same lines again; a line that is read twice counts once.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.live_log import Position
from pacer_pipelines.adapters.watch_queries import CALLS, RATINGS, SCHEMA, SERVED, SINCE
from pacer_pipelines.decisions.live import LiveCount
from pacer_pipelines.decisions.watch import SIGNALS, Signal, Tally, Watched
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import Watch

KEPT = timedelta(days=14)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """Calls that a variant was served: how many, the first and last time, the flag versions that they name."""

    calls: int
    first_at: datetime
    last_at: datetime
    versions: tuple[str, ...]


class WatchStore:
    """The watch's memory of one world, ``home/state/watch.db``; it may be deleted, and is then read anew."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take an open connection; see :func:`open_store`."""
        self._db = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def positions(self, source: str) -> list[Position]:
        """How far each file of a source has been read."""
        found = self._db.execute("SELECT key, inode, head, offset FROM files WHERE source = ?", (source,))
        return [Position(*row) for row in found]

    def keep_positions(self, source: str, positions: Sequence[Position]) -> None:
        """Put these in the place of all earlier positions of a source."""
        self._db.execute("DELETE FROM files WHERE source = ?", (source,))
        rows = [(source, *astuple(position)) for position in positions]
        self._db.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?)", rows)

    def add_exposures(self, rows: Sequence[tuple[Row, bool]]) -> None:
        """Keep exposures, each with whether its plan leaves it out of the analysis."""
        self._db.executemany(
            "INSERT OR IGNORE INTO exposures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    row["experiment_id"], row["exposure_id"], row["exposed_date"].isoformat(),
                    _stamp(row["exposed_at"]), row["flag_variant"], row["unit_key"], row["log_id"],
                    # json.decoder.JSONDecodeError is a JSONDecodeError
                    (row["error_type"] or "").rpartition(".")[2] or None,
                    row["latency_ms"], row["flag_version"], left_out,
                )
                for row, left_out in rows
            ],
        )  # fmt: skip

    def add_ratings(self, rows: Sequence[Row]) -> None:
        """Keep ratings; one that was taken back is none."""
        self._db.executemany(
            "INSERT OR IGNORE INTO ratings VALUES (?, ?, ?, ?, ?)",
            [
                (
                    row["log_id"], row["coach_key"] or "", row["feedback_date"].isoformat(),
                    _stamp(row["feedback_at"]), row["feedback"] == "BAD",
                )
                for row in rows
                if row["feedback"] != "WITHDRAWN"
            ],
        )  # fmt: skip

    def newest_days(self, plan: Plan, number: int) -> list[date]:
        """The last days, oldest first, of which the logs say anything of an experiment or its ratings."""
        found = self._db.execute(
            "SELECT day FROM exposures WHERE experiment = ? UNION SELECT day FROM ratings ORDER BY day DESC LIMIT ?",
            (plan.logged_id, number),
        )
        return sorted(date.fromisoformat(day) for (day,) in found)

    def tallies(self, plan: Plan, day: date, alone: bool) -> dict[Signal, Watched]:
        """Trials and hits of each signal on one day, and of control over all kept days where that may matter.

        Args:
            plan: the plan; its watch says what is slow and what is malformed.
            day: the day to count, in the plan's time zone.
            alone: whether everybody is served treatment, so that the day says too little of control.
        """
        a, b = plan.control.variant, plan.treatment.variant
        today, nothing = self._counted(plan, day, day, ""), Tally()
        # the long look back costs, so it is taken only where B has a hit and the day says too little of control
        back = any(
            today.get((signal, b), nothing).hits and (alone or (signal, a) not in today) for signal in SIGNALS
        )
        kept = self._counted(plan, date.min, day, a) if back else {}
        return {
            signal: Watched(
                *(of.get((signal, who), nothing) for of, who in ((today, a), (today, b), (kept, a)))
            )
            for signal in SIGNALS
        }

    def _counted(self, plan: Plan, first: date, last: date, only: str) -> dict[tuple[Signal, str], Tally]:
        watch = plan.watch or Watch()
        asked = {
            "experiment": plan.logged_id, "first": first.isoformat(), "last": last.isoformat(),
            "only": only, "slow_ms": watch.slow_ms,
        }  # fmt: skip
        malformed = {f"malformed{place}": name for place, name in enumerate(watch.malformed_errors)}
        calls = CALLS.format(malformed=", ".join(f":{name}" for name in malformed))
        found: dict[tuple[Signal, str], Tally] = {}
        for signal, variant, *counts in (
            *self._db.execute(calls, {**asked, **malformed}),
            *self._db.execute(RATINGS, asked),
        ):
            found[signal, variant] = Tally(*(int(count or 0) for count in counts))
        return found

    def served(self, plan: Plan, after: datetime) -> Served | None:
        """Calls that were served treatment later than a moment (naive UTC); None when there is none."""
        asked = (plan.logged_id, plan.treatment.variant, _stamp(after))
        calls, first, last, versions = self._db.execute(SERVED, asked).fetchone()
        if not calls:
            return None
        return Served(calls, _moment(first), _moment(last), tuple(sorted(versions.split(","))))

    def since(self, plan: Plan, after: datetime) -> dict[str, LiveCount]:
        """Calls and ratings later than a moment (naive UTC), by variant; one without any is left out."""
        asked = {"experiment": plan.logged_id, "after": _stamp(after)}
        return {variant: LiveCount(*counts) for variant, *counts in self._db.execute(SINCE, asked)}

    def forget(self, before: date) -> None:
        """Drop what is older than a day."""
        self._db.execute("DELETE FROM exposures WHERE day < ?", (before.isoformat(),))
        self._db.execute("DELETE FROM ratings WHERE day < ?", (before.isoformat(),))

    def note(self, key: str, value: str) -> None:
        """Remember one word under a key."""
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))

    def noted(self, key: str) -> str:
        """The word under a key; empty when there is none."""
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""


@contextmanager
def open_store(home: Path) -> Iterator[WatchStore]:
    """The memory of one world, made when it is missing.

    Raises:
        SourceUnreadable: the file is no such memory any more; it may be deleted.
    """
    path = home / "state" / "watch.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        connection.executescript(SCHEMA)
        yield WatchStore(connection)
    except sqlite3.DatabaseError as error:
        damaged = not isinstance(error, sqlite3.OperationalError)
        why = f"{error}; delete it, and the next tick reads the logs anew" if damaged else str(error)
        raise SourceUnreadable("the watch's memory", str(path), why) from error
    finally:
        connection.close()


def passing_store() -> WatchStore:
    """A memory of this process alone, on any of its threads; nothing of it is left afterwards."""
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.executescript(SCHEMA)
    return WatchStore(connection)


def _stamp(moment: datetime) -> int:
    """Milliseconds since 1970 of a naive UTC moment."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC).replace(tzinfo=None)
