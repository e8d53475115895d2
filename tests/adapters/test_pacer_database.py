"""PACER's database: dated copies of the real fortnight, a live file under a writer, what is missing."""

import sqlite3
import threading
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import zstandard

from pacer_pipelines.adapters.landed_history import current_hashes
from pacer_pipelines.adapters.landing import Arrival, Landing
from pacer_pipelines.adapters.pacer_database import new_versions, snapshot
from pacer_pipelines.adapters.parquet_files import connect
from pacer_pipelines.errors import SourceMissing, SourceUnreadable
from pacer_pipelines.ingest.pacer_tables import Observed, parse_anki_cards, parse_llm_logs
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES

FORTNIGHT = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
COPIES = {
    datetime(2026, 11, 8, 15): "pacer_night06.db.zst",
    datetime(2026, 11, 12, 15): "pacer_night10.db.zst",
    datetime(2026, 11, 17, 15): "pacer.db.zst",
}
KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
PERSONAL = ["010-", "@", "학생", "stu0", "coach0", "https://", "<!"]


def land_copies(home: Path, copies=COPIES) -> list:
    """Land dated copies in the order they were taken, as the daily job does."""
    landing, receipts, before = Landing(home), [], None
    for taken_at, name in copies.items():
        origin = Origin(name, KEYS, ZoneInfo("Asia/Seoul"))
        with snapshot(str(FORTNIGHT / name)) as pacer:
            observed = Observed(taken_at, before)
            tables = {
                "llm_logs": parse_llm_logs(pacer.rows("llm_logs"), origin, observed, pacer.student_ids()),
                "anki_cards": parse_anki_cards(pacer.rows("anki_cards"), origin, observed),
            }
        for table, parsed in tables.items():
            id_column = {"llm_logs": "log_id", "anki_cards": "card_id"}[table]
            rows = new_versions(parsed.rows, current_hashes(home, table, id_column, taken_at), id_column)
            changed = SimpleNamespace(
                rows=rows, rejects=parsed.rejects, rows_in=len(rows), warnings={}, forgotten=0
            )
            content = "".join(row["row_hash"] for row in rows).encode()
            arrival = Arrival(f"pacer-{taken_at:%Y%m%d}", name, content)
            receipts.append(landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, changed))
        before = taken_at
    return receipts


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return home, land_copies(home)


def versions(home: Path, table: str, columns: str):
    parts = f"{home}/landing/{table}/**/*.parquet"
    with connect() as db:
        return db.execute(f"SELECT {columns} FROM '{parts}' ORDER BY observed_at, 1").fetchall()


def raw(tmp_path: Path, name: str) -> sqlite3.Connection:
    path = tmp_path / "raw.db"
    with (FORTNIGHT / name).open("rb") as packed, path.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    return sqlite3.connect(path)


def test_the_history_ends_at_what_the_last_copy_says(landed, tmp_path):
    last = {
        log: said for log, said, _ in versions(landed[0], "llm_logs", "log_id, coach_feedback, observed_at")
    }
    db = raw(tmp_path, "pacer.db.zst")
    assert last == dict(db.execute("SELECT log_id, coach_feedback FROM llm_logs"))
    db.close()


def test_the_first_copy_lands_whole_and_later_ones_only_what_changed(landed, tmp_path):
    first, _, second, _, third, _ = landed[1]
    db = raw(tmp_path, "pacer_night06.db.zst")
    (count,) = db.execute("SELECT count(*) FROM llm_logs").fetchone()
    db.close()
    assert first.landed == count == 9940
    per_log = Counter(log for (log, _) in versions(landed[0], "llm_logs", "log_id, observed_at"))
    assert len(per_log) == 19_972
    assert sum(per_log.values()) == first.landed + second.landed + third.landed < 2 * 19_972


def test_a_rating_is_known_as_an_interval(landed):
    seen = versions(landed[0], "llm_logs", "log_id, coach_feedback, not_before_at, observed_at")
    by_copy = {(before, at) for _, _, before, at in seen}
    assert by_copy == {
        (None, datetime(2026, 11, 8, 15)),
        (datetime(2026, 11, 8, 15), datetime(2026, 11, 12, 15)),
        (datetime(2026, 11, 12, 15), datetime(2026, 11, 17, 15)),
    }


def test_a_submission_without_a_student_has_none_and_prefixes_stay_apart(landed):
    students = Counter(
        key for _, key, _ in versions(landed[0], "llm_logs", "log_id, student_key, observed_at")
    )
    assert {KEYS.student("stu0000"), KEYS.student("stu0000-0")} <= students.keys()
    none = {
        log for log, key, _ in versions(landed[0], "llm_logs", "log_id, student_key, observed_at") if not key
    }
    assert len(none) == 173  # truth.json, submission_api: the 'history-01' rows


def test_landing_the_same_copies_again_changes_no_byte(landed):
    def files():
        return {p: p.read_bytes() for p in sorted(landed[0].rglob("*.*")) if p.is_file()}

    before = files()
    land_copies(landed[0])
    assert files() == before


def test_no_personal_text_lands(landed):
    for table in ("llm_logs", "anki_cards"):
        said = repr(versions(landed[0], table, "*"))
        assert not [text for text in PERSONAL if text in said]


def test_free_text_does_not_even_leave_the_database():
    with snapshot(str(FORTNIGHT / "pacer_night06.db.zst")) as pacer:
        rows = list(pacer.rows("llm_logs"))
    assert {"memo", "reason"}.isdisjoint(rows[0])
    assert max(row["memo_length"] or 0 for row in rows) > 10


def create(path: Path, *statements: str) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    return db


STUDENTS = "CREATE TABLE students (student_id TEXT)"
CARDS = (
    "CREATE TABLE anki_cards (card_id, student_id, llm_log_id, interval_days, ease_factor, repetitions, "
    "last_reviewed_at, created_at)"
)


def test_a_live_file_in_wal_mode_is_read_with_what_is_still_in_the_wal(tmp_path):
    db = create(
        tmp_path / "pacer.db", "PRAGMA journal_mode = WAL", STUDENTS, "INSERT INTO students VALUES ('s1')"
    )
    assert (tmp_path / "pacer.db-wal").stat().st_size > 0
    with snapshot(f"sqlite:///{tmp_path}/pacer.db") as pacer:
        assert pacer.student_ids() == {"s1"}
    db.close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_pacer_can_write_while_a_snapshot_is_read(tmp_path, mode):
    path = tmp_path / "pacer.db"
    create(path, f"PRAGMA journal_mode = {mode}", STUDENTS, "INSERT INTO students VALUES ('s1')").close()
    with snapshot(str(path)) as pacer:
        rows = pacer.rows("students")
        next(rows)
        writer = sqlite3.connect(path, timeout=0)
        writer.execute("INSERT INTO students VALUES ('s2')")
        writer.commit()
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.close()
        assert list(rows) == []
    with snapshot(str(path)) as pacer:
        assert pacer.student_ids() == {"s1", "s2"}


def test_a_snapshot_under_a_busy_writer_is_consistent_and_loses_nothing(tmp_path):
    path = tmp_path / "pacer.db"
    create(path, STUDENTS, CARDS).close()
    stop, written = threading.Event(), []

    def write():
        db = sqlite3.connect(path, timeout=10)
        while not stop.is_set():
            name = f"s{len(written)}"
            db.execute("INSERT INTO students VALUES (?)", (name,))
            db.execute("INSERT INTO anki_cards (card_id, student_id) VALUES (?, ?)", (len(written), name))
            db.commit()
            written.append(name)
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            with snapshot(str(path)) as pacer:
                students = {row["student_id"] for row in pacer.rows("students")}
                assert students == {row["student_id"] for row in pacer.rows("anki_cards")}
    finally:
        stop.set()
        writer.join()
    with snapshot(str(path)) as pacer:
        assert pacer.student_ids() == set(written)


def test_without_a_students_table_the_cards_name_the_students(tmp_path):
    create(
        tmp_path / "pacer.db", CARDS, "INSERT INTO anki_cards (card_id, student_id) VALUES (1, 's7')"
    ).close()
    with snapshot(str(tmp_path / "pacer.db")) as pacer:
        assert pacer.student_ids() == {"s7"}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE x (a)", "no such table: llm_logs"),
        ("CREATE TABLE llm_logs (log_id)", "no such column: submission_id"),
    ],
)
def test_a_missing_table_or_column_is_named(tmp_path, statement, named):
    create(tmp_path / "pacer.db", statement).close()
    with snapshot(str(tmp_path / "pacer.db")) as pacer, pytest.raises(SourceUnreadable, match=named):
        list(pacer.rows("llm_logs"))


def test_a_missing_file_and_one_that_is_no_database_say_so(tmp_path):
    with (
        pytest.raises(SourceMissing, match="pacer_database: nothing at"),
        snapshot(str(tmp_path / "gone.db")),
    ):
        pass
    (tmp_path / "text.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(SourceUnreadable, match="file is not a database"), snapshot(str(tmp_path / "text.db")):
        pass


def test_an_archived_copy_that_is_cut_short_is_unreadable(tmp_path):
    cut = tmp_path / "pacer.db.zst"
    cut.write_bytes((FORTNIGHT / "pacer_night06.db.zst").read_bytes()[:-1000])
    with pytest.raises(SourceUnreadable, match="zstd file is cut short"), snapshot(str(cut)):
        pass


def test_a_server_that_does_not_answer_is_unreadable_and_its_password_stays_secret():
    url = "postgresql://pacer:hunter2@127.0.0.1:1/pacer"
    with pytest.raises(SourceUnreadable, match="cannot read postgresql://") as caught, snapshot(url):
        pass
    assert "hunter2" not in str(caught.value)
