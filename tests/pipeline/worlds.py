"""Worlds of one's own, made from the example fortnight: change what you like, then run the real thing."""

from __future__ import annotations

import gzip
import json
import shutil
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "pacer_fortnight"
PLAN = ROOT / "experiments" / "judge-model-v2.toml"
SLUG = "judge-model-v2"
FIRST, LAST = date(2026, 11, 2), date(2026, 11, 15)
DAYS = [FIRST + timedelta(days=number) for number in range(14)]
KOREA = ZoneInfo("Asia/Seoul")

Line = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A folder with sources, plans, flag file and ``pacer.toml``, and a home that fills up."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "pacer.toml"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def flag_file(self) -> Path:
        return self.folder / "pacer.flagd.json"

    @property
    def plan_file(self) -> Path:
        return self.folder / "experiments" / f"{SLUG}.toml"

    @property
    def exposure_log(self) -> Path:
        return self.folder / "exposures.jsonl.gz"

    def pacer(self, *arguments: object) -> Result:
        """Call the command line with this world's configuration, in this process."""
        from pacer_pipelines.cli import main

        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, [*words, "--config", str(self.config)])

    def run(self, day: date) -> Result:
        """Run the daily job for one day."""
        return self.pacer("run", "--date", day)

    def verdict(self, day: date, experiment: str = SLUG) -> dict[str, Any]:
        """The verdict of a day as ``pacer verdict --json`` prints it."""
        result = self.pacer("verdict", "--date", day, "--experiment", experiment, "--json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def history(self) -> list[dict[str, Any]]:
        """All verdicts as ``pacer history --json`` prints them."""
        result = self.pacer("history", "--verdicts", "--json")
        assert result.exit_code == 0, result.output
        return list(json.loads(result.stdout))

    def ledger(self, table: str) -> list[dict[str, Any]]:
        """What the landing's ledger says of each file of a source."""
        paths = sorted((self.home / "landing" / "_ledger" / table).glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def edit_lines(self, name: str, edit: Callable[[list[bytes]], Iterable[bytes]]) -> None:
        """Replace the lines of a packed log by what ``edit`` makes of them."""
        path = self.folder / name
        lines = gzip.decompress(path.read_bytes()).splitlines()
        path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in edit(lines)), mtime=0))


@dataclass
class RanFortnight:
    """The example after ``pacer run --from 2026-11-02 --to 2026-11-15``, and what that command printed."""

    world: World
    result: Result

    @cached_property
    def verdicts(self) -> dict[date, dict[str, Any]]:
        """The verdict of each day."""
        return {day: self.world.verdict(day) for day in DAYS}


def make_world(
    folder: Path, sources: dict[str, object] | None = None, *, archive: bool = True, **settings: object
) -> World:
    """Make a world from copies of the example's files.

    Args:
        folder: where it lies.
        sources: the content of ``[sources]``; the example's own if None.
        archive: whether the earlier versions of the flag file are known.
        settings: more keys of ``pacer.toml``.
    """
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    shutil.copy(EXAMPLE / "flags" / "v2.json", folder / "pacer.flagd.json")
    (folder / "experiments").mkdir()
    shutil.copy(PLAN, folder / "experiments")
    if sources is None:
        sources = tomllib.loads((EXAMPLE / "pacer.toml").read_text(encoding="utf-8"))["sources"]
    content = {
        "home": "home", "experiments": "experiments", "flag_file": "pacer.flagd.json", "synthetic": True,
        **({"flag_archive": "flags"} if archive else {}), **settings, "sources": sources,
    }  # fmt: skip
    (folder / "pacer.toml").write_text(toml_of(content), encoding="utf-8")
    return World(folder)


def toml_of(content: dict[str, Any]) -> str:
    """Spell plain values as TOML; a table is an inline table."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in content.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value)


def dated_copies() -> list[dict[str, object]]:
    """All of the example's copies of PACER's database, oldest first."""
    return list(tomllib.loads((EXAMPLE / "pacer.toml").read_text(encoding="utf-8"))["sources"]["database"])


def rewrite_sources(world: World, sources: dict[str, object]) -> None:
    """Configure other sources in a world that has run before."""
    content = tomllib.loads(world.config.read_text(encoding="utf-8"))
    world.config.write_text(toml_of({**content, "sources": sources}), encoding="utf-8")


def dated_database() -> list[dict[str, object]]:
    """The last of the example's copies of PACER's database, alone: a world that lands faster."""
    return [{"url": "sqlite:///pacer.db.zst", "taken_at": datetime.fromisoformat("2026-11-21T00:00:00Z")}]


def log_sources(**other: object) -> dict[str, object]:
    """The example's logs and one copy of the database."""
    return {
        "exposures": "exposures.jsonl.gz", "feedback": "feedback_events.jsonl.gz",
        "card_reviews": "card_reviews.jsonl.gz", "anki": "anki", "roster": "roster.csv", "database": dated_database(),
        **other,
    }  # fmt: skip


def local_time(line: bytes) -> datetime:
    """When a line of a log was written, on the clock of the coaches."""
    return datetime.fromisoformat(json.loads(line)["ts"]).astimezone(KOREA)


def finding(verdict: dict[str, Any], metric: str) -> dict[str, Any]:
    """One finding of a verdict."""
    return next(row for row in verdict["findings"] if row["metric"] == metric)


def failed_checks(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The checks that failed, by name."""
    return {check["name"]: check for check in verdict["checks"] if not check["passed"]}
