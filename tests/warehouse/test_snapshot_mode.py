"""A bare pacer.db, no exposure log: its rows stand in, and ratings enter with the snapshot that shows them."""

from datetime import date

from pacer_pipelines.adapters.published import Published, publish

from .conftest import NewWorld, card, log_row
from .landing import EXPERIMENT, at

MORNING, FIRST, SECOND = "11-02 09:00", "11-02 23:00", "11-05 23:00"


def test_pacer_rows_stand_in_for_a_missing_exposure_log(new_world: NewWorld) -> None:
    warehouse, landing = new_world()
    landing.put("experiments", [EXPERIMENT])
    landing.put("roster", [{"student_key": "s1", "school": "alpha", "grade": "1", "coach_key": "c1"}])
    first = [
        log_row(1, "APPROVE", MORNING, FIRST, student_key="s1", model_version="v1.0"),
        log_row(2, "REJECT", MORNING, FIRST, student_key="s2", model_version="v2.1"),
        log_row(3, "REJECT", MORNING, FIRST, student_key="s3", model_version="v9"),
    ]
    rated = {"model_version": "v2.1", "student_key": "s2", "coach_key": "c9", "coach_feedback": "GOOD"}
    landing.put("llm_logs", first, file="night02.db")
    landing.put("llm_logs", [log_row(2, "REJECT", MORNING, SECOND, **rated)], file="night05.db")
    landing.put("anki_cards", [card(1, 1, MORNING, FIRST)], file="night02.db")
    moved = card(1, 1, MORNING, SECOND, last_reviewed_at=at("11-04 09:00"))
    landing.put("anki_cards", [moved], file="night05.db")
    warehouse.build(date(2026, 11, 2), date(2026, 11, 9))
    publish(warehouse.file, warehouse.home)
    published = Published(warehouse.home)

    sums = {
        (row["metric"], row["coach_key"], row["variant"], row["metric_date"].day): (row["n"], row["y"])
        for row in published.rows("metric_sums_daily", "phase = 'snapshot'")
    }
    assert sums == {
        # the second snapshot shows the rating, and the rating names the coach that no roster knows
        ("good_rate", "c9", "treatment", 5): (1, 1),
        ("good_rate_mature", "c9", "treatment", 9): (1, 1),
        ("rating_rate", "c1", "control", 9): (1, 0),
        ("rating_rate", "unknown", "treatment", 9): (1, 1),
        ("card_rate", "c1", "control", 2): (1, 1),
        ("card_rate", "unknown", "treatment", 2): (1, 0),
        # last_reviewed_at moved once
        ("engagement", "c1", "control", 9): (1, 1),
    }
    exposures = {row["variant"]: row for row in published.rows("exposures_daily")}
    assert [exposures[name]["analysed"] for name in ("control", "treatment", "unknown")] == [1, 1, 0]
    assert all(row["failures"] is None for row in exposures.values())
