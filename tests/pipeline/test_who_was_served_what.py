"""A log of schema 2, from raw lines to a verdict: whom the flag did not split holds, and a new model begins anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.plan import load_plan
from pacer_pipelines.serving import bucket

from .worlds import FIRST, PLAN, World, local_time, make_world

SALT = load_plan(PLAN).bucket_salt
SECOND = date(2026, 11, 3)
DIGESTS = {"A": "sha256:a1", "B": "sha256:b1"}
MODELS = {"A": ("v1.0", "llama2:latest"), "B": ("v2.1", "pacer-llm:v2.1")}
# of the version 1 that served both days
SERVED_BELOW = 1000


def of_schema_2(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """The lines of two days as the new client would have written them: the salted bucket, and what it serves."""
    for raw in lines:
        line = json.loads(raw)
        if local_time(raw).date() > SECOND:
            continue
        number = bucket(line["unit_id"], SALT)
        out = line["attrs"]["school"] == "holdout-school"
        variant = "B" if number < SERVED_BELOW and not out else "A"
        line |= {"schema_version": 2, "bucket": number, "feature_flag.result.variant": variant}
        line |= dict(zip(("model_version", "served_model"), MODELS[variant], strict=True))
        yield line | {"model_digest": DIGESTS[variant] if line["log_id"] else None}


def spelt(lines: Iterable[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(line).encode() for line in lines]


@pytest.fixture
def world(environment: None, tmp_path: Path) -> World:
    return make_world(tmp_path / "world")


def checks(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in verdict["checks"]}


def test_a_server_with_another_salt_holds_until_its_lines_are_repaired(world: World) -> None:
    def spoil(lines: list[bytes]) -> list[bytes]:
        told = list(of_schema_2(lines))
        for line in told[:3]:
            # the number is a bucket, and not this unit's
            line["bucket"] = (line["bucket"] + 1) % 10_000
        return spelt(told)

    log = world.exposure_log.read_bytes()
    world.edit_lines("exposures.jsonl.gz", spoil)
    world.run(FIRST)
    held = world.verdict(FIRST)
    check = checks(held)["assignment_consistent"]
    assert (held["rule"], check["passed"], check["severity"]) == ("health", False, "critical")
    assert check["detail"].startswith("3 of ")
    world.exposure_log.write_bytes(log)
    world.edit_lines("exposures.jsonl.gz", lambda lines: spelt(of_schema_2(lines)))
    # a file whose old content is gone lands beside it; the lines that were wrong are taken away by hand
    for part in (world.home / "landing" / "exposures").glob("day=*/*.parquet"):
        part.unlink()
    for receipt in (world.home / "landing" / "_ledger" / "exposures").glob("*.json"):
        receipt.unlink()
    world.run(FIRST)
    again = world.verdict(FIRST)
    sound = checks(again)["assignment_consistent"]
    assert (sound["passed"], sound["observed"]) == (True, "0 on 2026-11-02, 0.00 % of all days")


def test_a_new_model_under_the_same_flag_version_is_told_and_its_days_count_anew(world: World) -> None:
    def deployed(lines: list[bytes]) -> list[bytes]:
        told = list(of_schema_2(lines))
        for line, raw in zip(told, lines, strict=False):
            if line["model_digest"] == DIGESTS["B"] and local_time(raw).date() == SECOND:
                line["model_digest"] = "sha256:b2"
        return spelt(told)

    world.edit_lines("exposures.jsonl.gz", lambda lines: deployed(sorted(lines, key=local_time)))
    world.run(FIRST)
    world.run(SECOND)
    found = world.verdict(SECOND)
    # the verdict is about the version of the flag, which approvals and the door are bound to
    assert (found["phase"], found["share_before"]) == ("1", 10)
    assert checks(found)["served_identity"]["observed"].endswith("1 change so far")
    assert checks(found)["served_identity"]["passed"]
    assert checks(found)["flag_versions_known"]["passed"]
    told = "day 1 of at least 7 at this share of traffic; what is served changed on 2026-11-03"
    assert (found["rule"], told in found["reasons"]) == ("waiting", True), found["reasons"]
    assert "good_rate_this_step" in {finding["metric"] for finding in found["findings"]}
