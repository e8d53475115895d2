"""One world of the season on disk: its folder, its live flag file, and the days it lives through."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from openfeature import api

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.config import load_world
from pacer_pipelines.orchestration.run import Runner
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.serving import Assigner, FlagFile, Split

from .pacer import LOGS, Lines, Pacer
from .town import KOREA, REQUESTS, Town
from .truth import Truth

HERE = Path(__file__).parent
SEED = 1
# at 05:00 in Korea PACER's database is copied and the day before is judged
MORNING = time(5)
CONFIG = """\
synthetic = true
home = "home"
experiments = "experiments"
flag_file = "pacer.flagd.json"

[sources]
exposures = "exposures"
feedback = "feedback"
card_reviews = "card_reviews"
roster = "roster.csv"

[[sources.database]]
url = "sqlite:///pacer.db"
taken_at = {taken_at}
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """The live flag at one moment: its version and B's share of traffic in percent."""

    version: str
    share: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a world: what was served, counted from the raw log, and what the job then said and did."""

    day: int
    date: str
    exposures: int
    of_treatment: int
    versions: list[str]
    flag_before: Flag
    flag_after: Flag
    verdict: str
    rule: str
    reason: str

    @property
    def served(self) -> float:
        """B's share of the day's logged exposures, in percent."""
        return 100 * self.of_treatment / self.exposures if self.exposures else 0.0

    def to_dict(self) -> dict[str, object]:
        """Give plain values for JSON."""
        return {**asdict(self), "served": round(self.served, 2)}


class SeasonWorld:
    """A planted world: PACER serves by the live flag, the daily job judges, the flag follows, the next day comes."""

    def __init__(self, folder: Path, truth: Truth, seed: int = SEED, requests: int = REQUESTS) -> None:
        """Found the world in an empty folder.

        Args:
            folder: where its sources, its flag and its home lie.
            truth: what is planted.
            seed: of the town; the same seed gives the same requests in every world.
            requests: judge calls of a weekday.
        """
        town = Town(seed, requests)
        self.folder, self.truth = folder, truth
        self.home, self.flag_file = folder / "home", folder / "pacer.flagd.json"
        (folder / "experiments").mkdir(parents=True)
        shutil.copy(HERE / "season.toml", folder / "experiments")
        shutil.copy(HERE / "flag.json", self.flag_file)
        (folder / "roster.csv").write_text(town.roster(), encoding="utf-8")
        for log in LOGS:
            (folder / log).mkdir()
        self.plan: Plan = load_plan(HERE / "season.toml")
        self._pacer = Pacer(folder, town, truth)
        self._runner: Runner | None = None

    def date(self, day: int) -> date:
        """Give the date of a day of the experiment, from 1."""
        return self.plan.start_date + timedelta(days=day - 1)

    def flag(self) -> Flag:
        """Read the live flag."""
        state = read_flag(self.flag_file, self.plan.flag_key, self.plan.treatment.variant)
        return Flag(state.version, state.share)

    def live(self, day: int) -> Day:
        """Live through a day: serve it by the live flag, then run the daily job of the morning after."""
        before = self.flag()
        self.serve(day)
        self.judge(day)
        return self._told(day, before)

    def serve(self, day: int) -> None:
        """Write the raw files of a day; the real serving client assigns each request by the live flag file."""
        with self.assigner() as (assigner, lines):
            self._pacer.live(day, self.date(day), assigner, lines)

    @contextmanager
    def assigner(self) -> Iterator[tuple[Assigner, Lines]]:
        """The serving client as PACER's servers have it; and its lines. Fresh each day: no poll has to be awaited."""
        lines: Lines = []
        split = Split.from_plan(self.folder / "experiments" / self.plan.file)
        try:
            yield Assigner(split, FlagFile(self.flag_file), also=[lines.append]), lines
        finally:
            api.shutdown()

    def judge(self, day: int) -> None:
        """Run the real daily job for a day.

        Raises:
            RuntimeError: a step failed, a source was broken, or flag or message did not follow.
        """
        copied = datetime.combine(self.date(day + 1), MORNING, KOREA).astimezone(UTC)
        config = self.folder / "pacer.toml"
        config.write_text(CONFIG.format(taken_at=copied.isoformat()), encoding="utf-8")
        self._runner = self._runner or Runner(load_world(config))
        result = self._runner.run(self.date(day), lambda step, outcome: None)
        if not result.complete or result.problems:
            raise RuntimeError(f"{self.truth.name}, day {day}: {result}")

    def _told(self, day: int, before: Flag) -> Day:
        on = self.date(day)
        said = Verdicts(self.home).current(self.plan.slug, on)
        if said is None:
            raise RuntimeError(f"{self.truth.name}, day {day}: no verdict")
        path = self.folder / "exposures" / f"{on}.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        variants = Counter(line["feature_flag.result.variant"] for line in lines)
        return Day(
            day=day,
            date=str(on),
            exposures=len(lines),
            of_treatment=variants[self.plan.treatment.variant],
            versions=sorted({line["meta.version"] for line in lines}),
            flag_before=before,
            flag_after=self.flag(),
            verdict=said["verdict"],
            rule=said["rule"],
            reason=next(iter(said["reasons"]), ""),
        )
