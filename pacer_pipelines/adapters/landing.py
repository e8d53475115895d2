"""The landing: typed Parquet parts per file and day, the rejects beside them, and a ledger of what came in.

Files grow, shrink and are replaced. A file that grew rewrites its parts; one whose old content is gone lands
beside them as a new generation, so nothing that ever landed is lost, and staging removes what came twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from dataclasses import replace as changed
from pathlib import Path

from pacer_pipelines.adapters.arrivals import Arrival, Column, Parsed, Stream
from pacer_pipelines.adapters.landing_rows import REJECT_SCHEMA, LandingRows, types_of
from pacer_pipelines.adapters.parquet_files import RowTables, swap_in

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
UNDATED = "undated"
# the reason of a line that a newer pipeline can read
TOO_NEW = "unknown schema version"


@dataclass(frozen=True)
class FileReceipt:
    """What became of one file; rows_in = landed + rejected + forgotten, always. This is an entry of the ledger.

    It holds no row: the name of the file (a pseudonym where a person chose it), hash and size of its unpacked content,
    and numbers. ``tag`` is what object storage said of the content, so that it need not be fetched to be known again.
    ``reasons`` counts the rejects; lines of a later version than ``schema`` are among them, and land when it is known.
    """

    file: str
    file_key: str
    sha256: str
    size: int
    rows_in: int
    landed: int
    rejected: int
    per_day: dict[str, int]
    warnings: dict[str, int]
    tag: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    schema: int = 0
    forgotten: int = 0

    def __post_init__(self) -> None:
        """Refuse to exist when a row vanished."""
        accounted = self.landed + self.rejected + self.forgotten
        if self.rows_in != accounted or self.landed != sum(self.per_day.values()):
            raise ValueError(
                f"{self.file}: {self.rows_in} rows in, {self.landed} landed + {self.rejected} rejected + "
                f"{self.forgotten} forgotten, {sum(self.per_day.values())} in parts"
            )

    def waits_for(self, schema: int) -> bool:
        """Whether lines of it were refused that are readable with a version of the log."""
        return TOO_NEW in self.reasons and self.schema < schema


class Landing:
    """Writes and knows the landing below one home directory. One writer at a time."""

    def __init__(self, home: Path) -> None:
        """Take the home directory; folders appear when something lands."""
        self.root = home / "landing"
        self.rejects = home / "rejects"

    def ensure_schema(self, table: str, columns: Sequence[Column]) -> None:
        """Write the zero-row files that carry the types, so that a glob over a table always matches."""
        for folder, types in ((self.root, types_of(columns)), (self.rejects, REJECT_SCHEMA)):
            with RowTables({"nothing": types}) as tables:
                tables.write(folder / table / "_schema.parquet", "nothing")

    def seen(self, table: str, file_key: str, sha256: str, tag: str = "", schema: int = 0) -> bool:
        """Say whether exactly this content of this file has landed, in any generation; if so, keep its tag.

        It has not when lines of it were too new, and their version is known by now.
        """
        for receipt in self._generations(table, file_key):
            if receipt.sha256 == sha256 and not receipt.waits_for(schema):
                if receipt.tag != tag:
                    self.record(table, changed(receipt, tag=tag))
                return True
        return False

    def tagged(self, table: str, file_key: str, tag: str, schema: int = 0) -> bool:
        """Say whether object storage told of the content of this file when it landed; "" tells nothing."""
        known = self._generations(table, file_key) if tag else []
        return any(receipt.tag == tag and not receipt.waits_for(schema) for receipt in known)

    def sizes(self, table: str, file_key: str) -> list[int]:
        """Give the sizes of what has landed of this file, to see whether its content goes on from there."""
        return [receipt.size for receipt in self._generations(table, file_key)]

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
        parsed: Parsed | Stream,
        replace: bool = False,
    ) -> FileReceipt:
        """Write the parts, rejects and ledger entry of one file; each file swapped in atomically.

        Nothing is written before the last row came in. The ledger entry comes last: after a crash the file counts
        as not seen and lands again.

        Args:
            table: Landing table.
            columns: Its columns; every row has exactly these.
            day_column: The DATE column that gives the partition, None for a table without days.
            arrival: The file.
            parsed: Its rows and rejects, or a stream of them, in which repeated rows are refused.
            replace: Rewrite the parts whatever came before, for a file that is a state and not a log.

        Returns:
            The receipt, also kept in the ledger.

        Raises:
            ValueError: If rows do not add up, a row lacks a column, or a required value is null.
        """
        key = _checked(arrival.key) if replace else self._key_for(table, arrival)
        with LandingRows(columns, arrival.name) as rows:
            if isinstance(parsed, Stream):
                for batch in parsed.batches:
                    rows.add(batch)
                    rows.note_forgotten(batch, parsed.keep(batch))
                rows.refuse_repeated(parsed.identity, parsed.called, day_column)
                rows.drop_forgotten()
            else:
                rows.add(parsed)
            per_day = self._write_parts(table, day_column, key, rows)
            rows.write_rejects(self.rejects / table / f"{key}.parquet")
            receipt = FileReceipt(
                file=arrival.name,
                file_key=key,
                sha256=arrival.whole.sha256,
                size=arrival.whole.size,
                rows_in=rows.rows_in,
                landed=rows.landed,
                rejected=rows.rejected,
                per_day=per_day,
                warnings=dict(rows.warnings),
                tag=arrival.tag,
                reasons=dict(sorted(rows.reasons.items())),
                schema=arrival.schema,
                forgotten=rows.forgotten,
            )
        self.record(table, receipt)
        return receipt

    def record(self, table: str, receipt: FileReceipt) -> None:
        """Keep a receipt in the ledger: from then on its file has landed."""
        ledger = self.root / "_ledger" / table / f"{receipt.file_key}.json"
        text = json.dumps(asdict(receipt), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        swap_in(ledger, lambda path: path.write_text(text, encoding="utf-8"))

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
            if arrival.beginning(receipt.size) == receipt.sha256:
                return receipt.file_key
        return arrival.key if not earlier else f"{arrival.key}.g{len(earlier) + 1}"

    def _write_parts(self, table: str, day_column: str | None, key: str, rows: LandingRows) -> dict[str, int]:
        per_day = rows.per_day(day_column) if day_column else {UNDATED: rows.landed}
        written = set()
        for day, number in per_day.items():
            folder = self.root / table / (f"day={day}" if day_column else "")
            if number:
                condition = f"{day_column} = DATE '{day}'" if day_column else "true"
                rows.write_part(folder / f"{key}.parquet", condition)
                written.add(folder / f"{key}.parquet")
        for old in (self.root / table).glob(f"**/{key}.parquet"):
            if old not in written:
                old.unlink()
        return per_day


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError("file key: allowed letters, digits, '.', '_' and '-'")
    return key


def _receipt(path: Path) -> FileReceipt:
    return FileReceipt(**json.loads(path.read_text(encoding="utf-8")))
