"""The example fortnight as landed Parquet, straight from the raw files, and ways to spoil a day."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import zstandard

from pacer_pipelines.adapters.expectations import run_checks
from pacer_pipelines.adapters.landing_rows import REJECT_SCHEMA
from pacer_pipelines.decisions.values import Check

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "pacer_fortnight"
SUITES = ROOT / "expectations"
ZONE = "Asia/Seoul"
FIRST = date(2026, 11, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(14)]
MONDAY = date(2026, 11, 9)

_LOCAL = f"timezone('{ZONE}', timezone('UTC', {{at}}))::date"
_AT = "timezone('UTC', ts::timestamptz)"
_EXPOSURES = f"""
    select exposure_id, {_AT} as exposed_at, {_LOCAL.format(at=_AT)} as exposed_date, variant as flag_variant,
        version as flag_version, experiment_id, md5(unit_id) as unit_key,
        md5(submission_id) as submission_key, attrs.school as school, attrs.grade as grade,
        md5(attrs.coach) as coach_key,
        served_model, log_id, latency_ms, error is not null as is_failure,
        null::varchar as unknown_fields, 'exposures.jsonl.gz' as source_file, row_number() over () as source_line
    from (
        select *, "feature_flag.result.variant" as variant, "meta.version" as version,
            "meta.experiment_id" as experiment_id
        from read_json('{{file}}', format = 'newline_delimited', columns = {{{{
            exposure_id: 'VARCHAR', ts: 'VARCHAR', "feature_flag.result.variant": 'VARCHAR',
            "meta.version": 'VARCHAR', "meta.experiment_id": 'VARCHAR', unit_id: 'VARCHAR',
            submission_id: 'VARCHAR', attrs: 'STRUCT(school VARCHAR, grade VARCHAR, coach VARCHAR)',
            served_model: 'VARCHAR', log_id: 'BIGINT', latency_ms: 'DOUBLE', error: 'VARCHAR'}}}})
    )
"""
_FEEDBACK = f"""
    select log_id, feedback, {_AT} as feedback_at, {_LOCAL.format(at=_AT)} as feedback_date,
        md5(coach_id) as coach_key, reason_code, null::varchar as unknown_fields,
        'feedback_events.jsonl.gz' as source_file, row_number() over () as source_line
    from read_json('{{file}}', format = 'newline_delimited', columns = {{{{
        ts: 'VARCHAR', log_id: 'BIGINT', coach_id: 'VARCHAR', feedback: 'VARCHAR', reason_code: 'VARCHAR'}}}})
"""
_REVIEWS = f"""
    select card_id, log_id, md5(student_id) as student_key, {_AT} as reviewed_at,
        {_LOCAL.format(at=_AT)} as reviewed_date, quality, interval_before, interval_after, taken_ms,
        null::varchar as unknown_fields, 'card_reviews.jsonl.gz' as source_file, row_number() over () as source_line
    from read_json('{{file}}', format = 'newline_delimited', columns = {{{{
        ts: 'VARCHAR', card_id: 'BIGINT', log_id: 'BIGINT', student_id: 'VARCHAR', quality: 'INTEGER',
        interval_before: 'INTEGER', interval_after: 'INTEGER', taken_ms: 'INTEGER'}}}})
"""
# table -> the suites whose frames read it
_READ_BY = {
    "exposures": ("exposures", "feedback_events", "llm_logs", "roster"),
    "feedback_events": ("feedback_events",),
    "llm_logs": ("exposures", "feedback_events", "llm_logs", "anki_cards"),
    "anki_cards": ("anki_cards", "card_reviews", "anki_reviews"),
    "card_reviews": ("card_reviews",),
    "anki_reviews": ("anki_reviews",),
    "anki_card_links": ("anki_reviews",),
    "roster": ("roster",),
}
# the copy of PACER's database was taken two nights after the fortnight
COPY = "pacer-20261118T000000"
_OBSERVED = "timestamp '2026-11-18 00:00:00' as observed_at, date '2026-11-18' as observed_date"
_LLM_LOGS = f"""
    select log_id, upper(decision) as decision, coach_feedback, created_at::timestamp as created_at,
        {_LOCAL.format(at="created_at::timestamp")} as created_date, {_OBSERVED},
        md5(log_id::varchar) as row_hash
    from llm_logs
"""
_CARDS = f"""
    select card_id, md5(student_id) as student_key, llm_log_id as log_id, created_at::timestamp as created_at,
        {_LOCAL.format(at="created_at::timestamp")} as created_date, {_OBSERVED},
        md5(card_id::varchar) as row_hash, last_reviewed_at::timestamp as last_reviewed_at
    from anki_cards
"""
_ANKI = """
    select 'k' as student_key, 1::bigint as review_id, 1::bigint as anki_card_id,
        now()::timestamp as reviewed_at, date '2026-11-02' as reviewed_date, 3 as ease
    where false
"""


_ANKI_LINKS = """
    select 'k' as student_key, 1::bigint as anki_card_id, 1::bigint as log_id, 'field' as how,
        date '2026-11-02' as card_created_date
    where false
"""


def _write(db: duckdb.DuckDBPyConnection, table: Path, sql: str, day: str) -> None:
    """Land a query: one part per day, and the zero-row schema file."""
    table.mkdir(parents=True)
    db.execute(f"create or replace temp table landed as {sql}")
    db.execute(f"copy (select * from landed limit 0) to '{table}/_schema.parquet'")
    for (value,) in db.execute(f"select distinct {day} from landed").fetchall():
        folder = table / f"day={value}"
        folder.mkdir()
        db.execute(f"copy (select * from landed where {day} = '{value}') to '{folder}/part.parquet'")


def write_ledger(landing: Path, source: str, file: str, rejected: int = 0) -> None:
    """Write the ledger entry of a file that holds all landed rows of a source."""
    days = {p.name.removeprefix("day="): 1 for p in sorted((landing / source).glob("day=*"))}
    folder = landing / "_ledger" / source
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"rows_in": 1000, "landed": 1000 - rejected, "rejected": rejected}
    entry = {"file": file, "file_key": file, "per_day": days if rejected < 1000 else {}} | counts
    (folder / f"{file}.json").write_text(json.dumps(entry))


def write_copy(landing: Path, source: str, taken: str, **counts: object) -> None:
    """Write the ledger entry of a copy of PACER's database with the counts that a test is about."""
    folder, key = landing / "_ledger" / source, f"pacer-{taken}"
    folder.mkdir(parents=True, exist_ok=True)
    entry = {
        "file": key,
        "file_key": key,
        "rows_in": 0,
        "landed": 0,
        "rejected": 0,
        "per_day": {},
        "warnings": {},
    }
    (folder / f"{key}.json").write_text(json.dumps(entry | counts))


def write_rejects(landing: Path, source: str, file: str, reasons: str) -> None:
    """Write the rejects of a file from a query that gives one per row, with any of their columns."""
    folder = landing.parent / "rejects" / source
    folder.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect()) as db:
        declared = ", ".join(f"{name} {kind}" for name, kind in REJECT_SCHEMA.items())
        db.execute(f"create table rejects ({declared})")
        db.execute(f"insert into rejects by name {reasons}")
        db.execute("update rejects set detail = coalesce(detail, '')")
        db.execute(f"copy rejects to '{folder}/{file}.parquet' (format parquet)")


def _pacer_tables(folder: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give PACER's two tables as frames, from the shipped copy of its database."""
    path = folder / "pacer.db"
    with (EXAMPLE / "pacer.db.zst").open("rb") as packed, path.open("wb") as plain:
        zstandard.ZstdDecompressor().copy_stream(packed, plain)
    with closing(sqlite3.connect(path)) as pacer:
        for name, columns in (
            ("llm_logs", "log_id, decision, coach_feedback, created_at"),
            ("anki_cards", "card_id, student_id, llm_log_id, created_at, last_reviewed_at"),
        ):
            yield name, pd.read_sql_query(f"select {columns} from {name}", pacer)


def write_fortnight(folder: Path) -> Path:
    """Land the example fortnight."""
    landing = folder / "landing"
    with closing(duckdb.connect()) as db:
        for name, frame in _pacer_tables(folder):
            db.register(name, frame)
        for source, sql, day in (
            ("exposures", _EXPOSURES, "exposed_date"),
            ("feedback_events", _FEEDBACK, "feedback_date"),
            ("card_reviews", _REVIEWS, "reviewed_date"),
        ):
            file = f"{source}.jsonl.gz"
            _write(db, landing / source, sql.format(file=EXAMPLE / file), day)
            write_ledger(landing, source, file)
        _write(db, landing / "llm_logs", _LLM_LOGS, "observed_date")
        _write(db, landing / "anki_cards", _CARDS, "observed_date")
        for source in ("llm_logs", "anki_cards"):
            write_ledger(landing, source, COPY)
        _write(db, landing / "anki_reviews", _ANKI, "reviewed_date")
        _write(db, landing / "anki_card_links", _ANKI_LINKS, "card_created_date")
        (landing / "roster").mkdir()
        roster = f"select md5(student_id) as student_key, school from read_csv('{EXAMPLE / 'roster.csv'}')"
        db.execute(f"copy ({roster} limit 0) to '{landing}/roster/_schema.parquet'")
        db.execute(f"copy ({roster}) to '{landing}/roster/roster.parquet'")
        (landing / "experiments").mkdir()
        plan = "select 'exp-2026-11-judge' as experiment_id, 'exp-2026-11-judge' as logged_experiment_id"
        db.execute(f"copy ({plan} limit 0) to '{landing}/experiments/_schema.parquet'")
        db.execute(f"copy ({plan}) to '{landing}/experiments/plans.parquet'")
    return landing


@dataclass(frozen=True)
class World:
    """A landing of one's own that a test may spoil.

    After that only the suites that read the spoilt tables are run, which keeps the tests short.
    """

    landing: Path
    spoilt: set[str] = field(default_factory=set)

    def spoil(self, table: str, sql: str, day: date = MONDAY) -> None:
        """Replace a day's part by a query over it; the part is called ``part`` in the query."""
        self.spoil_file(table, f"day={day}/part.parquet", sql)

    def spoil_file(self, table: str, file: str, sql: str) -> None:
        """As :meth:`spoil`, for a file that lies elsewhere in its table."""
        self.spoilt.add(table)
        path = self.landing / table / file
        path.parent.mkdir(exist_ok=True)
        with closing(duckdb.connect()) as db:
            source = path if path.exists() else self.landing / table / "_schema.parquet"
            db.execute(f"create temp table part as from read_parquet('{source}', hive_partitioning = false)")
            db.execute(f"copy ({sql}) to '{path}'")

    def empty(self, table: str) -> None:
        """Leave only the schema of a table; of PACER's database, no sign of a copy either."""
        self.spoilt.add(table)
        if table in ("llm_logs", "anki_cards"):
            shutil.rmtree(self.landing / "_ledger" / table)
        for folder in (self.landing / table).glob("day=*"):
            shutil.rmtree(folder)

    def checks(
        self, day: date = MONDAY, suites: Path = SUITES, sources: list[str] | None = None
    ) -> dict[str, Check]:
        """Run the checks of a day, by name."""
        if sources is None and self.spoilt:
            sources = sorted({source for table in self.spoilt for source in _READ_BY[table]})
        found = run_checks(self.landing, suites, day, zone=ZONE, variants=("A", "B"), sources=sources)
        return {check.name: check for check in found}

    def failed(self, day: date = MONDAY, sources: list[str] | None = None) -> set[str]:
        """Name the checks that failed, warnings too."""
        return failing(self.checks(day, sources=sources))

    def blocking(self, day: date = MONDAY) -> set[str]:
        """Name the critical checks that failed."""
        return {name for name, check in self.checks(day).items() if check.blocks}


def failing(checks: dict[str, Check]) -> set[str]:
    """Name the checks that failed, warnings too."""
    return {name for name, check in checks.items() if not check.passed}
