"""Snapshots behind one pointer: same rows, same version; readers never see half a publication."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from pacer_pipelines.adapters.published import KEPT_VERSIONS, Published, publish
from pacer_pipelines.errors import NothingPublished

Row = tuple[str, str, float | None]


def warehouse_with(path: Path, rows: list[Row]) -> Path:
    with duckdb.connect(str(path)) as db:
        db.execute("create schema if not exists marts")
        db.execute("create or replace table marts.sums (coach varchar, metric_date date, n double)")
        for row in rows:
            db.execute("insert into marts.sums values (?, ?, ?)", row)
    return path


def publish_rows(tmp_path: Path, rows: list[Row]) -> str:
    return publish(warehouse_with(tmp_path / "w.duckdb", rows), tmp_path, ["sums"])


def test_the_order_of_rows_in_the_warehouse_does_not_matter(tmp_path: Path) -> None:
    rows: list[Row] = [("c1", "2026-11-02", 1), ("c2", "2026-11-02", None), ("c1", "2026-11-03", -1)]
    version = publish_rows(tmp_path, rows)
    file = tmp_path / "published" / version / "sums.parquet"
    written = file.stat().st_mtime_ns
    assert publish_rows(tmp_path, rows[::-1]) == version
    assert file.stat().st_mtime_ns == written


def test_rows_that_are_gone_leave_no_trace_in_the_bytes(tmp_path: Path) -> None:
    version = publish_rows(tmp_path, [("c1", "2026-11-02", 0), ("c1", "2026-11-03", 0)])
    warehouse = warehouse_with(tmp_path / "w.duckdb", [("c1", "2026-11-02", None)])
    with duckdb.connect(str(warehouse)) as db:
        db.execute("insert into marts.sums values ('c1', '2026-11-02', 0), ('c1', '2026-11-03', 0)")
        db.execute("delete from marts.sums where n is null")
    assert publish(warehouse, tmp_path, ["sums"]) == version


def test_a_reader_keeps_its_version_while_the_pointer_moves(tmp_path: Path) -> None:
    publish_rows(tmp_path, [("c1", "2026-11-02", 1)])
    reader = Published(tmp_path)
    publish_rows(tmp_path, [("c1", "2026-11-02", 2)])
    assert reader.rows("sums") == [{"coach": "c1", "metric_date": date(2026, 11, 2), "n": 1.0}]
    assert Published(tmp_path).rows("sums")[0]["n"] == 2.0


def test_rows_are_chosen_by_parameters(tmp_path: Path) -> None:
    publish_rows(tmp_path, [("c1", "2026-11-02", 1), ("c2", "2026-11-05", 2)])
    rows = Published(tmp_path).rows("sums", "metric_date <= ? and coach <> ?", [date(2026, 11, 4), "'; drop"])
    assert [row["coach"] for row in rows] == ["c1"]
    totals = Published(tmp_path).query("select sum(n) as n from sums where coach = $coach", {"coach": "c2"})
    assert totals == [{"n": 2.0}]


def test_the_manifest_counts_and_signs_each_table(tmp_path: Path) -> None:
    publish_rows(tmp_path, [("c1", "2026-11-02", 1)])
    entry = Published(tmp_path).manifest["sums"]
    assert entry["rows"] == 1
    assert len(entry["sha256"]) == 64


def test_an_empty_table_is_published_too(tmp_path: Path) -> None:
    publish_rows(tmp_path, [])
    assert Published(tmp_path).rows("sums") == []


def test_old_versions_are_dropped_and_the_current_one_never(tmp_path: Path) -> None:
    versions = [publish_rows(tmp_path, [("c1", "2026-11-02", n)]) for n in range(KEPT_VERSIONS + 2)]
    kept = {path.parent.name for path in (tmp_path / "published").glob("*/manifest.json")}
    assert kept == set(versions[-KEPT_VERSIONS:])
    assert Published(tmp_path).version == versions[-1]


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="run a day first"):
        Published(tmp_path)
    with pytest.raises(NothingPublished, match="run a day first"):
        publish(tmp_path / "none.duckdb", tmp_path, ["sums"])
    publish_rows(tmp_path, [("c1", "2026-11-02", 1)])
    with pytest.raises(NothingPublished, match="not there any more"):
        Published(tmp_path, "0123456789ab")


def test_an_unknown_table_is_named_with_the_known_ones(tmp_path: Path) -> None:
    publish_rows(tmp_path, [("c1", "2026-11-02", 1)])
    with pytest.raises(KeyError, match=r"got 'summs', allowed: sums"):
        Published(tmp_path).rows("summs")


def test_a_crash_before_the_swap_leaves_the_old_version(tmp_path: Path) -> None:
    publish_rows(tmp_path, [("c1", "2026-11-02", 1)])
    (tmp_path / "published" / ".draft-1").mkdir()
    (tmp_path / "published" / ".draft-1" / "sums.parquet").write_bytes(b"half a file")
    assert Published(tmp_path).rows("sums")[0]["n"] == 1.0
