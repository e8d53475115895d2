"""A world with PACER's server in it: its folders, its days under load, and the daily job that reads them."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
from click.testing import Result
from pipeline.worlds import EXAMPLE, PLAN, World, toml_of

from pacer_pipelines.adapters.flags import apply_share

from .app import TESTER, Place
from .server import running
from .town import KOREA, roster, works
from .traffic import Headers, Traffic

DAYS = [date(2026, 11, day) for day in (2, 3, 4, 5)]
RAISED, LAST = DAYS[2], DAYS[3]
WORD = "a word that testers know"
WISH = {"X-Pacer-Variant": "B"}
TESTERS: Headers = {**WISH, TESTER: WORD}
STRANGERS: Headers = {**WISH, TESTER: "a guess"}
# their works begin at a number where nobody hangs up
STRANGE, FORCED = 5025, 6000
LOGS = ("exposures", "feedback", "card_reviews")


@dataclass
class Lived:
    """One world, what its clients did, what its workers said of their logs at the end, and what the run printed."""

    world: World
    place: Place
    traffic: Traffic = field(default_factory=Traffic)
    healths: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    judged: Result | None = None

    def live(self) -> None:
        """Live through the days; B gets 30 instead of 10 percent while requests of the third one are on their way."""
        with self.traffic.against(running(self.place)) as server:
            for day in DAYS:
                self.traffic.ask(works(day), meanwhile=self.raise_share if day == RAISED else None)
                self.traffic.follow_up(day)
            # somebody asks for B without being a tester
            self.traffic.ask(works(LAST, start=STRANGE, number=40), STRANGERS)
            self.healths += server.healths().values()

    def live_with_testers(self) -> None:
        """Live through the first day only, on which testers ask for B."""
        with self.traffic.against(running(self.place)):
            self.traffic.ask(works(DAYS[0]))
            self.traffic.ask(works(DAYS[0], start=FORCED, number=60), TESTERS)
            self.traffic.follow_up(DAYS[0])

    def raise_share(self) -> None:
        """Give B 30 percent, through the one door to the flag."""
        apply_share(
            self.world.flag_file, self.world.home / "flags", flag_key="judge-model", treatment_variant="B",
            expected_version="1", new_share=30.0, at=datetime(2026, 11, 4, 6), who="an engineer",
            why="a step of the ladder, by hand",
        )  # fmt: skip

    def judge(self, day: date) -> Result:
        """Run the daily job for a day, on the logs as they lie there and on PACER's database of the next morning."""
        copied = datetime.combine(day + timedelta(days=1), time(5), KOREA).astimezone(UTC)
        sources: dict[str, object] = {log: f"logs/{log}" for log in LOGS}
        sources |= {"roster": "roster.csv", "database": [{"url": "sqlite:///pacer.db", "taken_at": copied}]}
        content = {
            "synthetic": True, "home": "home", "experiments": "experiments", "flag_file": "pacer.flagd.json",
            "sources": sources,
        }  # fmt: skip
        self.world.config.write_text(toml_of(content), encoding="utf-8")
        return self.world.run(day)

    def lines(self, log: str) -> list[dict[str, Any]]:
        """Every line of a log, of all processes."""
        files = sorted((self.world.folder / "logs" / log).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]

    def pacer(self, select: str) -> list[tuple[Any, ...]]:
        """Ask PACER's own database."""
        with closing(sqlite3.connect(self.world.folder / "pacer.db")) as db:
            return db.execute(select).fetchall()

    def mart(self, name: str, select: str) -> list[tuple[Any, ...]]:
        """Ask a published mart, which a query calls ``mart``."""
        published = self.world.home / "published"
        version = (published / "LATEST").read_text(encoding="utf-8").strip()
        with duckdb.connect() as db:
            db.execute(f"create view mart as from '{published / version / name}.parquet'")
            return db.execute(select).fetchall()


def found(folder: Path) -> Lived:
    """Found a world in an empty folder: the example's plan and its first flag file, B at 10 percent."""
    (folder / "experiments").mkdir()
    # a log makes its folder with the first line, and a source that is configured and not there fails a check
    for log in LOGS:
        (folder / "logs" / log).mkdir(parents=True)
    shutil.copy(PLAN, folder / "experiments")
    shutil.copy(EXAMPLE / "flags" / "v1.json", folder / "pacer.flagd.json")
    (folder / "roster.csv").write_text(roster(), encoding="utf-8")
    world = World(folder)
    return Lived(world, Place(world.plan_file, world.flag_file, folder, WORD))
