"""A small world with logs that grow: lines are appended as PACER's servers append them, and time is told."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.watch import Tick, tick

ROOT = Path(__file__).parents[2]
SLUG = "judge-model-v2"
# 09:00 in Seoul on the seventh day of the experiment
MORNING = datetime(2026, 11, 8, 0, 0)
Line = dict[str, Any]


@dataclass
class LiveWorld:
    """Folder of a world; ``now`` is naive UTC and moves only when told."""

    folder: Path
    now: datetime = MORNING

    @property
    def resource(self) -> WorldResource:
        """The world as a tick gets it, read anew."""
        return WorldResource(config_file=str(self.folder / "pacer.toml"))

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "exposures.jsonl"

    @property
    def flag_file(self) -> Path:
        return self.folder / "flag.json"

    @property
    def share(self) -> float:
        return read_flag(self.flag_file, "judge-model", "B").share

    def tick(self, seconds: float = 60) -> Tick:
        """Let time pass, then look once."""
        self.now += timedelta(seconds=seconds)
        return tick(self.resource, self.now)

    def append(self, lines: Iterable[Line]) -> None:
        """Append lines to the exposure log."""
        write(self.log, lines)

    def rate(self, log_ids: Iterable[int], feedback: str) -> None:
        """Append ratings of some calls, each by one of many coaches."""
        write(
            self.folder / "feedback" / "feedback.jsonl",
            [
                {
                    "ts": _iso(self.now),
                    "log_id": log_id,
                    "coach_id": f"coach{log_id % 24}",
                    "feedback": feedback,
                }
                for log_id in log_ids
            ],
        )

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """The journal's entries of one kind."""
        paths = sorted((self.home / "journal" / SLUG).glob(f"*-{kind}-*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def outbox(self, of: str = "") -> list[str]:
        """Names of the messages in the outbox, with ``of`` in their name."""
        return sorted(path.stem for path in (self.home / "outbox").glob(f"*{of}-*.json"))


def make_live_world(folder: Path, **settings: object) -> LiveWorld:
    """A world whose flag gives B 30 % (version 2, as in the example), and whose logs are empty folders."""
    shutil.copy(ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json", folder / "flag.json")
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    (folder / "logs").mkdir()
    (folder / "feedback").mkdir()
    keys = {
        "home": "home",
        "experiments": "experiments",
        "flag_file": "flag.json",
        "synthetic": True,
        **settings,
    }
    spelled = "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
    sources = '[sources]\nexposures = "logs"\nfeedback = "feedback"\n'
    (folder / "pacer.toml").write_text(spelled + sources, encoding="utf-8")
    return LiveWorld(folder)


def call(
    at: datetime,
    variant: str,
    student: int,
    *,
    error: str | None = None,
    latency_ms: float = 900.0,
    **more: Any,
) -> Line:
    """One line of the exposure log."""
    line = {
        "exposure_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{at} {variant} {student} {more}")),
        "ts": _iso(at),
        "feature_flag.key": "judge-model",
        "feature_flag.result.variant": variant,
        "feature_flag.result.reason": "TARGETING_MATCH",
        "feature_flag.error": None,
        "meta.version": "2",
        "meta.experiment_id": "exp-2026-11-judge",
        "unit_id": f"stu{student:04}",
        "submission_id": f"stu{student:04}-math-1",
        "attrs": {"school": "beta", "grade": 3, "coach": "coach01"},
        "log_id": None,
        "latency_ms": latency_ms,
        **more,
    }
    return line | {"error": error} if error else line


def calls(at: datetime, variant: str, students: Iterable[int], **more: Any) -> list[Line]:
    """One call of each student, a second apart."""
    return [
        call(at + timedelta(seconds=place), variant, student, **more)
        for place, student in enumerate(students)
    ]


def write(path: Path, lines: Iterable[Line]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def _iso(at: datetime) -> str:
    return at.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
