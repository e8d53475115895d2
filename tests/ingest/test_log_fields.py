"""Fields that no parser knows: kept without content; a renamed one is guessed."""

import json
from zoneinfo import ZoneInfo

import pytest
from ingest.test_parse_exposures import GOOD, line, parse

from pacer_pipelines.ingest.card_reviews import parse_card_reviews
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin

KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
ORIGIN = Origin("some.file", KEYS, ZoneInfo("Asia/Seoul"))


def unknown(**fields: object) -> dict[str, dict[str, object]]:
    (row,) = parse(line(**fields)).rows
    return dict(json.loads(row["unknown_fields"]))


def test_a_line_of_known_fields_quarantines_nothing():
    assert parse(line()).rows[0]["unknown_fields"] is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("김민수", {"type": "text", "length": 3}),
        (1012345678, {"type": "number", "length": 10}),
        (0.5, {"type": "number", "length": 3}),
        (["a", "b"], {"type": "array", "length": 2}),
        ({"a": 1}, {"type": "object", "length": 1}),
    ],
)
def test_of_a_value_type_length_and_keyed_hash_are_kept(value, kept):
    found = unknown(meta__room=value)["meta.room"]
    assert {name: found[name] for name in ("type", "length")} == kept
    assert found["hash"] == KEYS.content(json.dumps(value))
    assert found["hash"] != Pseudonyms(b"another key of at least 16 bytes").content(json.dumps(value))


def test_truth_values_and_nulls_are_kept_as_they_are():
    assert unknown(cached=True, retried=None) == {
        "cached": {"type": "boolean", "value": True}, "retried": {"type": "null"},
    }  # fmt: skip


def test_fields_of_all_namespaces_and_inside_attrs_are_found():
    attrs = {**GOOD["attrs"], "room": "3b"}
    found = unknown(attrs=attrs, **dict.fromkeys(("meta__x", "feature_flag__x", "gen_ai__x", "x"), "x"))
    assert sorted(found) == ["attrs.room", "feature_flag.x", "gen_ai.x", "meta.x", "x"]


@pytest.mark.parametrize(
    "name", ["김민수", "stu0182", "010-1234-5678", "a b", "x" * 65, "", "\ud800", "김.room"]
)
def test_a_name_that_looks_like_no_field_is_hashed(name):
    (shown,) = unknown(**{name: 1})
    assert shown == KEYS.content(json.dumps(name))


def test_of_many_unknown_fields_twenty_are_kept_and_the_rest_counted():
    found = unknown(**{f"new_{letter}": 1 for letter in "abcdefghijklmnopqrstuvwxy"})
    assert (len(found), found[""]) == (21, 5)


def test_nothing_of_a_value_survives():
    landed = repr(parse(line(note="call 010-1234-5678", who={"name": "Kim"}, attrs={"nick": "Minsu"})).rows)
    assert not [word for word in ("010", "Kim", "Minsu") if word in landed]


@pytest.mark.parametrize(
    ("missing", "now", "suggested"),
    [
        ("unit_id", "unitId", "unitId"),
        ("unit_id", "student", "student"),
        ("exposure_id", "exposureId", "exposureId"),
        ("meta.experiment_id", "experiment_id", "experiment_id"),
        ("feature_flag.result.variant", "feature_flag.variant", "feature_flag.variant"),
    ],
)
def test_a_field_that_is_missing_where_a_new_one_came_was_probably_renamed(missing, now, suggested):
    record = {now if name == missing else name: value for name, value in GOOD.items()}
    (reject,) = parse(json.dumps(record).encode(), b"").rejects
    assert reject.detail == f"{missing}: allowed text; is it called {suggested} now?"
    assert str(reject.day) == "2026-11-03"


def test_nothing_is_suggested_where_several_unlike_fields_are_new_or_the_new_one_is_a_name():
    record = {name: value for name, value in GOOD.items() if name != "unit_id"}
    for new in ({"room": 1, "seat": 2}, {"김민수": 1}, {}):
        (reject,) = parse(json.dumps(record | new).encode(), b"").rejects
        assert reject.detail == "unit_id: allowed text"


def test_feedback_and_card_reviews_quarantine_too():
    (rating,) = parse_feedback(
        [b'{"ts": "2026-11-03T00:13:57Z", "log_id": 914, "feedback": "GOOD", "x": true}'], ORIGIN
    ).rows
    (review,) = parse_card_reviews([b'{"ts": "2026-11-03T00:13:57Z", "card_id": 1, "x": true}'], ORIGIN).rows
    assert rating["unknown_fields"] == review["unknown_fields"] == '{"x":{"type":"boolean","value":true}}'
