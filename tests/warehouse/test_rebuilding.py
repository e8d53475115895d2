"""Days are built one by one, again, and after late deliveries: the same landing gives the same bytes."""

import os
import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pacer_pipelines.adapters.evidence_rows import mart_rows
from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.errors import WarehouseFailed

from .conftest import NewWorld, card, exposure, feedback, land_hand_made_rows
from .landing import EXPERIMENT


def day(number: int) -> date:
    return date(2026, 11, number)


def publish_world(warehouse: Warehouse) -> str:
    return publish(warehouse.file, warehouse.home)


def test_day_by_day_equals_all_at_once_and_a_day_again_changes_nothing(new_world: NewWorld) -> None:
    whole, whole_landing = new_world()
    daily, daily_landing = new_world()
    for landing in (whole_landing, daily_landing):
        land_hand_made_rows(landing)
    whole.build(day(2), day(5))
    daily.build(day(2), day(3))
    for number in (4, 5):
        daily.build(day(number), day(number))
    version = publish_world(whole)
    assert publish_world(daily) == version
    daily.build(day(3), day(3))
    assert publish_world(daily) == version


def test_a_home_of_an_older_version_becomes_like_a_new_one(new_world: NewWorld) -> None:
    """Its marts lack columns and tables, and its landed exposures know nothing of tokens and costs."""
    warehouse, landing = new_world()
    land_hand_made_rows(landing)
    warehouse.build(day(2), day(5))
    version = publish_world(warehouse)
    with duckdb.connect(str(warehouse.file)) as db:
        for column in ("x", "xx", "xy"):
            db.execute(f"alter table marts.metric_sums_daily drop column {column}")
        db.execute("drop table marts.student_sums_daily")
        db.execute("drop table marts.segment_sums_daily")
        part = landing.folder / "exposures" / "day=2026-11-02" / "a.jsonl.parquet"
        db.execute(f"create temp table old as from read_parquet('{part}', hive_partitioning = false)")
        old = "select * exclude (input_tokens, output_tokens, cost_usd) from old"
        db.execute(f"copy ({old}) to '{part}' (format parquet)")
    warehouse.build(day(2), day(5))
    assert publish_world(warehouse) == version


def test_late_rows_enter_and_vanished_rows_leave(new_world: NewWorld) -> None:
    warehouse, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    landing.put("exposures", [exposure("a", "11-02 09:00", "A", 1, "s1")], file="a.jsonl")
    landing.put("exposures", [exposure("b", "11-03 09:00", "B", 2, "s2")], file="b.jsonl")
    warehouse.build(day(2), day(3))
    landing.put("feedback_events", [feedback(1, "GOOD", "11-02 20:00")])
    next(Path(landing.folder).glob("exposures/*/b.jsonl.parquet")).unlink()
    warehouse.build(day(2), day(3))
    publish_world(warehouse)
    published = Published(warehouse.home)
    assert {row["metric_date"] for row in published.rows("exposures_daily")} == {day(2)}
    assert [row["y"] for row in published.rows("metric_sums_daily", "metric = 'good_rate'")] == [1.0]


def test_a_failed_data_test_names_itself(new_world: NewWorld) -> None:
    warehouse, landing = new_world()
    landing.put("roster", [{"student_key": None, "school": "alpha"}])
    with pytest.raises(WarehouseFailed, match=r"test unique_key_stg_roster_student_key failed$") as caught:
        warehouse.build(day(2), day(2))
    assert "Got 1 result" in caught.value.detail


def test_a_landing_that_is_not_there_is_a_failure_with_the_place(tmp_path: Path, built: Warehouse) -> None:
    empty = Warehouse(tmp_path, built.project_dir)
    with pytest.raises(WarehouseFailed) as caught:
        empty.build(day(2), day(2))
    assert re.search(r"No files found .*landing/anki_card_links", caught.value.detail)


def test_the_environment_is_left_as_it_was(built: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setenv("PACER_LANDING", "somebody else's")
    monkeypatch.delenv("PACER_WAREHOUSE", raising=False)
    here = Path.cwd()
    built.run_unit_tests()
    assert os.environ["PACER_LANDING"] == "somebody else's"
    assert "PACER_WAREHOUSE" not in os.environ
    assert Path.cwd() == here


def test_days_in_the_wrong_order_are_refused(built: Warehouse) -> None:
    with pytest.raises(ValueError, match="got 2026-11-03 to 2026-11-02"):
        built.build(day(3), day(2))


def test_units_and_requests_survive_faults_of_the_log(new_world: NewWorld) -> None:
    """Two exposures claim one log row, and one student meets both variants in a phase."""
    warehouse, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    rows = [
        exposure("first", "11-02 09:00", "A", 1, "s1"),
        exposure("claim", "11-02 10:00", "B", 1, "s1"),
        exposure("other-coach", "11-02 11:00", "B", 2, "s1", coach_key="c2"),
        exposure("no-coach", "11-02 12:00", "B", 3, "s2", coach_key=None),
    ]
    landing.put("exposures", rows)
    landing.put("feedback_events", [feedback(1, "GOOD", "11-02 20:00")])
    landing.put("anki_cards", [card(9, 1, "11-02 13:00", "11-02 23:00")])
    warehouse.build(day(2), day(2))
    publish_world(warehouse)
    published = Published(warehouse.home)
    rated = published.rows("metric_sums_daily", "metric = 'good_rate'")
    assert [(row["variant"], row["n"]) for row in rated] == [("control", 1.0)]
    cards = published.rows("metric_sums_daily", "metric = 'card_rate' and y > 0")
    assert [(row["variant"], row["y"]) for row in cards] == [("control", 1.0)]
    units = {(row["coach_key"], row["variant"]): row for row in published.rows("units_daily")}
    assert units["c1", "control"]["two_variant_units"] == 1
    assert units["c1", "control"]["multi_coach_units"] == 1
    assert units["unknown", "treatment"]["units"] == 1


def identity(name: str, when: str, variant: str, digest: str | None) -> dict[str, object]:
    return exposure(name, when, variant, int(name), f"s{name}", model_digest=digest, model_version="v")


def phases(warehouse: Warehouse) -> dict[str, set[tuple[str, int]]]:
    """Phase -> variant and day of the exposures that it has."""
    publish_world(warehouse)
    found: dict[str, set[tuple[str, int]]] = {}
    for row in Published(warehouse.home).rows("exposures_daily"):
        found.setdefault(row["phase"], set()).add((row["variant"], row["metric_date"].day))
    return found


def test_a_late_line_that_moves_an_opening_is_rebuilt_from_its_own_day(new_world: NewWorld) -> None:
    """B was replaced on the 4th as it seemed; a late line shows that it was on the 3rd."""
    daily, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    lines = [
        identity(
            f"{number}{at}",
            f"11-{number:02d} {10 + at}:00",
            "AB"[at],
            (None, "b1" if number < 4 else "b2")[at],
        )
        for number in (2, 3, 4, 5)
        for at in (0, 1)
    ]
    landing.put("exposures", lines)
    for number in (2, 3, 4, 5):
        daily.build(day(number), day(number))
    both = lambda *days: {(variant, number) for variant in ("control", "treatment") for number in days}  # noqa: E731
    # the moment is 11:00 of the 4th: A's call of 10:00 was before it
    assert phases(daily) == {
        "1": both(2, 3) | {("control", 4)}, "1~2": both(5) | {("treatment", 4)}
    }  # fmt: skip
    late = [identity("39", "11-03 09:00", "B", "b2")]
    landing.put("exposures", late, file="late.jsonl")
    daily.build(day(3), day(5))
    assert phases(daily) == {"1": both(2), "1~2": both(3, 4, 5)}
    whole, other = new_world()
    other.put("experiments", [EXPERIMENT])
    other.put("exposures", lines)
    other.put("exposures", late, file="late.jsonl")
    whole.build(day(2), day(5))
    assert publish_world(whole) == publish_world(daily)


def test_what_is_served_is_counted_where_the_line_says_it(new_world: NewWorld) -> None:
    warehouse, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    landing.put("exposures", [
        identity("1", "11-02 09:00", "B", "b1"), identity("2", "11-02 10:00", "B", None),
        identity("3", "11-02 10:00", "B", "t") | {"flag_reason": "FORCED"},
        identity("4", "11-02 11:00", "A", "a1") | {"segment": "staff"},
    ])  # fmt: skip
    warehouse.build(day(2), day(2))
    publish_world(warehouse)
    rows = Published(warehouse.home).rows("served_identities_daily")
    assert {(row["variant"], row["field"], row["field_value"]): row["exposures"] for row in rows} == {
        ("treatment", "model_version", "v"): 2, ("treatment", "model_digest", "b1"): 1,
    }  # fmt: skip
    days = Published(warehouse.home).rows("exposures_daily")
    assert {(row["variant"], row["analysed"], row["left_out"], row["flag_errors"]) for row in days} == {
        ("treatment", 2, 1, 0), ("control", 0, 1, 0),
    }  # fmt: skip


def test_a_tester_makes_no_phase_of_a_version_that_nobody_else_is_served(new_world: NewWorld) -> None:
    warehouse, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    forced = {"flag_reason": "FORCED"}
    landing.put("exposures", [
        exposure("1", "11-02 09:00", "B", 1, "s1"), exposure("2", "11-02 10:00", "B", 2, "s2", **forced),
        exposure("3", "11-02 11:00", "B", 3, "s3", flag_version="99", **forced),
    ])  # fmt: skip
    warehouse.build(day(2), day(2))
    publish_world(warehouse)
    rows = mart_rows(Published(warehouse.home), "exp", day(2))
    assert [(row.phase, row.variant, row.exposures) for row in rows.exposures] == [("1", "treatment", 1)]
