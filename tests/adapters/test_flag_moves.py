"""A new share moves the treatment's edge and nobody else: for every bucket, segment, flag and byte of the file."""

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacer_pipelines.adapters.flags import FlagState, KnownUnit, apply_share, treatment_share
from pacer_pipelines.adapters.flags.core import Core
from pacer_pipelines.adapters.flags.moves import check_move
from pacer_pipelines.adapters.flags.regions import BUCKETS, regions, served_by_bucket
from pacer_pipelines.adapters.flags.schema import check_schema
from pacer_pipelines.adapters.flags.text import rewritten
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.plan_parts import Rollout

ROOT = Path(__file__).parents[2]
V2 = (ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json").read_text(encoding="utf-8")
BUCKET = {"var": "bucket"}
EDGES = st.sampled_from([0, 1, 999, 1000, 2999, 3000, 3001, 5000, 9999, BUCKETS])
LIMITS = EDGES | st.integers(0, BUCKETS)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_rules(*rules: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(V2)
    document["flags"]["judge-model"]["targeting"] = {"if": list(rules)}
    document["flags"]["judge-model"]["variants"]["C"] = {"version": "v3.0", "model": "pacer-llm:v3.0"}
    return document


def at_limit(limit: int) -> dict[str, Any]:
    return with_rules({"==": [{"var": "school"}, "holdout-school"]}, "A", {"<": [BUCKET, limit]}, "B", "A")


def apply(path: Path, share: float, variant: str = "B", known: list[KnownUnit] | None = None) -> FlagState:
    version = json.loads(path.read_text())["metadata"]["version"]
    return apply_share(
        path, path.parent / "history", flag_key="judge-model", treatment_variant=variant,
        expected_version=str(version), new_share=share, at=datetime(2026, 11, 15), who="t", why="t", known=known or [],
    )  # fmt: skip


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "pacer.flagd.json"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


@given(low=LIMITS, step=st.sampled_from([1.0, *Rollout().steps]) | st.integers(1, 100).map(float))
@QUICK
def test_every_step_up_from_anywhere_takes_b_from_nobody(low: int, step: float) -> None:
    high = max(low, round(step * BUCKETS / 100))
    before, after = (regions(at_limit(limit)["flags"]["judge-model"]["targeting"]) for limit in (low, high))
    for bucket in range(BUCKETS):
        was, now = served_by_bucket(before, bucket), served_by_bucket(after, bucket)
        assert was == now or (was, now) == (None, "B")


@given(low=LIMITS, high=LIMITS, sample=st.lists(st.integers(0, BUCKETS - 1), min_size=20, max_size=20))
@QUICK
def test_flagds_core_agrees_that_units_move_one_way_only(low: int, high: int, sample: list[int]) -> None:
    old, new = at_limit(low), at_limit(high)
    check_move(old, new, "judge-model", "B")
    before, after = Core(old), Core(new)
    for bucket in [*sample, max(low - 1, 0), min(high, BUCKETS - 1)]:
        moved = {
            before.variant("judge-model", {"bucket": bucket}),
            after.variant("judge-model", {"bucket": bucket}),
        }
        assert len(moved) == 1 or (min(low, high) <= bucket < max(low, high))
        fixed = {"bucket": bucket, "school": "holdout-school"}
        assert after.variant("judge-model", fixed) == before.variant("judge-model", fixed) == "A"


OTHER_FLAGS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["ENABLED", "DISABLED"]),
        "variants": st.just({"on": True, "off": False}),
        "defaultVariant": st.sampled_from(["on", "off"]),
    },
    optional={
        "targeting": st.just({"fractional": [["on", 1], ["off", 99]]}),
        "metadata": st.dictionaries(
            st.text(min_size=1, max_size=8), st.text(max_size=8) | st.integers(), max_size=3
        ),
    },
)
PINNED = st.lists(
    st.sampled_from(["pilot-1", "파일럿", 'quote " and \\ slash', "comma, {brace}", "3000"]),
    min_size=1,
    max_size=3,
)


@given(
    others=st.dictionaries(st.text(min_size=1, max_size=12), OTHER_FLAGS, max_size=3),
    schools=PINNED, metadata=st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3),
    indent=st.sampled_from([None, 0, 1, 4, "\t"]), plain=st.booleans(), new=LIMITS,
    ends=st.sampled_from(["", "\n", "\r\n"]),
)  # fmt: skip
@QUICK
def test_no_byte_changes_but_those_of_threshold_and_version(
    tmp_path_factory: pytest.TempPathFactory, others: Any, schools: Any, metadata: Any, indent: Any, plain: bool,
    new: int, ends: str,
) -> None:  # fmt: skip
    threshold, version = 31_415_926, "version-before"
    document = with_rules({"in": [{"var": "school"}, schools]}, "A", {"<": [BUCKET, threshold]}, "B", "A")
    document["flags"] = {**others, **document["flags"]}
    document["metadata"] = {**metadata, **document["metadata"], "version": version}
    text = json.dumps(document, indent=indent, ensure_ascii=plain) + ends
    before = text.replace(str(threshold), "3000").replace(version, "2")
    after = text.replace(str(threshold), str(new)).replace(version, "3" if new != 3000 else "2")
    path = tmp_path_factory.mktemp("flags") / "pacer.flagd.json"
    path.write_bytes(before.encode())
    apply(path, new * 100 / BUCKETS)
    assert path.read_bytes() == after.encode()


def test_key_that_stands_twice_still_gets_the_right_content() -> None:
    text = '{"flags": {"a": {"n": 1}, "a": {"n": 2}}, "n": [1, 2]}'
    new = {"flags": {"a": {"n": 3}}, "n": [1, 2]}
    assert json.loads(rewritten(text, json.loads(text), new)) == new
    gone = {"flags": {"a": {}}, "n": [1, 2, 3]}
    assert json.loads(rewritten(text, json.loads(text), gone)) == gone


UP_AND_DOWN = ({"<": [BUCKET, 2000]}, "B", {">=": [BUCKET, 7500]}, "C", "A")
FIXED_LOW = ({"<": [BUCKET, 2000]}, "B", {"and": [{">=": [BUCKET, 5000]}, {"<": [BUCKET, 7500]}]}, "C", "A")


@pytest.mark.parametrize("rules", [UP_AND_DOWN, FIXED_LOW], ids=["grows down", "fixed lower end"])
def test_each_of_two_treatments_has_its_own_region(tmp_path: Path, rules: Any) -> None:
    document = with_rules(*rules)
    assert [treatment_share(document, "judge-model", name) for name in "BC"] == [20.0, 25.0]
    raised = apply(written(tmp_path, document), 30.0, "C").raw
    assert [treatment_share(raised, "judge-model", name) for name in "BC"] == [20.0, 30.0]
    cut = apply(tmp_path / "pacer.flagd.json", 0.0, "B").raw
    assert [treatment_share(cut, "judge-model", name) for name in "BC"] == [0.0, 30.0]


def test_treatment_cannot_take_units_of_another(tmp_path: Path) -> None:
    path = written(tmp_path, with_rules(*UP_AND_DOWN))
    with pytest.raises(FlagRefused, match="no room: C has 25 %"):
        apply(path, 80.0)
    assert apply(path, 75.0).share == 75.0
    with pytest.raises(FlagRefused, match="no room: C has 25 %"):
        apply(path, 100.0)
    apply(path, 0.0, "C")
    assert apply(path, 100.0).share == 100.0


def test_region_with_a_fixed_lower_end_cannot_outgrow_the_buckets(tmp_path: Path) -> None:
    with pytest.raises(FlagRefused, match="no room: got buckets 5000 to 11000 for 'C'"):
        apply(written(tmp_path, with_rules(*FIXED_LOW)), 60.0, "C")


def test_share_is_what_earlier_rules_leave(tmp_path: Path) -> None:
    document = with_rules(
        {"<": [BUCKET, 3000]}, "B", {"and": [{">=": [BUCKET, 2000]}, {"<": [BUCKET, 4500]}]}, "C", "A"
    )
    assert [treatment_share(document, "judge-model", name) for name in "BC"] == [30.0, 15.0]
    with pytest.raises(FlagRefused, match="no room"):
        apply(written(tmp_path, document), 30.0, "C")
    # to cut B alone would hand its buckets to C, so everybody goes to control
    assert "from 'B' to 'C'" in apply(tmp_path / "pacer.flagd.json", 0.0, "B").note


HOLDOUT = {"==": [{"var": "school"}, "holdout-school"]}
MOVES = [
    (at_limit(3000), with_rules(HOLDOUT, "A", {">=": [BUCKET, 5000]}, "B", "A"), ""),
    (with_rules(*UP_AND_DOWN), with_rules({"<": [BUCKET, 4000]}, "B", {">=": [BUCKET, 8000]}, "C", "A"), "'C' to 'A'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), MOVES, ids=["B moved to other units", "C lost units"])
def test_move_that_changes_somebody_else_is_refused(old: Any, new: Any, says: str) -> None:
    with pytest.raises(FlagRefused, match=r"the unit .* would go from .*" + says):
        check_move(old, new, "judge-model", "B")


def test_change_outside_the_flag_is_refused() -> None:
    old = at_limit(3000)
    new = copy.deepcopy(old)
    new["flags"]["other"] = {}
    with pytest.raises(FlagRefused, match="outside this flag"):
        check_move(old, new, "judge-model", "B")


SCHOOLS = [{"school": f"school-{number % 12}", "grade": number % 6} for number in range(300)]
KNOWN = [KnownUnit(number * 33 % BUCKETS, attributes) for number, attributes in enumerate(SCHOOLS)]


def test_known_units_that_follow_their_bucket_let_the_raise_through(tmp_path: Path) -> None:
    left_out = [KnownUnit(unit.bucket, {"school": "holdout-school"}) for unit in KNOWN[:20]]
    assert apply(written(tmp_path, at_limit(3000)), 50.0, known=[*KNOWN, *left_out]).share == 50.0


def test_known_unit_that_is_served_against_its_bucket_refuses_the_raise(tmp_path: Path) -> None:
    # no constant is compared for equality, so only a unit that was really there shows it
    odd = {">=": [{"var": "grade"}, 6]}
    document = with_rules({"and": [odd, {"<": [BUCKET, 100]}]}, "A", {"<": [BUCKET, 3000]}, "B", "A")
    assert apply(written(tmp_path, document), 40.0).share == 40.0
    with pytest.raises(FlagRefused, match=r"'grade': 6.*allowed: 'B' exactly below 5000"):
        apply(tmp_path / "pacer.flagd.json", 50.0, known=[KnownUnit(50, {"grade": 6})])


def broken(*place_and_value: Any) -> dict[str, Any]:
    *place, value = place_and_value
    document = at_limit(3000)
    at = document
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return document


FLAG = ("flags", "judge-model")
SCHEMA = [
    (broken(*FLAG, "state", "ON"), 'schema: flags.judge-model.state: got "ON", allowed: ENABLED, DISABLED'),
    (broken(*FLAG, "variants", {"A": "x", "B": 1}), "schema: flags.judge-model.variants: got .*, allowed: two or more"),
    (broken(*FLAG, "variants", {"B": "x"}), "allowed: two or more variants"),
    (broken(*FLAG, "targeting", {"if": ["A"]}), "schema: flags.judge-model.targeting.if: got .*, allowed: condition"),
    (broken(*FLAG, "targeting", {"if": [1, 2, 3], "<": []}), "allowed: no rule, or one with a single operator"),
    (broken(*FLAG, "description", "x"), r"schema: flags.judge-model: Additional properties .*'description'"),
    (broken(*FLAG, "metadata", {"owner": None}), "metadata.owner: got null, allowed: a text, a number"),
    (broken("metadata", {}), "schema: metadata: 'version' is a required property"),
    (broken("metadata", "version", 1.5), "schema: metadata.version: got 1.5, allowed: a text such as '7'"),
    (broken("flags", "other", 3), "schema: flags.other: got 3, allowed: an object"),
    (broken("flags", {}), "schema: flags: 'judge-model' is a required property"),
    ([], r"schema: the file: got \[\], allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "says"), SCHEMA)
def test_schema_says_in_one_line_what_is_wrong(document: Any, says: str) -> None:
    with pytest.raises(FlagRefused, match=says) as refused:
        check_schema(document, "judge-model")
    assert "\n" not in str(refused.value)


def test_schema_leaves_other_flags_and_unknown_keys_alone() -> None:
    document = at_limit(3000)
    document |= {"owner": "us", "$evaluators": {"x": True}}
    document["metadata"]["team"] = "다른 팀"
    document["flags"]["other"] = {"state": "whatever", "anything": [1, None]}
    check_schema(document, "judge-model")


def test_flag_with_a_key_that_stops_servers_is_mended_by_a_cut(tmp_path: Path) -> None:
    path = written(tmp_path, broken(*FLAG, "description", "the Python provider refuses this key"))
    with pytest.raises(FlagRefused, match="description"):
        apply(path, 50.0)
    assert "targeting emptied" in apply(path, 0.0).note
