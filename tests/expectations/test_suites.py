"""The suites as reviewed files: each expectation has an owner, a severity, a spoilt day and its row in the README."""

import json
import re
from pathlib import Path

import pytest

from .landed import SUITES

SPOILT = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("test_spoilt_*.py"))]
ROW = re.compile(r"^\| `(\w+)` \| (critical|warning) \| (.{20,}) \|$", re.MULTILINE)
README = (SUITES / "README.md").read_text(encoding="utf-8")


def suites() -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SUITES.glob("*.json"))}


EXPECTATIONS = [
    pytest.param(source, expectation, id=expectation["meta"]["name"])
    for source, suite in suites().items()
    for expectation in suite["expectations"]
]


def section(source: str) -> str:
    """What the README says of a source."""
    return README.split(f"### `{source}.json`", 1)[1].split("\n##", 1)[0]


@pytest.mark.parametrize(("source", "expectation"), EXPECTATIONS)
def test_each_expectation_has_its_row_in_the_readme(source: str, expectation: dict) -> None:
    rows = {name: severity for name, severity, _ in ROW.findall(section(source))}
    assert rows.get(expectation["meta"]["name"]) == expectation["severity"]


@pytest.mark.parametrize(("source", "expectation"), EXPECTATIONS)
def test_each_expectation_has_a_day_that_was_spoilt_for_it(source: str, expectation: dict) -> None:
    name = f'"{expectation["meta"]["name"]}"'
    assert any(name in text for text in SPOILT), "no test_spoilt_*.py names it"


@pytest.mark.parametrize("source", suites())
def test_each_suite_has_an_owner_whom_the_readme_names(source: str) -> None:
    owner = suites()[source]["meta"]["owner"]
    assert f"Owner: {owner}" in section(source)


def test_the_readme_has_no_row_of_a_check_that_is_gone() -> None:
    names = {param.values[1]["meta"]["name"] for param in EXPECTATIONS}
    assert {name for name, _, _ in ROW.findall(README)} == names
