"""Units for the door to evaluate come from the newest landed day, without any id."""

import logging
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pacer_pipelines.adapters.flags.known_units import known_units

ROWS = """
select * from (values
    ('exp', 'k1_a', 611, 'beta', '3'), ('exp', 'k1_a', 611, 'beta', '3'), ('exp', 'k1_b', 9, null, 'seven'),
    ('exp', 'k1_c', null, 'beta', '3'), ('other', 'k1_d', 1, 'beta', '3')
) as t (experiment_id, unit_key, bucket, school, grade)"""


def land(home: Path, day: date, condition: str = "true") -> None:
    folder = home / "landing" / "exposures" / f"day={day}"
    folder.mkdir(parents=True)
    duckdb.sql(f"copy (select * from ({ROWS}) where {condition}) to '{folder / 'file.parquet'}'")


def test_each_unit_of_the_newest_day_comes_once_as_servers_offer_it(tmp_path: Path) -> None:
    land(tmp_path, date(2026, 11, 1), "false")
    land(tmp_path, date(2026, 11, 2))
    land(tmp_path, date(2026, 11, 3), "experiment_id = 'other'")
    assert known_units(tmp_path, "exp") == (
        (611, {"school": "beta", "grade": 3}),
        (9, {"grade": "seven"}),
    )
    assert known_units(tmp_path, "exp", most=1) == ((611, {"school": "beta", "grade": 3}),)


def test_landing_that_is_empty_or_damaged_gives_no_units(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert known_units(tmp_path, "exp") == ()
    folder = tmp_path / "landing" / "exposures" / "day=2026-11-02"
    folder.mkdir(parents=True)
    (folder / "file.parquet").write_text("damaged")
    with caplog.at_level(logging.WARNING):
        assert known_units(tmp_path, "exp") == ()
    assert "cannot be read" in caplog.text
