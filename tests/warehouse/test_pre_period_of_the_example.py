"""A plan that starts in the second week of the example: its covariate against a calculation from the raw files."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pipeline.worlds import EXAMPLE, make_world
from reference.pre_period import START, deviations
from reference.raw_fortnight import day_of, json_lines, moment

from pacer_pipelines.adapters.evidence_rows import mart_rows
from pacer_pipelines.adapters.published import Published, publish
from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.anki_uploads import land_anki
from pacer_pipelines.orchestration.database_landing import land_database
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource

CAP = 8.0
LATENCY = f"""
[[guardrails]]
metric = "latency"
better = "lower"
margin = {{ relative = 0.25 }}
winsorise_at = {CAP}
"""


class Adjusted:
    """The example with a plan that starts on 9 November and adjusts, its first day built and published."""

    def __init__(self, folder: Path) -> None:
        self.world = make_world(folder)
        plan = self.world.plan_file.read_text(encoding="utf-8").replace("2026-11-02", str(START))
        plan = plan.replace('metric = "good_rate"', 'metric = "good_rate"\ncovariate = "pre_period"')
        self.world.plan_file.write_text(plan + LATENCY, encoding="utf-8")
        self.resource = WorldResource(config_file=str(self.world.config))
        land(self.resource)
        self.warehouse = Warehouse(self.world.home, DBT_PROJECT)
        self.warehouse.build(START, START)
        publish(self.warehouse.file, self.world.home)

    def sums(self, metric: str) -> dict[str, float]:
        rows = mart_rows(Published(self.world.home), "exp-2026-11-judge", START).metrics
        own = [row for row in rows if row.metric == metric]
        return {name: sum(getattr(row, name) for row in own) for name in ("n", "y", "x", "xx", "xy")}


def covariates(warehouse: Warehouse) -> dict[str, int]:
    with duckdb.connect(str(warehouse.file), read_only=True) as db:
        rows = db.execute("select unit_key, covariate_milli from intermediate.int_unit_covariates")
        return dict(rows.fetchall())


def land(resource: WorldResource) -> None:
    """Land every source of the world, all three copies of the database among them."""
    ingestion.land_plans(resource)
    for source in (
        ingestion.land_exposures, ingestion.land_feedback, land_database, ingestion.land_card_reviews,
        land_anki, ingestion.land_roster,
    ):  # fmt: skip
        source(resource)


@pytest.fixture(scope="module")
def adjusted(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Adjusted:
    return Adjusted(tmp_path_factory.mktemp("pre-period") / "world")


def exposures_of_the_first_day() -> list[dict[str, Any]]:
    return [
        row
        for row in json_lines(EXAMPLE / "exposures.jsonl.gz")
        if day_of(moment(row["ts"])) == START and row["attrs"]["school"] != "holdout-school"
    ]


def test_each_student_deviates_as_the_raw_files_say(adjusted: Adjusted) -> None:
    expected = deviations()
    # most of the 480 students had a rated request in the first week
    assert len(expected) > 400
    pseudonym = adjusted.resource.pseudonyms.student
    found = covariates(adjusted.warehouse)
    assert found.keys() == {pseudonym(student) for student in expected}
    for student, deviation in expected.items():
        # rounded to a whole thousandth; a half may fall either way
        assert abs(found[pseudonym(student)] - 1000 * deviation) <= 0.5 + 1e-6, student


def test_the_sums_of_a_day_carry_the_students_of_its_requests(adjusted: Adjusted) -> None:
    pseudonym = adjusted.resource.pseudonyms.student
    rows, known = exposures_of_the_first_day(), covariates(adjusted.warehouse)
    own = [known.get(pseudonym(row["unit_id"]), 0) for row in rows]
    micros = [round(1000 * min(row["latency_ms"], CAP)) for row in rows]
    assert adjusted.sums("latency") == {
        "n": len(rows),
        "y": sum(micros),
        "x": sum(own),
        "xx": sum(x * x for x in own),
        "xy": sum(x * y for x, y in zip(own, micros, strict=True)),
    }
    assert adjusted.sums("failure_rate")["x"] == sum(own)


def test_the_later_copies_did_not_matter(adjusted: Adjusted, tmp_path: Path) -> None:
    """The same world in the morning of its first day, before the other two copies were taken."""
    landing = shutil.copytree(adjusted.world.home / "landing", tmp_path / "landing")
    shown = {folder.name for folder in (landing / "llm_logs").glob("day=*")}
    assert shown == {"day=2026-11-09", "day=2026-11-13", "day=2026-11-21"}
    for later in shown - {f"day={START}"}:
        shutil.rmtree(landing / "llm_logs" / later)
    early = Warehouse(tmp_path, DBT_PROJECT)
    early.build(START, START)
    assert covariates(early) == covariates(adjusted.warehouse)
