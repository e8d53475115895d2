"""The door to the flag file changes the share and nothing else, or refuses and changes nothing."""

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.flags import FlagState, apply_share, history_shares, read_flag, treatment_share
from pacer_pipelines.errors import FlagRefused

ROOT = Path(__file__).parents[2]
VERSIONS = ROOT / "examples" / "pacer_fortnight" / "flags"


@pytest.fixture
def document() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((VERSIONS / "v2.json").read_text())
    return content


@pytest.fixture
def live(tmp_path: Path, document: dict[str, Any]) -> Path:
    return written(tmp_path / "pacer.flagd.json", document)


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document, indent=1))
    return path


def apply(path: Path, share: float, version: str = "2") -> FlagState:
    return apply_share(
        path,
        path.parent / "history",
        flag_key="judge-model",
        treatment_variant="B",
        expected_version=version,
        new_share=share,
        at=datetime(2026, 11, 15, 20),
        who="pacer run",
        why="verdict 0123456789abcdef",
    )


def rule_of(document: dict[str, Any]) -> list[Any]:
    rule: list[Any] = document["flags"]["judge-model"]["targeting"]["if"]
    return rule


def test_real_flag_files_give_the_shares_of_the_fortnight() -> None:
    # examples/pacer_fortnight/truth.json: "split": "0:0.1,5:0.3"
    assert history_shares([VERSIONS], "judge-model", "B") == {"1": 10.0, "2": 30.0}


def test_flag_file_that_ships_is_the_latest_of_the_fortnight() -> None:
    state = read_flag(ROOT / "flags" / "pacer.flagd.json", "judge-model", "B")
    assert (state.version, state.share, state.state) == ("2", 30.0, "ENABLED")


def test_share_and_version_change_and_nothing_else(live: Path, document: dict[str, Any]) -> None:
    state = apply(live, 50.0)
    expected = copy.deepcopy(document)
    rule_of(expected)[2]["<"][1] = 5000
    expected["metadata"]["version"] = "3"
    assert json.loads(live.read_text()) == expected == state.raw
    assert (state.version, state.share) == ("3", 50.0)


def test_other_flags_and_hand_written_rules_survive(live: Path, document: dict[str, Any]) -> None:
    other = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": {"fractional": [["on", 1], ["off", 99]]},
        "metadata": {"owner": "다른 팀"},
    }
    document["flags"]["another-flag"] = other
    pilot = [{"in": [{"var": "school"}, ["pilot-1", "pilot-2"]]}, "B"]
    rule_of(document)[2:2] = pilot
    state = apply(written(live, document), 50.0)
    assert state.raw["flags"]["another-flag"] == other
    assert rule_of(state.raw)[2:4] == pilot
    assert treatment_share(state.raw, "judge-model", "B") == 50.0


def test_rule_nested_in_a_rule_is_found(live: Path, document: dict[str, Any]) -> None:
    document["flags"]["judge-model"]["targeting"] = {
        "if": [
            {"==": [{"var": "school"}, "holdout-school"]},
            "A",
            {
                "if": [
                    {"==": [{"var": "grade"}, 7]},
                    "A",
                    {"if": [{"<": [{"var": "bucket"}, 3000]}, "B", "A"]},
                ]
            },
        ]
    }
    assert apply(written(live, document), 0.0).share == 0.0
    assert read_flag(live, "judge-model", "B").share == 0.0


@pytest.mark.parametrize("share", [0.0, 0.01, 33.33, 100.0])
def test_share_that_is_written_is_the_share_that_is_read(live: Path, share: float) -> None:
    apply(live, share)
    assert read_flag(live, "judge-model", "B").share == pytest.approx(share, abs=1e-12)


def test_same_share_writes_nothing(live: Path) -> None:
    before = (live.read_bytes(), live.stat().st_mtime_ns)
    state = apply(live, 30.0)
    assert (live.read_bytes(), live.stat().st_mtime_ns) == before
    assert state.version == "2"
    assert not (live.parent / "history" / "log.jsonl").exists()


def test_changed_version_is_refused(live: Path) -> None:
    before = live.read_bytes()
    with pytest.raises(FlagRefused, match="got version 2, allowed: 1"):
        apply(live, 50.0, version="1")
    assert live.read_bytes() == before


def test_version_before_is_kept_byte_for_byte_and_the_log_says_who(live: Path) -> None:
    before = live.read_bytes()
    apply(live, 50.0)
    apply(live, 0.0, version="3")
    history = live.parent / "history"
    assert (history / "v2.json").read_bytes() == before
    assert history_shares([history], "judge-model", "B", live) == {"2": 30.0, "3": 50.0, "4": 0.0}
    log = [json.loads(line) for line in (history / "log.jsonl").read_text().splitlines()]
    assert [(row["from"], row["to"], row["share"], row["who"]) for row in log] == [
        ("2", "3", 50.0, "pacer run"),
        ("3", "4", 0.0, "pacer run"),
    ]
    assert log[0]["why"] == "verdict 0123456789abcdef"


def test_version_that_was_used_before_is_never_used_again(live: Path, document: dict[str, Any]) -> None:
    apply(live, 50.0)
    written(live, document)
    written(live.parent / "history" / "v3.json", {**document, "metadata": {"version": "3"}})
    assert apply(live, 10.0).version == "4"


def test_file_becomes_newer_even_when_the_clock_went_back(live: Path) -> None:
    import os

    future = live.stat().st_mtime_ns + 3_600 * 10**9
    os.utime(live, ns=(future, future))
    apply(live, 50.0)
    assert live.stat().st_mtime_ns > future


def test_no_temporary_file_is_left(live: Path) -> None:
    apply(live, 50.0)
    assert sorted(path.name for path in live.parent.iterdir()) == ["history", "pacer.flagd.json"]


@pytest.mark.parametrize("share", [-1.0, 100.5, 33.333, float("nan")])
def test_impossible_share_is_refused(live: Path, share: float) -> None:
    with pytest.raises(FlagRefused, match="allowed: 0 to 100 percent"):
        apply(live, share)


def typo_in_variant(document: dict[str, Any]) -> None:
    rule_of(document)[1] = "a"


def typo_in_operator(document: dict[str, Any]) -> None:
    rule_of(document)[0] = {"equals": [{"var": "school"}, "holdout-school"]}


def float_threshold(document: dict[str, Any]) -> None:
    rule_of(document)[2]["<"][1] = 3000.5


def threshold_out_of_range(document: dict[str, Any]) -> None:
    rule_of(document)[2]["<"][1] = 30_000


def float_weights(document: dict[str, Any]) -> None:
    rule_of(document)[1] = {"fractional": [["A", 0.5], ["B", 0.5]]}


def two_rules(document: dict[str, Any]) -> None:
    rule_of(document)[4:4] = [{"<": [{"var": "bucket"}, 9000]}, "B"]


def no_default(document: dict[str, Any]) -> None:
    document["flags"]["judge-model"]["defaultVariant"] = "C"


def everybody_else_on_treatment(document: dict[str, Any]) -> None:
    rule_of(document)[-1] = "B"


def key_that_python_refuses(document: dict[str, Any]) -> None:
    document["flags"]["judge-model"]["description"] = "not known to the Python provider"


SPOILERS = [
    typo_in_variant,
    typo_in_operator,
    float_threshold,
    threshold_out_of_range,
    float_weights,
    two_rules,
    no_default,
    everybody_else_on_treatment,
]


@pytest.mark.parametrize("spoil", [*SPOILERS, key_that_python_refuses], ids=lambda spoil: spoil.__name__)
def test_document_that_serves_something_else_is_never_given_more_traffic(
    live: Path, document: dict[str, Any], spoil: Any
) -> None:
    spoil(document)
    before = written(live, document).read_bytes()
    with pytest.raises(FlagRefused, match="judge-model"):
        apply(live, 50.0)
    assert live.read_bytes() == before


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_rollback_works_on_a_document_that_is_not_understood(
    live: Path, document: dict[str, Any], spoil: Any
) -> None:
    spoil(document)
    if spoil is no_default:
        document["flags"]["judge-model"]["defaultVariant"] = "B"
        document["flags"]["judge-model"]["targeting"] = {}
    state = apply(written(live, document), 0.0)
    served = json.loads(live.read_text())["flags"]["judge-model"]
    assert (served["targeting"], served["defaultVariant"]) == ({}, "A")
    assert "emptied for the rollback" in state.note
    assert read_flag(live, "judge-model", "B").share == 0.0


def test_disabled_flag_serves_no_treatment_and_is_not_switched_on(
    live: Path, document: dict[str, Any]
) -> None:
    document["flags"]["judge-model"]["state"] = "DISABLED"
    before = written(live, document).read_bytes()
    assert read_flag(live, "judge-model", "B").share == 0.0
    assert apply(live, 0.0).share == 0.0
    with pytest.raises(FlagRefused, match="DISABLED"):
        apply(live, 50.0)
    assert live.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"flags": {}}', '{"flags": 3}'])
def test_broken_file_is_refused_with_its_name_or_flag(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pacer.flagd.json"
    path.write_text(content)
    with pytest.raises(FlagRefused, match=r"pacer\.flagd\.json|judge-model"):
        read_flag(path, "judge-model", "B")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlagRefused, match="gone"):
        read_flag(tmp_path / "gone.json", "judge-model", "B")


def test_history_leaves_out_what_it_cannot_read_and_says_so(
    live: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (live.parent / "v0.json").write_text("{")
    assert history_shares([live.parent], "judge-model", "B") == {"2": 30.0}
    assert "v0.json left out" in caplog.text


def test_version_with_two_shares_has_no_known_share(live: Path, document: dict[str, Any]) -> None:
    rule_of(document)[2]["<"][1] = 100
    written(live.parent / "v2.json", document)
    assert history_shares([live.parent], "judge-model", "B") == {}


def test_two_folders_that_contradict_each_other_leave_the_version_unknown(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    text = (VERSIONS / "v2.json").read_text(encoding="utf-8")
    (other / "v2.json").write_text(text.replace("3000", "4000"), encoding="utf-8")
    assert history_shares([VERSIONS, other], "judge-model", "B") == {"1": 10.0}


def test_a_segment_pinned_to_b_does_not_survive_a_rollback(live: Path, document: dict[str, Any]) -> None:
    rule_of(document)[0:0] = [{"==": [{"var": "school"}, "beta-testers"]}, "B"]
    written(live, document)
    apply(live, 0.0)
    assert json.loads(live.read_text())["flags"]["judge-model"]["targeting"] == {}
    assert read_flag(live, "judge-model", "B").share == 0.0


def with_team(document: dict[str, Any]) -> dict[str, Any]:
    """Two people are served B by name; the split stays as it is."""
    flag = document["flags"]["judge-model"]
    flag["variants"]["B@team"] = flag["variants"]["B"]
    rule_of(document)[0:0] = [{"in": [{"var": "targetingKey"}, ["ann", "bob"]]}, "B@team"]
    return document


def test_an_allow_list_is_no_part_of_the_share_and_stays_when_the_share_moves(
    live: Path, document: Any
) -> None:
    written(live, with_team(document))
    assert read_flag(live, "judge-model", "B").share == 30.0
    apply(live, 50.0)
    assert rule_of(json.loads(live.read_text()))[1] == "B@team"


def test_an_allow_list_may_be_served_before_the_first_step(live: Path, document: Any) -> None:
    rule_of(document)[2]["<"][1] = 0
    written(live, with_team(document))
    assert read_flag(live, "judge-model", "B").share == 0.0
    assert apply(live, 10.0).share == 10.0


def test_an_allow_list_does_not_survive_a_rollback(live: Path, document: Any) -> None:
    written(live, with_team(document))
    state = apply(live, 0.0)
    assert "a rollback spares nobody" in state.note
    after = json.loads(live.read_text())["flags"]["judge-model"]
    assert (after["targeting"], after["defaultVariant"]) == ({}, "A")


def test_a_rule_that_asks_for_what_servers_never_offer_gets_no_traffic(live: Path, document: Any) -> None:
    rule_of(document)[0] = {"==": [{"var": "skool"}, "holdout-school"]}
    written(live, document)
    with pytest.raises(FlagRefused, match="got attribute 'skool', allowed: bucket, school, grade, coach"):
        apply(live, 50.0)


def test_a_segment_that_is_served_something_else_than_its_variant_is_refused(
    live: Path, document: Any
) -> None:
    with_team(document)["flags"]["judge-model"]["variants"]["B@team"] = {"version": "v9", "model": "other"}
    written(live, document)
    with pytest.raises(FlagRefused, match="'B@team' unlike 'B'"):
        apply(live, 50.0)
