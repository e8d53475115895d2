"""The same fortnight at random, in pieces, twice, three days of it late: the marts are the same bytes."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from pacer_pipelines.adapters.published import Published
from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.anki_uploads import land_anki
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.resources import WorldResource

from .worlds import DAYS, EXAMPLE, LAST, World, dated_copies, local_time, log_sources, rewrite_sources

# two whole fortnights more: make soak
pytestmark = pytest.mark.soak
NewWorld = Callable[..., World]
LOGS = {
    "exposures": "exposures.jsonl.gz",
    "feedback": "feedback_events.jsonl.gz",
    "card_reviews": "card_reviews.jsonl.gz",
}
FOLDERS = {name: name for name in LOGS}
MIDDLE, LATE_DAYS = DAYS[8], (DAYS[2], DAYS[5], DAYS[8])

Delivery = tuple[str, bytes]


def by_day(name: str) -> dict[date, bytes]:
    """The lines of one log of the example, as a file for each day on the clock of the coaches."""
    files: dict[date, list[bytes]] = {}
    for line in gzip.decompress((EXAMPLE / LOGS[name]).read_bytes()).splitlines(keepends=True):
        files.setdefault(local_time(line).date(), []).append(line)
    return {day: b"".join(lines) for day, lines in files.items()}


def empty_world(new_world: NewWorld, copies: list[dict[str, object]]) -> World:
    world = new_world(sources=log_sources(**FOLDERS, database=copies))
    for name in LOGS:
        (world.folder / name).mkdir()
    shutil.rmtree(world.folder / "anki")
    (world.folder / "anki").mkdir()
    return world


def published(world: World) -> dict[str, Any]:
    """Hash of each mart; of the account of rows what is not about the delivery itself: how often a row came."""
    marts = Published(world.home)
    account = marts.rows("row_fates_daily", "step <> 'repeated'")
    return {table: entry["sha256"] for table, entry in marts.manifest.items()} | {"row_fates_daily": account}


@pytest.fixture(scope="module")
def in_order(new_world: NewWorld) -> World:
    """Each day's files whole and once, before the only run."""
    world = empty_world(new_world, dated_copies())
    for name in LOGS:
        for day, content in by_day(name).items():
            (world.folder / name / f"{day}.jsonl").write_bytes(content)
    shutil.copytree(EXAMPLE / "anki", world.folder / "anki", dirs_exist_ok=True)
    assert world.run(LAST).exit_code == 0
    return world


@pytest.fixture(scope="module")
def disordered(new_world: NewWorld) -> World:
    """At random and in pieces; a run in the middle, then three late days, an older copy and everything once more."""
    rng = random.Random(20261127)
    copies = dated_copies()
    world = empty_world(new_world, copies[1:2])
    logs = {name: by_day(name) for name in LOGS}
    on_time = [(name, day) for name in LOGS for day in logs[name] if day <= MIDDLE and day not in LATE_DAYS]
    _deliver(world, [piece for name, day in on_time for piece in _pieces(name, day, logs[name][day])], rng)
    world.run(MIDDLE)
    rewrite_sources(world, log_sources(**FOLDERS, database=copies))
    rest = [(name, day) for name in LOGS for day in logs[name] if (name, day) not in on_time]
    _deliver(world, [piece for name, day in rest for piece in _pieces(name, day, logs[name][day])], rng)
    again = [
        (f"{name}/00-again/{day}.jsonl.gz", gzip.compress(content))
        for name in LOGS
        for day, content in logs[name].items()
    ]
    _deliver(world, again, rng)
    assert world.run(LAST).exit_code == 0
    return world


def _pieces(name: str, day: date, content: bytes) -> Iterator[Delivery]:
    """A file as it grows, cut in the middle of a line, and then a part of it under another name."""
    middle = len(content) // 2
    yield f"{name}/{day}.jsonl", content[:middle]
    yield f"{name}/{day}.jsonl", content
    lines = content.splitlines(keepends=True)
    yield f"{name}/part/{day}.jsonl", b"".join(lines[len(lines) // 3 :])


def _deliver(world: World, deliveries: list[Delivery], rng: random.Random) -> None:
    """Write the files in a random order, and land every now and then."""
    exports = sorted(path for path in (EXAMPLE / "anki").rglob("*") if path.is_file())
    order = deliveries + [
        (f"anki/{path.relative_to(EXAMPLE / 'anki')}", path.read_bytes()) for path in exports
    ]
    rng.shuffle(order)
    for number, (relative, content) in enumerate(order):
        path = world.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        # the whole file may come before its first half: that one is then an old copy, and is not written over it
        if not path.exists() or len(path.read_bytes()) < len(content):
            path.write_bytes(content)
        if number % 25 == 0:
            _land(world)


def _land(world: World) -> None:
    resource = WorldResource(config_file=str(world.config))
    for land in (ingestion.land_exposures, ingestion.land_feedback, ingestion.land_card_reviews):
        land(resource)
    land_anki(resource)
    land_database(resource)


def test_the_marts_are_the_same_bytes_however_the_fortnight_was_delivered(
    in_order: World, disordered: World
) -> None:
    assert published(disordered) == published(in_order)


def test_the_delivery_was_as_bad_as_it_was_meant_to_be(in_order: World, disordered: World) -> None:
    """Otherwise the test above says nothing."""

    def landed(world: World) -> int:
        return sum(entry["landed"] for entry in world.ledger("exposures"))

    assert landed(in_order) == 20052  # truth.json: judge
    assert landed(disordered) > 2 * landed(in_order)
    revised = json.loads((disordered.home / "state" / "built.json").read_text(encoding="utf-8"))
    assert revised["through"] == LAST.isoformat()


def test_the_verdict_of_the_last_day_is_the_same_but_for_its_past(in_order: World, disordered: World) -> None:
    one, other = in_order.verdict(LAST), disordered.verdict(LAST)
    assert (one["verdict"], one["rule"]) == (other["verdict"], other["rule"])
    assert one["findings"] == other["findings"]
