"""Which bucket each known version of the flag file gives to which variant."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.flags.history_regions import history_regions, served_regions

VERSIONS = Path(__file__).parents[2] / "examples" / "pacer_fortnight" / "flags"
WHOLE = [("A", 0, 10_000)]


@pytest.fixture
def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((VERSIONS / "v2.json").read_text(encoding="utf-8"))
    return content


def flag(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["flags"]["judge-model"]
    return found


def served(document: dict[str, Any], treatment: str = "B") -> list[tuple[str, int, int]]:
    return [tuple(region) for region in served_regions(document, "judge-model", "A", treatment)]


def below(limit: int) -> dict[str, Any]:
    return {"<": [{"var": "bucket"}, limit]}


def test_real_flag_files_serve_what_the_fortnight_was_served() -> None:
    found = history_regions([VERSIONS], "judge-model", "A", "B")
    # examples/pacer_fortnight/truth.json: "split": "0:0.1,5:0.3"
    assert found == {
        "1": (("B", 0, 1000), ("A", 1000, 10_000)),
        "2": (("B", 0, 3000), ("A", 3000, 10_000)),
    }


def test_a_disabled_flag_is_all_control(document: dict[str, Any]) -> None:
    flag(document)["state"] = "DISABLED"
    assert served(document) == WHOLE


def test_without_rules_everybody_is_served_the_default(document: dict[str, Any]) -> None:
    flag(document)["targeting"] = {}
    assert served(document) == WHOLE
    flag(document)["defaultVariant"] = "B"
    assert served(document) == [("B", 0, 10_000)]


def test_no_traffic_is_one_region_of_control(document: dict[str, Any]) -> None:
    flag(document)["targeting"] = {"if": [below(0), "B", "A"]}
    assert served(document) == WHOLE


def test_the_earlier_rule_wins_and_a_gap_is_controls(document: dict[str, Any]) -> None:
    middle = {"and": [{">=": [{"var": "bucket"}, 2000]}, below(5000)]}
    top = {">=": [{"var": "bucket"}, 9000]}
    flag(document)["variants"] |= {"C": {"version": "v3", "model": "m"}}
    flag(document)["targeting"] = {"if": [below(3000), "B", middle, "C", top, "C", "A"]}
    assert served(document) == [("B", 0, 3000), ("C", 3000, 5000), ("A", 5000, 9000), ("C", 9000, 10_000)]


def test_a_variant_is_named_as_the_log_names_it(document: dict[str, Any]) -> None:
    flag(document)["variants"] |= {"A@holdout": flag(document)["variants"]["A"]}
    flag(document)["targeting"] = {
        "if": [below(3000), "B", {">=": [{"var": "bucket"}, 9500]}, "A@holdout", "A"]
    }
    assert served(document) == [("B", 0, 3000), ("A", 3000, 10_000)]


def test_what_cannot_be_read_or_says_two_things_is_left_out(tmp_path: Path, document: dict[str, Any]) -> None:
    def keep(name: str, content: object) -> None:
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")

    keep("v2.json", document)
    keep("v2-again.json", document)
    other = copy.deepcopy(document)
    other["metadata"]["version"] = "3"
    keep("v3.json", other)
    edited = copy.deepcopy(other)
    flag(edited)["targeting"] = {"if": [below(10), "B", "A"]}
    keep("v3-edited.json", edited)
    fractional = copy.deepcopy(document)
    fractional["metadata"]["version"] = "4"
    flag(fractional)["targeting"] = {"fractional": [["A", 1], ["B", 1]]}
    keep("v4.json", fractional)
    (tmp_path / "v5.json").write_text("{", encoding="utf-8")
    live = tmp_path / "live" / "flag.json"
    live.parent.mkdir()
    document["metadata"]["version"] = "6"
    live.write_text(json.dumps(document), encoding="utf-8")
    assert sorted(history_regions([tmp_path, tmp_path / "nowhere"], "judge-model", "A", "B", live)) == [
        "2",
        "6",
    ]
