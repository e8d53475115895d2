"""The example fortnight as landed Parquet: one to read, one to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from pacer_pipelines.decisions.values import Check

from .landed import World, write_fortnight


@pytest.fixture(scope="session")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing of the example fortnight, read-only."""
    return write_fortnight(tmp_path_factory.mktemp("fortnight"))


@pytest.fixture
def world(fortnight: Path, tmp_path: Path) -> World:
    """A copy of the fortnight's landing."""
    return World(Path(shutil.copytree(fortnight, tmp_path / "home" / "landing")))


@pytest.fixture(scope="session")
def clean(fortnight: Path) -> Callable[[date], dict[str, Check]]:
    """Run the checks on the untouched fortnight, once per day."""
    return cache(World(fortnight).checks)
