"""PACER's database in a SQLite file: a copy under a writer, archived copies, and everything that is no database."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from pacer.storage import TABLES as PACERS_TABLES

from pacer_pipelines.adapters import pacer_sqlite
from pacer_pipelines.adapters.pacer_database import snapshot
from pacer_pipelines.errors import PacerError, SourceMissing, SourceUnreadable

FORTNIGHT = Path(__file__).parents[2] / "examples" / "pacer_fortnight"


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


# PACER's own storage in a process of its own: a judgement and its card in one transaction, 100 of them a second,
# each holding the lock from before its first word on. It gives up on a lock after SQLite's usual 5 seconds.
WRITER = """
import json, sqlite3, sys, time
path, number = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(path, timeout=5, isolation_level=None)
waits = []
for log_id in range(1, number + 1):
    began = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO llm_logs (log_id, submission_id, decision, reason, created_at) "
               "VALUES (?, 's1-1', 'APPROVE', 'r', '2026-11-02 01:00:00')", (log_id,))
    time.sleep(0.002)
    db.execute("INSERT INTO anki_cards (card_id, student_id, llm_log_id, question, answer, next_review_date, "
               "interval_days, ease_factor, repetitions, created_at) "
               "VALUES (?, 's1', ?, 'q', 'a', '2026-11-03', 0, 250, 0, '2026-11-02 01:00:00')", (log_id, log_id))
    db.execute("COMMIT")
    waits.append(time.monotonic() - began)
    time.sleep(max(0, 0.01 - waits[-1]))
print(json.dumps({"written": len(waits), "longest": max(waits)}))
"""
TRANSACTIONS = 300


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_snapshots_under_a_writer_are_whole_and_cost_it_nothing(tmp_path, mode):
    path = tmp_path / "pacer.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA journal_mode = {mode}; {PACERS_TABLES}")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(TRANSACTIONS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    sizes = [0]
    while writer.poll() is None:
        with snapshot(str(path)) as pacer:
            logs = [row["log_id"] for row in pacer.rows("llm_logs")]
            assert logs == [row["llm_log_id"] for row in pacer.rows("anki_cards")]
        # nothing that was there is missing, and nothing in between
        assert logs == list(range(1, len(logs) + 1))
        sizes.append(len(logs))
    said, errors = writer.communicate()
    assert (writer.returncode, errors) == (0, "")
    assert json.loads(said)["written"] == TRANSACTIONS
    assert sizes == sorted(sizes)
    assert len({size for size in sizes if 0 < size < TRANSACTIONS}) >= 3
    with snapshot(str(path)) as pacer:
        assert len(list(pacer.rows("llm_logs"))) == TRANSACTIONS


def test_a_copy_that_writers_never_let_finish_is_made_in_one_step(tmp_path, monkeypatch):
    """Each of 40 writes between the steps, when most of it lies on the disk already, makes the copy begin anew."""
    path = tmp_path / "pacer.db"
    students = "INSERT INTO students SELECT printf('%0500d', value) FROM generate_series"
    many = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 8000) "
    create(path, STUDENTS, many + students.replace("generate_series", "n")).close()
    monkeypatch.setattr(pacer_sqlite, "STEP_PAGES", 100)
    watch, writes = pacer_sqlite._watch, []

    def writing(restarts):
        watched = watch(restarts)

        def step(status, remaining, total):
            if 0 < remaining < 400 and len(writes) < 40:
                writes.append(remaining)
                create(path, f"INSERT INTO students VALUES ('w{len(writes)}')").close()
            watched(status, remaining, total)

        return step

    monkeypatch.setattr(pacer_sqlite, "_watch", writing)
    with snapshot(str(path)) as pacer:
        assert len(pacer.student_ids()) >= 8000 + pacer_sqlite.RESTARTS
    assert len(writes) < 40


def test_a_lock_that_is_never_given_back_is_a_named_error_and_no_hang(tmp_path, monkeypatch):
    path = tmp_path / "pacer.db"
    monkeypatch.setattr(pacer_sqlite, "BUSY_SECONDS", 0.05)
    with closing(create(path, STUDENTS)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceUnreadable, match="locked"), snapshot(str(path)):
            pass


def test_without_a_students_table_the_cards_name_the_students(tmp_path):
    create(
        tmp_path / "pacer.db", CARDS, "INSERT INTO anki_cards (card_id, student_id) VALUES (1, 's7')"
    ).close()
    with snapshot(str(tmp_path / "pacer.db")) as pacer:
        assert pacer.student_ids() == {"s7"}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE x (a)", "no such table: llm_logs; there are: x"),
        ("CREATE TABLE llm_logs (log_id)", "llm_logs: no such column: coach_feedback, coach_id"),
    ],
)
def test_a_missing_table_or_column_is_named(tmp_path, statement, named):
    create(tmp_path / "pacer.db", statement).close()
    with snapshot(str(tmp_path / "pacer.db")) as pacer, pytest.raises(SourceUnreadable, match=named):
        list(pacer.rows("llm_logs"))


def test_a_renamed_column_is_named_beside_what_came_instead(tmp_path):
    path = tmp_path / "pacer.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"{PACERS_TABLES} ALTER TABLE llm_logs RENAME COLUMN decision TO judgement")
    with snapshot(str(path)) as pacer, pytest.raises(SourceUnreadable) as caught:
        list(pacer.rows("llm_logs"))
    assert str(caught.value).endswith(
        "llm_logs: no such column: decision; columns that nobody here knows: judgement"
    )


def test_further_columns_are_known_by_name_unless_the_name_is_no_word(tmp_path):
    path = tmp_path / "pacer.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            f'{PACERS_TABLES} ALTER TABLE llm_logs ADD school_code TEXT; ALTER TABLE llm_logs ADD "Kim Minji" TEXT'
        )
    with snapshot(str(path)) as pacer:
        assert pacer.new_columns("llm_logs") == ["(a name that is no plain word)", "school_code"]
        assert pacer.new_columns("anki_cards") == []


def test_a_url_of_sqlite_never_opens_pacers_file_for_reading(tmp_path):
    """`sqlite+pysqlite://` is SQLite too: through the server's door its read lock would be held for the reading."""
    create(tmp_path / "pacer.db", STUDENTS, "INSERT INTO students VALUES ('s1')").close()
    for url in ("sqlite:///{}", "sqlite+pysqlite:///{}", "{}"):
        with (
            snapshot(url.format(tmp_path / "pacer.db")) as pacer,
            closing(sqlite3.connect(tmp_path / "pacer.db")) as db,
        ):
            assert pacer.student_ids() == {"s1"}
            db.execute("BEGIN EXCLUSIVE")


def test_a_link_is_followed_with_the_log_beside_the_real_file(tmp_path):
    (tmp_path / "real").mkdir()
    db = create(
        tmp_path / "real" / "pacer.db",
        "PRAGMA journal_mode = WAL",
        STUDENTS,
        "INSERT INTO students VALUES ('s1')",
    )
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "pacer.db")
    with snapshot(str(tmp_path / "link.db")) as pacer:
        assert pacer.student_ids() == {"s1"}
    db.close()


def test_a_file_that_is_replaced_during_the_copy_gives_one_of_the_two(tmp_path, monkeypatch):
    old, new = tmp_path / "pacer.db", tmp_path / "new.db"
    create(old, STUDENTS, "INSERT INTO students VALUES ('old')").close()
    create(new, STUDENTS, "INSERT INTO students VALUES ('new')").close()
    copy = pacer_sqlite._copy
    monkeypatch.setattr(pacer_sqlite, "_copy", lambda *both: (new.replace(old), copy(*both)))
    with snapshot(str(old)) as pacer:
        assert pacer.student_ids() in ({"old"}, {"new"})


def filled(path: Path) -> bytes:
    """A database of some 100 pages."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(PACERS_TABLES)
        rows = ((n, f"s1-{n}", "APPROVE", "because " * 40, "2026-11-02 01:00:00") for n in range(1000))
        db.executemany(
            "INSERT INTO llm_logs (log_id, submission_id, decision, reason, created_at) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        db.commit()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("text.db", lambda good: b"not a database at all" * 500, "file is not a database"),
        ("encrypted.db", lambda good: bytes(byte ^ 0x5A for byte in good), "or it is encrypted"),
        ("empty.db", lambda good: b"", "no such table: llm_logs; there are: none"),
        ("half.db", lambda good: good[: len(good) // 2], "malformed"),
        ("header.db", lambda good: good[:50], "malformed|not a database"),
        ("page.db", lambda good: good[:40_960] + b"\xff" * 4096 + good[45_056:], "pages are damaged|malformed"),
        ("zeroes.db", lambda good: good[:40_960] + bytes(8192) + good[49_152:], "pages are damaged|malformed"),
        ("plain.db.zst", lambda good: good, "zstd data is damaged"),
        ("plain.db.gz", lambda good: good, "gzip data is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_whole_database_is_a_named_error(tmp_path, name, spoil, said):
    good = filled(tmp_path / "good.db")
    (tmp_path / name).write_bytes(spoil(good))
    with (
        pytest.raises(SourceUnreadable, match=said) as caught,
        snapshot(str(tmp_path / name)) as pacer,
    ):
        list(pacer.rows("llm_logs"))
    assert name in str(caught.value)


def test_nothing_at_the_place_a_folder_and_a_circle_of_links_say_so(tmp_path):
    (tmp_path / "circle.db").symlink_to(tmp_path / "circle.db")
    (tmp_path / "folder.db").mkdir()
    for name in ("gone.db", "circle.db", "folder.db"):
        with pytest.raises(SourceMissing, match="pacer_database: nothing at"), snapshot(str(tmp_path / name)):
            pass


NOBODY = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
from pacer_pipelines.adapters.pacer_database import snapshot
from pacer_pipelines.errors import PacerError
try:
    with snapshot(sys.argv[1]):
        pass
except PacerError as error:
    print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="takes another user's rights")
@pytest.mark.parametrize(("of_folder", "of_file"), [(0o755, 0o600), (0o700, 0o644)])
def test_a_file_that_may_not_be_read_is_a_named_error(of_folder, of_file):
    code = NOBODY.replace(
        "import os, sys", "import os, sys; import pacer_pipelines.adapters.pacer_database", 1
    )
    # not in tmp_path: every session of pytest takes the rights of its folder away again
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pacer.db"
        create(path, STUDENTS).close()
        path.chmod(of_file)
        path.parent.chmod(of_folder)
        told = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "pacer.db: Permission denied" in told.stdout


def test_a_view_without_end_is_a_named_error(tmp_path):
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    create(tmp_path / "pacer.db", f"CREATE VIEW students AS {numbers} SELECT x AS student_id FROM n").close()
    with (
        pytest.raises(SourceUnreadable, match=r"pacer\.db: interrupted"),
        snapshot(str(tmp_path / "pacer.db")) as pacer,
    ):
        pacer.student_ids()


@pytest.mark.parametrize("size", [1, 100, 512, 4096, 30_000, 120_000, 300_000])
def test_a_copy_that_breaks_off_anywhere_is_never_read_as_a_shorter_one(tmp_path, size):
    """Rows of a page that is missing would seem to have been deleted."""
    good = filled(tmp_path / "good.db")
    (tmp_path / "cut.db").write_bytes(good[:size])
    try:
        with snapshot(str(tmp_path / "cut.db")) as pacer:
            rows = len(list(pacer.rows("llm_logs")))
    except PacerError:
        return
    assert rows == 1000


def test_an_archived_copy_that_is_cut_short_is_unreadable(tmp_path):
    cut = tmp_path / "pacer.db.zst"
    cut.write_bytes((FORTNIGHT / "pacer_night06.db.zst").read_bytes()[:-1000])
    with pytest.raises(SourceUnreadable, match="zstd file is cut short"), snapshot(str(cut)):
        pass
