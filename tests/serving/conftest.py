"""The real flag files of the example fortnight, and a log of one's own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openfeature import api

from pacer_pipelines.serving.assignment import Assigner, Served, Split, file_client

FLAGS = Path(__file__).parents[2] / "examples" / "pacer_fortnight" / "flags"
SPLIT = Split(
    flag_key="judge-model",
    salt="judge-2026",
    experiment_id="exp-2026-11-judge",
    control=Served("A", "v1.0", "llama2:latest"),
)


@pytest.fixture
def flag_file(tmp_path: Path) -> Path:
    """A copy of the first flag file: 10 % on treatment, one school left out."""
    return Path(shutil.copy(FLAGS / "v1.json", tmp_path / "pacer.flagd.json"))


@pytest.fixture
def assigner_of() -> Iterator[Callable[..., Assigner]]:
    """Make an assigner on a flag file; its provider ends with the test."""

    def make(file: Path, split: Split = SPLIT) -> Assigner:
        return Assigner(file_client(file, poll_seconds=0.01), split)

    yield make
    api.shutdown()


@pytest.fixture
def assigner(assigner_of: Callable[..., Assigner], flag_file: Path) -> Assigner:
    """An assigner on the first flag file."""
    return assigner_of(flag_file)
