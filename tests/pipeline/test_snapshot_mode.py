"""Nothing but PACER's own database: the day runs, and the verdict says what cannot be known that way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from click.testing import Result

from .worlds import EXAMPLE, SLUG, World, failed_checks, finding

# the copy of this night: taken at midnight in Seoul, so first known on the ninth
COPY, TAKEN_AT, MONDAY = "pacer_night06.db.zst", "2026-11-08T15:00:00Z", date(2026, 11, 9)
NewWorld = Callable[..., World]


@dataclass(frozen=True)
class Judged:
    """What the command said, and the verdict."""

    world: World
    result: Result
    verdict: dict[str, Any]


def unpack(target: Path) -> None:
    with (EXAMPLE / COPY).open("rb") as packed, target.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)


@pytest.fixture(scope="module", params=["dated", "live"])
def judged(new_world: NewWorld, request: pytest.FixtureRequest) -> Judged:
    """A bare ``pacer.db``, once as a dated copy and once as the live database."""
    url = "sqlite:///pacer.db"
    dated = [{"url": url, "taken_at": datetime.fromisoformat(TAKEN_AT)}]
    world = new_world(sources={"database": dated if request.param == "dated" else url})
    unpack(world.folder / "pacer.db")
    result = world.run(MONDAY)
    assert "Traceback" not in result.output
    return Judged(world, result, world.verdict(MONDAY))


def test_the_day_runs_and_holds(judged: Judged) -> None:
    assert judged.result.exit_code == 3, judged.result.output
    assert (judged.verdict["verdict"], judged.verdict["rule"]) == ("hold", "health")
    assert judged.verdict["phase"] == "snapshot"
    assert "exposures_logged" in failed_checks(judged.verdict)
    assert "run_completed" not in failed_checks(judged.verdict)


def test_the_missing_facts_are_named_with_their_cost(judged: Judged) -> None:
    facts = "\n".join(judged.verdict["missing_facts"])
    for fact in ("exposure log", "failed judgements", "flag version", "feedback event log"):
        assert fact in facts
    assert "the failure guardrail cannot be judged" in facts
    message = (judged.world.home / "outbox" / f"{SLUG}-{MONDAY}.txt").read_text(encoding="utf-8")
    assert "Missing" in message
    assert "who was randomised is unknown" in " ".join(message.split())


def test_failures_are_unknown_not_zero(judged: Judged) -> None:
    failures = finding(judged.verdict, "failure_rate")
    assert (failures["label"], failures["effect"], failures["passes"]) == ("no_data", None, False)


def test_the_share_is_unknown_and_nothing_moves(judged: Judged) -> None:
    assert judged.verdict["share_before"] is None
    assert judged.verdict["share_after"] is None
    assert judged.world.flag_file.read_bytes() == (EXAMPLE / "flags" / "v2.json").read_bytes()


def test_cards_are_counted_by_the_model_that_made_them(judged: Judged) -> None:
    cards = finding(judged.verdict, "card_rate")
    assert cards["n"]["treatment"] > 0
    assert 0 < cards["rate_control"] < 1


def test_ratings_of_a_dated_copy_are_known_from_its_day_on(judged: Judged) -> None:
    primary = finding(judged.verdict, "good_rate")
    if judged.world.config.read_text(encoding="utf-8").count("taken_at") == 0:
        # a live database is read now, long after the day: what was rated by then is not known
        assert primary["label"] == "no_data"
        return
    rated = """
        with cells as (
            select coach_id, sum(model_version = 'v1.0') as control, sum(model_version = 'v2.1') as treatment
            from llm_logs where coach_feedback is not null group by coach_id
        )
        select sum(control), sum(treatment), count(*) from cells where control > 0 and treatment > 0
    """
    with closing(sqlite3.connect(judged.world.folder / "pacer.db")) as db:
        control, treatment, coaches = db.execute(rated).fetchone()
    assert primary["n"] == {"control": control, "treatment": treatment}
    assert primary["G"] == coaches


def test_the_database_is_read_and_never_written(judged: Judged, tmp_path: Path) -> None:
    unpack(tmp_path / "fresh.db")
    assert (judged.world.folder / "pacer.db").read_bytes() == (tmp_path / "fresh.db").read_bytes()
    assert not list(judged.world.folder.glob("pacer.db-*"))
