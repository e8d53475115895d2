"""A check with its background, as the pages of a day show it."""

import json
from dataclasses import replace

import pytest

from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.values import Check

HOLE = Check(
    "exposures_per_hour",
    "exposures",
    "critical",
    False,
    "0 of 120",
    "at least 95 %",
    "17:00-18:00 is empty",
    "lost",
)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "critical"),
        ({"severity": "warning"}, "warning"),
        ({"passed": True}, "passed"),
        ({"passed": True, "observed": "nothing to judge"}, "nothing to judge"),
    ],
)
def test_a_check_that_had_nothing_to_judge_has_neither_passed_nor_failed(changes: dict, state: str) -> None:
    assert Explained(replace(HOLE, **changes)).state == state


def test_it_comes_back_from_disk_as_it_was() -> None:
    told = Explained(
        HOLE, owner="the team", value=0.0, low=0.95, rows=("17:00",), suite={"severity": "critical"}
    )
    assert Explained.from_dict(json.loads(json.dumps(told.as_dict()))) == told


def test_its_place_in_the_page_is_source_and_name() -> None:
    assert Explained(HOLE).anchor == "exposures.exposures_per_hour"
