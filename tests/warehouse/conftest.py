"""One hand-made world, built once for every test that only reads it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse

from .landing import EXPERIMENT, Landing, at

PROJECT = Path(__file__).parents[2] / "dbt_project"
NewWorld = Callable[[], tuple[Warehouse, Landing]]


def exposure(
    name: str, when: str, variant: str, log_id: int | None, unit: str, **other: Any
) -> dict[str, Any]:
    """An exposure that is analysed unless the test says otherwise."""
    return {
        "exposure_id": name,
        "exposed_at": at(when),
        "flag_key": "judge-model",
        "flag_variant": variant,
        "flag_reason": "TARGETING_MATCH",
        "flag_version": "1",
        "experiment_id": "exp",
        "unit_key": unit,
        "school": "alpha",
        "grade": "1",
        "coach_key": "c1",
        "log_id": log_id,
        "is_failure": log_id is None,
        **other,
    }


def feedback(log_id: int, word: str, when: str) -> dict[str, Any]:
    """A feedback event by the coach of all exposures here."""
    return {"log_id": log_id, "feedback": word, "feedback_at": at(when), "coach_key": "c1"}


def log_row(log_id: int, decision: str, when: str, seen: str, **other: Any) -> dict[str, Any]:
    """A content version of a PACER log row, created and first seen at local times."""
    row = {"log_id": log_id, "decision": decision, "created_at": at(when), "observed_at": at(seen)}
    return {**row, "row_hash": f"{log_id}-{other.get('coach_feedback')}", **other}


def card(card_id: int, log_id: int, when: str, seen: str, **other: Any) -> dict[str, Any]:
    """A content version of a PACER card, created and first seen at local times."""
    row = {"card_id": card_id, "log_id": log_id, "created_at": at(when), "observed_at": at(seen)}
    return {**row, "row_hash": f"{card_id}-{other.get('last_reviewed_at')}", **other}


def land_hand_made_rows(landing: Landing) -> None:
    """Requests of one coach: changed, withdrawn, late, failed, unrated, left out; some delivered twice."""
    landing.put("experiments", [EXPERIMENT])
    left_out = {"experiment_id": "exp", "attribute": "school", "value_key": "holdout-school"}
    landing.put("experiment_exclusions", [left_out])
    exposures = [
        exposure("changed", "11-02 09:00", "A", 1, "s1"),
        exposure("withdrawn", "11-02 10:00", "B", 2, "s2"),
        exposure("late", "11-03 09:00", "B", 3, "s2"),
        exposure("failed", "11-03 10:00", "B", None, "s3"),
        exposure("unrated", "11-03 11:00", "A", 4, "s4"),
        exposure("left-out", "11-02 11:00", "A", 5, "s5", school="holdout-school"),
        exposure("flag-error", "11-02 12:00", "A", 6, "s6", flag_reason="ERROR"),
    ]
    landing.put("exposures", exposures)
    landing.put("exposures", exposures[:2], file="b.jsonl")
    events = [
        feedback(1, "GOOD", "11-03 20:00"),
        feedback(1, "BAD", "11-05 20:00"),
        feedback(2, "GOOD", "11-04 20:00"),
        feedback(2, "WITHDRAWN", "11-12 20:00"),
        feedback(3, "BAD", "11-13 20:00"),
        feedback(5, "GOOD", "11-03 20:00"),
    ]
    landing.put("feedback_events", events)
    landing.put("feedback_events", events[:3], file="b.jsonl")
    seen = "11-03 23:00"
    decisions = [(1, "APPROVE", "11-02 09:00"), (2, "APPROVE", "11-02 10:00"), (3, "REJECT", "11-03 09:00")]
    landing.put("llm_logs", [log_row(*row, seen) for row in decisions])
    landing.put("anki_cards", [card(1, 1, "11-02 12:00", seen)])
    # The card is watched until 9 November 12:00: three of these four reviews are inside.
    reviewed = ["11-03 08:00", "11-04 08:00", "11-09 11:59", "11-09 12:00"]
    landing.put("card_reviews", [{"card_id": 1, "log_id": 1, "reviewed_at": at(when)} for when in reviewed])


@pytest.fixture
def new_world(tmp_path_factory: pytest.TempPathFactory) -> NewWorld:
    """A maker of empty worlds."""

    def make() -> tuple[Warehouse, Landing]:
        home = tmp_path_factory.mktemp("world")
        return Warehouse(home, PROJECT), Landing(home / "landing")

    return make


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The hand-made world, built from 2 to 15 November."""
    home = tmp_path_factory.mktemp("built")
    land_hand_made_rows(Landing(home / "landing"))
    warehouse = Warehouse(home, PROJECT)
    warehouse.build(date(2026, 11, 2), date(2026, 11, 15))
    publish(warehouse.file, home)
    return warehouse


@pytest.fixture(scope="session")
def published(built: Warehouse) -> Published:
    """The hand-made world as readers see it."""
    return Published(built.home)
