"""The version of what judges: another wording of a verdict is another version, another label on a page is none."""

import copy
from typing import Any

import pytest

from pacer_pipelines.decisions.catalogue import catalogue
from pacer_pipelines.orchestration import verdict_day


@pytest.mark.parametrize(
    ("table", "key", "changes"),
    [("rule", "last_look", True), ("unit", "points", True), ("slack", "details", False)],
)
def test_the_wording_of_a_verdict_is_part_of_its_version(
    table: str, key: str, changes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = verdict_day.code_version()
    words: dict[str, Any] = copy.deepcopy(catalogue("en"))
    words[table][key] += " indeed"
    monkeypatch.setattr(verdict_day, "catalogue", lambda _: words)
    assert (verdict_day.code_version() != before) == changes
