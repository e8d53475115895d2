"""Every bad input ends as it should: landed, refused with a reason, or a problem that names the file.

None of them takes a good row with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .cases import Case
from .land_all import all_cases

TESTS = Path(__file__).parents[1]
# far beyond what it takes; without it a hang would hang the tests
PATIENCE_SECONDS = 480
CASES = all_cases()


@pytest.fixture(scope="module")
def delivered(environment: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of all of them, delivered at once to a process of its own."""
    landing = subprocess.run(
        [sys.executable, "-m", "corpus.land_all", str(tmp_path_factory.mktemp("corpus"))],
        cwd=TESTS, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert landing.returncode == 0, landing.stderr
    assert "Traceback" not in landing.stderr
    return dict(json.loads(landing.stdout))


def test_there_are_more_than_two_hundred_bad_inputs_and_no_two_of_one_name() -> None:
    assert len(CASES) > 200
    assert max(Counter(case.identity for case in CASES).values()) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.identity)
def test_a_bad_input_ends_as_it_should(delivered: dict[str, Any], case: Case) -> None:
    outcome = delivered["cases"][case.identity]
    assert outcome["landed"] == case.lands
    assert sorted(outcome["refused"]) == sorted(case.refused)
    assert case.problem in outcome["problem"]
    assert bool(outcome["problem"]) == bool(case.problem)


def test_all_of_them_together_stay_below_a_gigabyte(delivered: dict[str, Any]) -> None:
    assert delivered["peak_megabytes"] < 1000
