"""Everything personal in the input of a world, and a search for it in everything that the world wrote."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import zstandard

PHONE = re.compile(r"\d{2,3}-\d{3,4}-\d{4}")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
# The shape of every id of the example; found in the output, it is an id, whatever stands around it.
SHAPES = {"student": re.compile(r"stu\d{4}(-\d)?"), "coach": re.compile(r"coach\d{2}")}
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


class Secrets(dict[str, set[str]]):
    """Kind -> every value of that kind in the input."""

    def pattern(self) -> re.Pattern[str]:
        """One expression that finds any of them; ids by their shape, all else word by word."""
        words = [re.escape(word) for kind in self for word in sorted(self[kind], key=len, reverse=True)]
        shapes = [shape.pattern for shape in SHAPES.values()]
        return re.compile("|".join([*shapes, r"\bstuA\b", *_grouped(words)]))


def _grouped(words: list[str]) -> Iterator[str]:
    """Words by their first two characters, so that the search looks at few of them in most places."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[:2] if word[0] != "\\" else word[:3], []).append(word)
    for start, members in sorted(groups.items()):
        yield start + "(?:" + "|".join(member[len(start) :] for member in members) + ")"


def secrets_of(folder: Path) -> Secrets:
    """Collect from a world's input: database, roster, logs, names of the Anki uploads."""
    found = Secrets(student=set(), coach=set(), name=set(), memo=set(), phone=set(), mail=set())
    with closing(_database(folder / "pacer.db.zst")) as db:
        found["student"] |= {row[0] for row in db.execute("select student_id from students")}
        found["student"] |= {row[0] for row in db.execute("select student_id from anki_cards")}
        found["name"] |= {row[0] for row in db.execute("select name from students")}
        found["coach"] |= {row[0] for row in db.execute("select coach_id from llm_logs") if row[0]}
        found["memo"] |= {row[0] for row in db.execute("select memo from llm_logs") if row[0]}
        texts = {row[0] for row in db.execute("select reason from llm_logs")}
        texts |= {row[0] for row in db.execute("select question || ' ' || answer from anki_cards")}
    with (folder / "roster.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            found["student"].add(row["student_id"])
            found["coach"].add(row["coach_id"])
    for record in _lines(folder / "exposures.jsonl.gz"):
        found["student"].add(str(record["unit_id"]))
        found["coach"].add(str(record["attrs"]["coach"]))  # type: ignore[index]
    for record in _lines(folder / "feedback_events.jsonl.gz"):
        found["coach"].add(str(record["coach_id"]))
    for record in _lines(folder / "card_reviews.jsonl.gz"):
        found["student"].add(str(record["student_id"]))
    free = "\n".join([*found["memo"], *texts])
    found["phone"], found["mail"] = set(PHONE.findall(free)), set(MAIL.findall(free))
    return found


def _lines(path: Path) -> Iterator[dict[str, object]]:
    for line in gzip.decompress(path.read_bytes()).splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _database(path: Path) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "pacer.db"
        with path.open("rb") as packed, plain.open("wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
        with closing(sqlite3.connect(plain)) as db:
            db.backup(memory)
    return memory


def leaks(home: Path, secrets: Secrets) -> list[str]:
    """Give "file: what" for each secret found below a folder, in names, raw bytes, or decoded tables."""
    pattern = secrets.pattern()
    found = set()
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        for where, text in _texts(path, name):
            found |= {f"{where}: {match.group()}" for match in pattern.finditer(_plain(text))}
    return sorted(found)


def _plain(text: str) -> str:
    """Undo JSON's way to spell Korean in ASCII."""
    if "\\u" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)


def _texts(path: Path, name: str) -> Iterator[tuple[str, str]]:
    yield f"name of {name}", name
    if not path.is_file():
        return
    data = path.read_bytes()
    yield name, data.decode("utf-8", errors="replace")
    if path.suffix == ".parquet":
        yield name, _parquet_text(path)
    elif path.suffix == ".duckdb":
        yield from _duckdb_texts(path, name)
    elif data.startswith(b"SQLite format 3"):
        yield from _sqlite_texts(path, name)


def _parquet_text(path: Path) -> str:
    with duckdb.connect() as db:
        db.read_parquet(str(path), hive_partitioning=False).create("rows")
        return _rows_as_text(db, "rows")


def _rows_as_text(db: duckdb.DuckDBPyConnection, table: str) -> str:
    rows = db.execute(f"select cast(r as varchar) from {table} as r").fetchall()
    return "\n".join(row[0] or "" for row in rows)


def _duckdb_texts(path: Path, name: str) -> Iterator[tuple[str, str]]:
    with duckdb.connect(str(path), read_only=True) as db:
        tables = db.execute("select table_schema, table_name from information_schema.tables").fetchall()
        for schema, table in tables:
            yield f"{name} {schema}.{table}", _rows_as_text(db, f'"{schema}"."{table}"')


def _sqlite_texts(path: Path, name: str) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            rows = db.execute(f'select * from "{table}"').fetchall()
            yield f"{name} {table}", "\n".join(map(str, rows))
