"""The door between a run and everybody who reads: marts as Parquet snapshots behind one pointer.

Nothing but the run opens the warehouse file. After a run its marts are copied to
``published/<version>/<table>.parquet`` with a ``manifest.json``, and the pointer file ``LATEST`` is swapped.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pacer_pipelines.errors import NothingPublished

MARTS = (
    "metric_sums_daily", "student_sums_daily", "segment_sums_daily", "ratings_by_decision_daily", "units_daily",
    "exposures_daily", "served_identities_daily", "row_fates_daily", "rows_hourly", "rating_delays_daily",
    "cards_daily",
)  # fmt: skip
KEPT_VERSIONS = 5
Parameters = Sequence[Any] | Mapping[str, Any]
Query = Callable[[str, Parameters], list[dict[str, Any]]]
# One thread and a total order, so that the same rows are the same bytes; extensions are never fetched.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def publish(warehouse_file: Path, home: Path, tables: Sequence[str] = MARTS, schema: str = "marts") -> str:
    """Publish tables of the warehouse as one snapshot, and point readers at it.

    Args:
        warehouse_file: DuckDB file that no run has open.
        home: The world's home; the snapshot goes to ``published/`` below it.
        tables: Names of the tables, all in one schema.
        schema: That schema.

    Returns:
        The version: 12 hex digits of the content's hash. The same rows are the same version, written once.

    Raises:
        NothingPublished: The warehouse file does not exist, so there is nothing to publish.
    """
    if not warehouse_file.is_file():
        raise NothingPublished(f"no warehouse at {warehouse_file}: run a day first")
    root = home / "published"
    draft = root / f".draft-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    manifest = _copy_tables(warehouse_file, draft, tables, schema)
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    _write_durably(draft / "manifest.json", text)
    if (root / version / "manifest.json").is_file():
        shutil.rmtree(draft)
        os.utime(root / version)
    else:
        draft.rename(root / version)
    _point_at(root, version)
    _drop_old(root, version)
    return version


class Published:
    """One published snapshot, read without touching the warehouse.

    The version is fixed when the reader is made: a publication in between does not mix two snapshots.
    """

    def __init__(self, home: Path, version: str | None = None) -> None:
        """Open the latest snapshot, or a named one.

        Raises:
            NothingPublished: No snapshot exists, or the named one is gone.
        """
        root = home / "published"
        pointer = root / "LATEST"
        if version is None and not pointer.is_file():
            raise NothingPublished(f"nothing published below {root}: run a day first")
        self.version = version or pointer.read_text().strip()
        self.folder = root / self.version
        if not (self.folder / "manifest.json").is_file():
            raise NothingPublished(f"published version {self.version} is not there any more: {self.folder}")
        self.manifest: dict[str, dict[str, Any]] = json.loads((self.folder / "manifest.json").read_text())

    def rows(self, table: str, where: str = "true", parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Give the rows of a table, ordered by all its columns.

        Args:
            table: Name of a published table.
            where: Condition in SQL with a ``?`` for each value, never with a value in its text.
            parameters: The values.

        Returns:
            One dictionary per row, column -> value (str, date, float, int or None).
        """
        if table not in self.manifest:
            raise KeyError(f"published tables: got {table!r}, allowed: {', '.join(sorted(self.manifest))}")
        return self.query(f"select * from {table} where {where} order by all", parameters)

    def query(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Give the rows of a query over the published tables, each known by its name.

        An order that matters has to be in the query. Parameters are ``?`` (sequence) or ``$name`` (mapping).
        """
        with self.opened() as ask:
            return ask(sql, parameters)

    @contextmanager
    def opened(self) -> Iterator[Query]:
        """Ask several queries of one connection: what :meth:`query` does, as a function."""
        with duckdb.connect(config=_SETTINGS) as db:
            for table in self.manifest:
                file = _quoted(self.folder / f"{table}.parquet")
                db.execute(f"create view {table} as select * from read_parquet({file})")

            def ask(sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
                cursor = db.execute(sql, parameters)
                names = [column[0] for column in cursor.description or []]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

            yield ask


def _copy_tables(warehouse_file: Path, draft: Path, tables: Sequence[str], schema: str) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    with duckdb.connect(config=_SETTINGS) as db:
        db.execute(f"attach {_quoted(warehouse_file)} as warehouse (read_only)")
        for table in tables:
            target = draft / f"{table}.parquet"
            # anew, because a table remembers nulls that it once held, and Parquet would tell
            db.execute(f"create table {table} as select * from warehouse.{schema}.{table} order by all")
            (rows,) = db.execute(f"copy {table} to {_quoted(target)} (format parquet)").fetchall()[0]
            _sync(target)
            manifest[table] = {"rows": rows, "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
    return manifest


def _point_at(root: Path, version: str) -> None:
    swap = root / f".LATEST-{os.getpid()}"
    _write_durably(swap, version + "\n")
    swap.replace(root / "LATEST")
    _sync(root)


def drop_others(home: Path, version: str) -> int:
    """Remove every published snapshot but one; gives how many."""
    return _drop_old(home / "published", version, kept=1)


def _drop_old(root: Path, current: str, kept: int = KEPT_VERSIONS) -> int:
    versions = [path.parent for path in root.glob("*/manifest.json") if not path.parent.name.startswith(".")]
    others = sorted(
        (path for path in versions if path.name != current), key=lambda path: path.stat().st_mtime_ns
    )
    old = others[: max(0, len(others) - (kept - 1))]
    for path in old:
        shutil.rmtree(path)
    return len(old)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _write_durably(path: Path, text: str) -> None:
    path.write_text(text)
    _sync(path)


def _sync(path: Path) -> None:
    """Force a file or folder to disk before something points at it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
