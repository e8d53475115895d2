"""The bucket in SQL is the bucket of the serving client, for any id that anybody could have."""

import shutil
from datetime import date

import duckdb
import pytest

from pacer_pipelines.adapters.warehouse import Warehouse
from pacer_pipelines.serving import bucket

from .conftest import PROJECT
from .landing import Landing

SALTS = ("exp-2026-11-judge", "소금 🧂", "")
ODD = [
    "", " ", ":", "a:b", "'", "''; drop table units; --", "😀", "👩‍👩‍👧", "김민수", "שלום", "\u202eabc", "e\u0301", "é",
    "\n", "\t", "0", "00", "0x10", "NULL", "x" * 5000,
]  # fmt: skip
UNITS = ODD + [f"{odd}-{number:05d}" for number in range(4999) for odd in ("stu", *ODD[:19])]

PROBE = "select unit, salt, {{ assignment_bucket('unit', 'salt') }} as bucket from read_parquet('%s')"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str | None, str], int | None]:
    """What a model of the project that calls the macro gives for every unit and salt."""
    folder = tmp_path_factory.mktemp("bucket")
    project = folder / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    ids = folder / "ids.parquet"
    with duckdb.connect() as db:
        db.execute(
            "create table ids as select u.unit, s.salt from (select unnest(?) as unit) u, (select unnest(?) as salt) s",
            [UNITS, SALTS],
        )
        db.execute("insert into ids values (null, 'pepper')")
        db.execute(f"copy ids to '{ids}' (format parquet)")
    (project / "models" / "staging" / "probe.sql").write_text(PROBE % ids, encoding="utf-8")
    Landing(folder / "landing")
    warehouse = Warehouse(folder, project)
    warehouse.build(date(2026, 11, 2), date(2026, 11, 2))
    with duckdb.connect(str(warehouse.file), read_only=True) as db:
        rows = db.execute("select unit, salt, bucket from staging.probe").fetchall()
    return {(unit, salt): number for unit, salt, number in rows}


def test_a_hundred_thousand_units_are_in_the_bucket_that_serving_gives_them(
    found: dict[tuple[str | None, str], int | None],
) -> None:
    assert len(set(UNITS)) >= 100_000
    wrong = [(unit, salt) for salt in SALTS for unit in UNITS if found[unit, salt] != bucket(unit, salt)]
    assert wrong == []


def test_a_unit_that_is_not_there_has_no_bucket(found: dict[tuple[str | None, str], int | None]) -> None:
    assert found[None, "pepper"] is None
