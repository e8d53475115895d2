"""The landing: typed Parquet parts per file and day, the rejects beside them, and a ledger of what came in.

Files grow, shrink and are replaced. A file that grew rewrites its parts; one whose old content is gone lands
beside them as a new generation, so nothing that ever landed is lost, and staging removes what came twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from pacer_pipelines.adapters.parquet_files import Frame, swap_in

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
UNDATED = "undated"


class Column(Protocol):
    """What the landing needs to know of a column."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> str:
        """Its DuckDB type."""

    @property
    def required(self) -> bool:
        """Whether it may not be null."""


class Reject(Protocol):
    """What the landing needs to know of a refused row."""

    @property
    def line(self) -> int:
        """Its line in the file."""

    @property
    def reason(self) -> str:
        """Why it was refused."""

    @property
    def detail(self) -> str:
        """Which field, what came, what is allowed; never the content."""


class Parsed(Protocol):
    """What the landing needs to know of a parsed file."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Typed rows."""

    @property
    def rejects(self) -> Sequence[Reject]:
        """Refused rows."""

    @property
    def rows_in(self) -> int:
        """Rows that came in."""

    @property
    def warnings(self) -> Mapping[str, int]:
        """Values that were emptied while their row was kept."""

    @property
    def forgotten(self) -> int:
        """Rows of forgotten students, dropped."""


@dataclass(frozen=True)
class Arrival:
    """A file as it arrived: its key, the name people may see, and its content (only hashed here)."""

    key: str
    name: str
    content: bytes


@dataclass(frozen=True)
class FileReceipt:
    """What became of one file; rows_in = landed + rejected + forgotten, always."""

    file: str
    file_key: str
    sha256: str
    size: int
    rows_in: int
    landed: int
    rejected: int
    per_day: dict[str, int]
    warnings: dict[str, int]
    forgotten: int = 0

    def __post_init__(self) -> None:
        """Refuse to exist when a row vanished."""
        accounted = self.landed + self.rejected + self.forgotten
        if self.rows_in != accounted or self.landed != sum(self.per_day.values()):
            raise ValueError(
                f"{self.file}: {self.rows_in} rows in, {self.landed} landed + {self.rejected} rejected + "
                f"{self.forgotten} forgotten, {sum(self.per_day.values())} in parts"
            )


REJECT_SCHEMA = {"reason": "VARCHAR", "detail": "VARCHAR", "source_file": "VARCHAR", "source_line": "BIGINT"}


class Landing:
    """Writes and knows the landing below one home directory. One writer at a time."""

    def __init__(self, home: Path) -> None:
        """Take the home directory; folders appear when something lands."""
        self.root = home / "landing"
        self.rejects = home / "rejects"

    def ensure_schema(self, table: str, columns: Sequence[Column]) -> None:
        """Write the zero-row files that carry the types, so that a glob over a table always matches."""
        for folder, types in ((self.root, _types(columns)), (self.rejects, REJECT_SCHEMA)):
            target = folder / table / "_schema.parquet"
            with Frame(types, ()) as frame:
                frame.write(target, "true", "1")

    def seen(self, table: str, file_key: str, sha256: str) -> bool:
        """Say whether exactly this content of this file has landed, in any generation."""
        return any(receipt.sha256 == sha256 for receipt in self._generations(table, file_key))

    def receipts(self, table: str) -> list[FileReceipt]:
        """Give what became of every file of a table, by key."""
        return self._ledger(table, "*")

    def parts(self, table: str) -> dict[tuple[str, str], str]:
        """Give (day, file key) -> hash of each part; the day is 'undated' for parts without one."""
        found = {}
        for path in sorted((self.root / table).glob("**/*.parquet")):
            if path.name != "_schema.parquet":
                day = path.parent.name.removeprefix("day=") if path.parent.name != table else UNDATED
                found[day, path.stem] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def days(self, table: str) -> dict[str, str]:
        """Give day -> digest over its parts (names and bytes); 'undated' for parts without a day."""
        lines: dict[str, list[str]] = {}
        for (day, key), content in self.parts(table).items():
            lines.setdefault(day, []).append(f"{key}.parquet {content}")
        return {day: hashlib.sha256("\n".join(each).encode()).hexdigest() for day, each in lines.items()}

    def land(
        self,
        table: str,
        columns: Sequence[Column],
        day_column: str | None,
        arrival: Arrival,
        parsed: Parsed,
        replace: bool = False,
    ) -> FileReceipt:
        """Write the parts, rejects and ledger entry of one file; each file swapped in atomically.

        The ledger entry comes last: after a crash the file counts as not seen and lands again.

        Args:
            table: Landing table.
            columns: Its columns; every row has exactly these.
            day_column: The DATE column that gives the partition, None for a table without days.
            arrival: The file.
            parsed: Its rows and rejects.
            replace: Rewrite the parts whatever came before, for a file that is a state and not a log.

        Returns:
            The receipt, also kept in the ledger.

        Raises:
            ValueError: If rows do not add up, a row lacks a column, or a required value is null.
        """
        key = _checked(arrival.key) if replace else self._key_for(table, arrival)
        per_day = self._write_parts(table, columns, day_column, key, parsed.rows)
        self._write_rejects(table, key, arrival.name, parsed.rejects)
        receipt = FileReceipt(
            file=arrival.name,
            file_key=key,
            sha256=hashlib.sha256(arrival.content).hexdigest(),
            size=len(arrival.content),
            rows_in=parsed.rows_in,
            landed=len(parsed.rows),
            rejected=len(parsed.rejects),
            per_day=per_day if day_column else {UNDATED: len(parsed.rows)},
            warnings=dict(parsed.warnings),
            forgotten=parsed.forgotten,
        )
        ledger = self.root / "_ledger" / table / f"{key}.json"
        text = json.dumps(asdict(receipt), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        swap_in(ledger, lambda path: path.write_text(text, encoding="utf-8"))
        return receipt

    def _ledger(self, table: str, keys: str) -> list[FileReceipt]:
        folder = self.root / "_ledger" / table
        return [_receipt(path) for path in sorted(folder.glob(f"{keys}.json"), key=lambda p: p.stem)]

    def _generations(self, table: str, file_key: str) -> list[FileReceipt]:
        own = re.compile(re.escape(_checked(file_key)) + r"(\.g[0-9]+)?")
        return [receipt for receipt in self._ledger(table, f"{file_key}*") if own.fullmatch(receipt.file_key)]

    def _key_for(self, table: str, arrival: Arrival) -> str:
        """Give the key of the generation that this content continues, else a new one."""
        earlier = self._generations(table, arrival.key)
        for receipt in sorted(earlier, key=lambda r: r.size, reverse=True):
            if not receipt.landed:
                # nothing of it was ever used, so nothing is lost when its repaired content takes its place
                return receipt.file_key
            if hashlib.sha256(arrival.content[: receipt.size]).hexdigest() == receipt.sha256:
                return receipt.file_key
        return arrival.key if not earlier else f"{arrival.key}.g{len(earlier) + 1}"

    def _write_parts(
        self,
        table: str,
        columns: Sequence[Column],
        day_column: str | None,
        key: str,
        rows: Sequence[Mapping[str, Any]],
    ) -> dict[str, int]:
        _check_shape(rows, columns)
        per_day = Counter(str(row[day_column]) for row in rows) if day_column else Counter()
        written = set()
        with Frame(_types(columns), rows) as frame:
            if day_column is None and rows:
                written.add(self.root / table / f"{key}.parquet")
                frame.write(self.root / table / f"{key}.parquet", "true", "source_line")
            for day in sorted(per_day):
                part = self.root / table / f"day={day}" / f"{key}.parquet"
                frame.write(part, f"{day_column} = DATE '{day}'", "source_line")
                written.add(part)
        for old in (self.root / table).glob(f"**/{key}.parquet"):
            if old not in written:
                old.unlink()
        return dict(sorted(per_day.items()))

    def _write_rejects(self, table: str, key: str, name: str, rejects: Iterable[Reject]) -> None:
        target = self.rejects / table / f"{key}.parquet"
        rows = [
            {"reason": r.reason, "detail": r.detail, "source_file": name, "source_line": r.line}
            for r in rejects
        ]
        if rows:
            with Frame(REJECT_SCHEMA, rows) as frame:
                frame.write(target, "true", "source_line, reason")
        else:
            target.unlink(missing_ok=True)


def _types(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: column.type for column in columns}


def _check_shape(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    names = {column.name for column in columns}
    required = [column.name for column in columns if column.required]
    for row in rows:
        if row.keys() != names:
            raise ValueError(f"a row has not the columns of its table: {sorted(row.keys() ^ names)}")
        empty = [name for name in required if row[name] is None]
        if empty:
            raise ValueError(f"line {row.get('source_line')}: required but null: {empty}")


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("file key: allowed letters, digits, '.', '_' and '-'")
    return key


def _receipt(path: Path) -> FileReceipt:
    return FileReceipt(**json.loads(path.read_text(encoding="utf-8")))
