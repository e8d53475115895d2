"""The landing: parts by day, nothing lost, same rows same bytes, a ledger that adds up."""

import hashlib
import json
from datetime import date, datetime
from types import SimpleNamespace

import duckdb
import pytest

from pacer_pipelines.adapters.arrivals import Arrival, Stream
from pacer_pipelines.adapters.landing import FileReceipt, Landing

COLUMNS = [
    SimpleNamespace(name="id", type="VARCHAR", required=True),
    SimpleNamespace(name="at", type="TIMESTAMP", required=True),
    SimpleNamespace(name="day", type="DATE", required=True),
    SimpleNamespace(name="value", type="DOUBLE", required=False),
    SimpleNamespace(name="big", type="BIGINT", required=False),
    SimpleNamespace(name="ok", type="BOOLEAN", required=False),
    SimpleNamespace(name="source_file", type="VARCHAR", required=True),
    SimpleNamespace(name="source_line", type="BIGINT", required=True),
]


def row(line: int, day: int = 2, **changes):
    made = {
        "id": f"e{line}",
        "at": datetime(2026, 11, day, 1, 2, 3, 456_000),
        "day": date(2026, 11, day),
        "value": 0.1 + line,
        "big": 2**63 - 1,
        "ok": line % 2 == 0,
        "source_file": "e.jsonl",
        "source_line": line,
    }
    return made | changes


def parsed(*rows, rejects=(), warnings=None):
    return SimpleNamespace(
        rows=list(rows),
        rejects=list(rejects),
        rows_in=len(rows) + len(rejects),
        warnings=warnings or {},
        forgotten=0,
    )


def reject(line: int):
    return SimpleNamespace(line=line, reason="malformed json", detail="at character 7", day=None)


@pytest.fixture
def landing(tmp_path):
    return Landing(tmp_path)


def land(landing, content: bytes, *rows, key="e.jsonl", **options):
    return landing.land("events", COLUMNS, "day", Arrival(key, "e.jsonl", content), parsed(*rows), **options)


def read(landing, what: str = "*"):
    glob = str(landing.root / "events/**/*.parquet")
    found = duckdb.sql(f"SELECT {what} FROM read_parquet('{glob}', hive_partitioning = false) ORDER BY 1")
    return found.fetchall()


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_rows_come_back_exactly_as_they_landed(landing):
    odd = row(1, id='quote " back\\slash 한글 \u2028 emoji 🙂 line\nbreak', value=None, big=None, ok=None)
    plain = row(2, value=1e-300, id="2026-11-02")
    land(landing, b"x", plain, odd)
    assert sorted(read(landing), key=lambda r: r[-1]) == [tuple(odd.values()), tuple(plain.values())]


def test_a_table_can_be_read_before_anything_landed(landing):
    landing.ensure_schema("events", COLUMNS)
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{landing.root}/events/**/*.parquet')")
    assert [(r[0], r[1]) for r in described.fetchall()] == [(c.name, c.type) for c in COLUMNS]
    assert read(landing) == []
    assert duckdb.sql(f"FROM read_parquet('{landing.rejects}/events/*.parquet')").fetchall() == []


def test_each_day_is_one_part_in_the_order_of_the_file(landing):
    receipt = land(landing, b"x", row(3, 2), row(1, 3), row(2, 2))
    assert receipt.per_day == {"2026-11-02": 2, "2026-11-03": 1}
    part = landing.root / "events/day=2026-11-02/e.jsonl.parquet"
    assert duckdb.sql(f"SELECT source_line FROM '{part}'").fetchall() == [(2,), (3,)]


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for home in ("one", "two"):
        made = Landing(tmp_path / home)
        made.ensure_schema("events", COLUMNS)
        made.land(
            "events",
            COLUMNS,
            "day",
            Arrival("e.jsonl", "e.jsonl", b"x"),
            parsed(*(row(n, 2 + n % 3) for n in range(1, 5000)), rejects=[reject(5000)]),
        )
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert Landing(tmp_path / "one").days("events") == Landing(tmp_path / "two").days("events")


def test_rejects_lie_beside_with_reason_file_and_line(landing):
    arrival = Arrival("e.jsonl", "e.jsonl", b"x")
    receipt = landing.land("events", COLUMNS, "day", arrival, parsed(row(1), rejects=[reject(3), reject(2)]))
    assert (receipt.rows_in, receipt.landed, receipt.rejected) == (3, 1, 2)
    kept = duckdb.sql(f"FROM '{landing.rejects}/events/e.jsonl.parquet'").fetchall()
    assert kept == [
        ("malformed json", "at character 7", "e.jsonl", 2, None),
        ("malformed json", "at character 7", "e.jsonl", 3, None),
    ]
    land(landing, b"xy", row(1))
    assert not (landing.rejects / "events/e.jsonl.parquet").exists()


def test_a_file_that_grew_rewrites_its_parts_and_drops_days_that_vanished(landing):
    land(landing, b"one", row(1, 2), row(2, 3))
    receipt = land(landing, b"one two", row(1, 2), row(2, 4), row(3, 4))
    assert receipt.file_key == "e.jsonl"
    assert [r[:1] for r in read(landing)] == [("e1",), ("e2",), ("e3",)]
    assert sorted(landing.days("events")) == ["2026-11-02", "2026-11-04"]


def test_a_file_that_was_replaced_lands_beside_what_was_there(landing):
    land(landing, b"old content", row(1))
    receipt = land(landing, b"new", row(1, id="new"))
    assert receipt.file_key == "e.jsonl.g2"
    assert [r[0] for r in read(landing)] == ["e1", "new"]
    assert land(landing, b"new and more", row(1, id="new"), row(2)).file_key == "e.jsonl.g2"
    assert land(landing, b"old content grew", row(1), row(2)).file_key == "e.jsonl"
    assert [r.file_key for r in landing.receipts("events")] == ["e.jsonl", "e.jsonl.g2"]


def test_a_state_such_as_the_roster_replaces_what_was_there(landing):
    for content, name in ((b"old", "e1"), (b"new", "e2")):
        arrival = Arrival("roster.csv", "roster.csv", content)
        receipt = landing.land("events", COLUMNS, None, arrival, parsed(row(1, id=name)), replace=True)
    assert receipt.per_day == {"undated": 1}
    assert [r[0] for r in read(landing)] == ["e2"]
    assert list(landing.days("events")) == ["undated"]


def test_an_unchanged_file_is_known_again(landing):
    land(landing, b"old content", row(1))
    land(landing, b"new", row(1))
    for content, expected in ((b"old content", True), (b"new", True), (b"other", False)):
        assert landing.seen("events", "e.jsonl", hashlib.sha256(content).hexdigest()) is expected
    assert not landing.seen("events", "e.json", hashlib.sha256(b"new").hexdigest())


def test_the_digest_of_a_day_changes_only_with_that_day(landing):
    land(landing, b"a", row(1, 2), row(2, 3))
    before = landing.days("events")
    land(landing, b"ab", row(1, 2), row(2, 3, value=9.0))
    after = landing.days("events")
    assert before["2026-11-02"] == after["2026-11-02"]
    assert before["2026-11-03"] != after["2026-11-03"]


def test_a_stream_of_batches_lands_as_the_whole_would(tmp_path):
    rows = [row(number, 2 + number % 3) for number in range(1, 5000)]
    for home, batches in (
        ("one", [parsed(*rows)]),
        ("two", [parsed(*rows[:7]), parsed(), parsed(*rows[7:])]),
    ):
        arrival = Arrival("e.jsonl", "e.jsonl", b"x")
        Landing(tmp_path / home).land("events", COLUMNS, "day", arrival, Stream(iter(batches), ("id",), "id"))
    assert files(tmp_path / "one") == files(tmp_path / "two")


def repeated(landing, identity: tuple[str, ...], *rows):
    stream = Stream(iter([parsed(one) for one in rows]), identity, "id")
    receipt = landing.land("events", COLUMNS, "day", Arrival("e.jsonl", "e.jsonl", b"x"), stream)
    assert receipt.rows_in == len(rows)
    kept = duckdb.sql(f"SELECT source_line, reason, detail FROM read_parquet('{landing.rejects}/events/*')")
    return kept.fetchall()


def test_of_an_id_that_comes_again_the_first_line_counts_and_the_others_say_where_it_is(landing):
    alike = {"id": "e1", "value": None, "at": datetime(2026, 11, 2)}
    rejects = repeated(landing, ("id",), *(row(n, **alike) for n in (2, 4)), row(5, 3, id="e1"), row(6))
    assert rejects == [(4, "duplicate id", "first on line 2"), (5, "conflicting id", "first on line 2")]
    assert [r[-1] for r in read(landing)] == [2, 6]


def test_without_an_id_only_a_row_that_says_the_same_is_a_repeated_one(landing):
    alike = {"id": "e1", "value": None, "ok": None}
    rejects = repeated(landing, (), row(1, **alike), row(3, **alike), row(5, 2, **(alike | {"value": 1.0})))
    assert rejects == [(3, "duplicate id", "first on line 1")]


def test_a_stream_that_breaks_off_lands_nothing(landing):
    def broken():
        yield parsed(row(1))
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        landing.land("events", COLUMNS, "day", Arrival("e", "e", b""), Stream(broken(), (), "event"))
    assert files(landing.root) == {}


def test_the_ledger_says_what_became_of_the_file(landing):
    receipt = land(landing, b"abc", row(1, 2))
    entry = json.loads((landing.root / "_ledger/events/e.jsonl.json").read_text())
    assert FileReceipt(**entry) == receipt
    assert entry["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert (entry["size"], entry["per_day"]) == (3, {"2026-11-02": 1})


def test_a_row_that_vanished_is_an_error(landing):
    lost = parsed(row(1))
    lost.rows_in = 2
    with pytest.raises(ValueError, match="2 rows in, 1 landed \\+ 0 rejected"):
        landing.land("events", COLUMNS, "day", Arrival("e", "e", b""), lost)


@pytest.mark.parametrize(
    ("bad", "message"),
    [(row(1, id=None), "required but null"), ({"id": "x", "day": date(2026, 1, 1)}, "not the columns")],
)
def test_a_row_that_breaks_the_schema_lands_nothing(landing, bad, message):
    with pytest.raises(ValueError, match=message):
        land(landing, b"x", bad)
    assert files(landing.root) == {}


@pytest.mark.parametrize("key", ["../x", "a/b", ".hidden", ""])
def test_a_key_cannot_leave_its_folder(landing, key):
    with pytest.raises(ValueError, match="file key"):
        land(landing, b"x", row(1), key=key)


def test_no_unfinished_file_is_left_behind(landing, tmp_path):
    land(landing, b"x", row(1))
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]
