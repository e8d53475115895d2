"""Versions of a line: old ones are upgraded step by step, later ones are refused with what to do."""

import pytest
from ingest.test_parse_exposures import line, parse

from pacer_pipelines.ingest.log_versions import EXPOSURES, Versions, exposure_from_1
from pacer_pipelines.serving.exposure import SCHEMA_VERSION


def test_the_parser_reads_what_the_serving_client_writes():
    assert EXPOSURES.newest == SCHEMA_VERSION


def test_an_exposure_of_version_1_needs_nothing_made_up():
    assert exposure_from_1({"unit_id": "stu0182"}) == {"unit_id": "stu0182"}


def test_a_line_takes_every_step_from_its_own_version_on():
    log = Versions(3, {1: lambda line: {**line, "x": [1]}, 2: lambda line: {**line, "x": [*line["x"], 2]}})
    assert log.upgraded({"schema_version": 2, "x": []})["x"] == [2]
    assert log.upgraded({})["x"] == [1, 2]
    assert log.upgraded({"schema_version": 3, "x": []}) == {"schema_version": 3, "x": []}


def test_a_missing_step_cannot_be_registered():
    with pytest.raises(ValueError, match=r"steps: got \[2\], allowed one for each of 1..2"):
        Versions(3, {2: lambda line: line})


def test_a_row_keeps_the_version_that_its_line_said():
    rows = parse(line(), line(exposure_id="e2", schema_version=2)).rows
    assert [row["log_schema"] for row in rows] == [1, 2]


def test_a_later_version_is_refused_with_what_to_do():
    (reject,) = parse(line(schema_version=3), b"").rejects
    assert (reject.reason, reject.detail) == (
        "unknown schema version",
        "schema_version: got 3, allowed 1..2: upgrade the pipeline, and these lines land",
    )
