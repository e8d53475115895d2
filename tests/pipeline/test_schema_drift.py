"""The format of a log changes in the middle: the day holds and says which field, what came and where it began."""

import gzip
import json
from collections.abc import Callable
from datetime import date, time

import pytest

from pacer_pipelines.ingest.log_versions import EXPOSURES, Versions
from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.resources import WorldResource

from .worlds import World, failed_checks, local_time, log_sources

MONDAY = date(2026, 11, 2)
HALF_PAST_SEVEN = time(19, 30)


def drifted(lines: list[bytes]) -> list[bytes]:
    """On Monday evening a server with a new client starts: `unit_id` became `unitId`, and there is a `meta.region`."""
    changed = []
    for line in lines:
        at = local_time(line)
        if at.date() == MONDAY and at.time() >= HALF_PAST_SEVEN:
            record = json.loads(line)
            record["unitId"] = record.pop("unit_id")
            line = json.dumps(record).encode()
        elif at.date() == MONDAY:
            line = json.dumps({**json.loads(line), "meta.region": "seoul"}).encode()
        changed.append(line)
    return changed


def test_a_field_renamed_in_the_evening_holds_though_few_lines_are_concerned(
    new_world: Callable[..., World],
) -> None:
    world = new_world(sources=log_sources(exposures="exposures.jsonl.gz"))
    world.edit_lines("exposures.jsonl.gz", drifted)
    lines = gzip.decompress(world.exposure_log.read_bytes()).splitlines()
    concerned = [number for number, line in enumerate(lines, start=1) if b'"unitId"' in line]
    # counted in the raw log, so that nobody may call it a twentieth of the file
    assert 10 < len(concerned) < len(lines) * 0.05
    assert world.run(MONDAY).exit_code == 3
    checks = failed_checks(world.verdict(MONDAY))
    assert checks["refused_alike"]["detail"] == (
        f"exposures.jsonl.gz:{concerned[0]}: missing field: unit_id: allowed text; is it called unitId now? "
        f"({len(concerned)} lines refused alike)"
    )
    assert checks["unknown_fields"]["severity"] == "warning"
    assert checks["unknown_fields"]["detail"].startswith("meta.region (text) on ")


@pytest.fixture
def of_tomorrow(new_world: Callable[..., World]) -> WorldResource:
    """A log of which the last lines are of a later version."""
    world = new_world(sources={"exposures": "exposures.jsonl.gz"})
    world.edit_lines(
        "exposures.jsonl.gz",
        lambda lines: [
            json.dumps({**json.loads(line), "schema_version": 3 if place >= 90 else 2}).encode()
            for place, line in enumerate(lines[:100])
        ],
    )
    return WorldResource(config_file=str(world.config))


def test_lines_of_a_later_version_land_once_the_pipeline_knows_it(
    of_tomorrow: WorldResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        (receipt,) = ingestion.land_exposures(of_tomorrow).files
        assert (receipt.landed, receipt.reasons) == (90, {"unknown schema version": 10})
    monkeypatch.setattr(
        "pacer_pipelines.ingest.exposures.EXPOSURES", Versions(3, {**EXPOSURES.steps, 2: lambda line: line})
    )
    (receipt,) = ingestion.land_exposures(of_tomorrow).files
    assert (receipt.landed, receipt.reasons) == (100, {})
