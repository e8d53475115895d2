"""The real flag files of the example fortnight, and an assigner on them that never waits for a poll."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from openfeature import api

from pacer_pipelines.serving import Assigner, FlagFile, LineLog, Served, Split

EXAMPLE = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
FLAGS = EXAMPLE / "flags"
SPLIT = Split(
    flag_key="judge-model",
    salt="judge-2026",
    experiment_id="exp-2026-11-judge",
    control=Served("A", "v1.0", "llama2:latest"),
    treatments=(Served("B", "v2.1", "pacer-llm:v2.1"),),
)
NOON = datetime(2026, 11, 9, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=9)))


def at_noon() -> datetime:
    return NOON


def lines_in(folder: Path) -> list[dict[str, Any]]:
    """Every line of every file of a log, in the order of the files' names."""
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def start(*words: object) -> "subprocess.Popen[str]":
    """Start one of the processes of ``processes.py``."""
    command = [sys.executable, "-m", "tests.serving.processes", *map(str, words)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)


@pytest.fixture
def flag_file(tmp_path: Path) -> Path:
    """A copy of the first flag file: 10 % on treatment, one school left out."""
    return Path(shutil.copy(FLAGS / "v1.json", tmp_path / "pacer.flagd.json"))


@pytest.fixture
def assigner_of(tmp_path: Path) -> Iterator[Callable[..., Assigner]]:
    """Make an assigner on a flag file or provider; it logs to ``tmp_path / "log"`` and ends with the test."""
    made: list[Assigner] = []

    def make(flags: Any, split: Split = SPLIT, **more: Any) -> Assigner:
        provider = FlagFile(flags, poll_seconds=0.0) if isinstance(flags, Path) else flags
        log = LineLog(tmp_path / "log", "exposures")
        made.append(Assigner(split, provider, log, clock=at_noon, **more))
        return made[-1]

    yield make
    for assigner in made:
        assigner.close()
    api.shutdown()


@pytest.fixture
def assigner(assigner_of: Callable[..., Assigner], flag_file: Path) -> Assigner:
    """An assigner on the first flag file."""
    return assigner_of(flag_file)
