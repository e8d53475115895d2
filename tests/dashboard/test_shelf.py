"""What the dashboard reads of a world: the newest word of each day, also after it has looked before."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest
from pipeline.worlds import SLUG, World
from stored_days import verdict

from pacer_pipelines.adapters.published import MARTS, publish
from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.config import load_world
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.orchestration.shelf import WorldShelf


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """Judged on the first three days, with nothing published."""
    made = new_world()
    for day in (1, 2, 3):
        Verdicts(made.home).record(verdict(day), {"rows": {}})
    return made


def shelf_of(world: World) -> WorldShelf:
    return WorldShelf(load_world(world.config))


def publish_requests(world: World, requests: int) -> None:
    """Marts of which all are empty but for requests of the first day."""
    warehouse = Path(world.home) / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    # every column that a reader asks for, in every mart
    row = (
        "'exp-2026-11-judge' as experiment_id, date '2026-11-02' as metric_date, 'control' as variant, "
        f"'card_rate' as metric, {requests}::double as n, 0::double as y, '1' as phase, 'c' as coach_key, "
        "1 as exposures, 0 as forced, 0 as failures, 1 as units, 'APPROVE' as decision, 1 as requests, "
        "'s' as subject, timestamp '2026-11-02' as started_at, 1 as row_count, 1 as within_days, 1 as ratings, "
        "1 as cards, 0 as reviewed, 'school' as attribute, 'x' as value"
    )
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create schema marts")
        for table in MARTS:
            some = "" if table == "metric_sums_daily" else "limit 0"
            db.execute(f"create table marts.{table} as select {row} {some}")
    publish(warehouse, world.home)


def test_a_page_is_about_the_newest_day_and_what_was_before_it(world: World) -> None:
    seen = shelf_of(world).seen(SLUG)
    assert seen is not None
    assert [day.date.day for day in seen.verdicts] == [2, 3, 4]
    assert seen.latest == verdict(3)
    # all checks of the day; those of the days before it nobody asks for
    assert [len(day.checks) for day in seen.verdicts] == [0, 0, 1]
    assert [day.verdict_id for day in seen.verdicts] == [verdict(day).verdict_id for day in (1, 2, 3)]


def test_a_day_is_shown_as_if_nothing_had_come_later(world: World) -> None:
    shelf = shelf_of(world)
    seen = shelf.seen(SLUG, date(2026, 11, 3))
    assert seen is not None
    assert [day.date.day for day in seen.verdicts] == [2, 3]
    assert shelf.verdict(SLUG, date(2026, 11, 3)) == verdict(2)


@pytest.mark.parametrize(("slug", "day"), [(SLUG, date(2026, 11, 9)), ("nobody", None), ("../x", None)])
def test_what_was_not_judged_is_not_there(world: World, slug: str, day: date | None) -> None:
    shelf = shelf_of(world)
    assert shelf.seen(slug, day) is None
    assert shelf.verdict(slug, day) is None


def test_the_evidence_is_that_of_the_verdict_that_was_seen_even_if_the_day_was_judged_again(
    world: World,
) -> None:
    shelf = shelf_of(world)
    seen = shelf.verdict(SLUG, date(2026, 11, 3))
    Verdicts(world.home).record(verdict(2, verdict="rollback", rule="alarm"), {"rows": {}})
    assert seen is not None
    packed = shelf.bundle(seen, {"share": "day\n"})
    assert packed is not None
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert json.loads(archive.read("verdict.json"))["verdict_id"] == seen.verdict_id


def test_a_verdict_whose_evidence_was_not_kept_has_no_bundle(world: World) -> None:
    shelf = shelf_of(world)
    seen = shelf.verdict(SLUG)
    assert seen is not None
    for path in world.home.glob("verdicts/*/*/*.zst"):
        path.unlink()
    assert shelf.bundle(seen, {}) is None


def test_an_experiment_that_is_not_judged_yet_has_a_page_of_its_plan(new_world: Callable[..., World]) -> None:
    seen = shelf_of(new_world()).seen(SLUG)
    assert seen is not None
    assert (seen.latest, seen.plan.slug) == (None, SLUG)


def test_a_day_that_is_judged_again_is_shown_as_it_stands_now(world: World) -> None:
    shelf = shelf_of(world)
    before = shelf.seen(SLUG)
    again = verdict(2, verdict="rollback", rule="alarm")
    Verdicts(world.home).record(again, {"rows": {}})
    after = shelf.seen(SLUG)
    assert before is not None
    assert after is not None
    assert [day.verdict for day in before.verdicts] == ["hold", "hold", "hold"]
    assert [day.verdict for day in after.verdicts] == ["hold", "rollback", "hold"]
    assert shelf.verdict(SLUG, date(2026, 11, 3)) == again


def test_what_a_run_publishes_is_shown_at_the_next_look(world: World) -> None:
    shelf, seen = shelf_of(world), []
    for requests in (30, 40):
        publish_requests(world, requests)
        found = shelf.seen(SLUG)
        assert found is not None
        total = found.daily.total("card_rate", "control")
        seen.append(total.n if total else None)
    assert seen == [30, 40]


def test_a_verdict_that_was_altered_is_refused(world: World) -> None:
    _, path = Verdicts(world.home).newest_files(SLUG)[0]
    path.write_text(path.read_text().replace('"hold"', '"promote"'))
    with pytest.raises(SourceUnreadable):
        shelf_of(world).seen(SLUG)
