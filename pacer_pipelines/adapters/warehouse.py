"""The door to the warehouse: dbt in this process, for a range of days, in one DuckDB file.

Importing this module is cheap; dbt (two seconds) is imported by the first parse or build. The parsed project
is shared by all worlds (``<project>/target``); compiled SQL and logs of a run lie under the world's home.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pacer_pipelines.errors import WarehouseFailed

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

DbtEvent = dict[str, Any]
OnEvent = Callable[[DbtEvent], None]
Columns = Mapping[str, Mapping[str, Mapping[str, str]]]

# The file's name is the name of the database in every compiled statement, so it is the same in every world.
WAREHOUSE_FILE = "warehouse.duckdb"
_PARSED = ("manifest.json", "partial_parse.msgpack", "fingerprint")
_SOURCES = (".sql", ".yml")
_RESULTS = frozenset({"LogModelResult", "LogTestResult"})
_BAD = frozenset({"error", "fail", "runtime error", "partial success"})
_LOGGERS = ("file_log", "stdout_log")
# dbt keeps its adapter, flags and connection in module globals: one invocation at a time.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class BuiltNode:
    """One model or test that dbt ran, as it ended."""

    unique_id: str
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build did: its days (both included), its nodes, and where its traces lie."""

    start: date
    end: date
    nodes: tuple[BuiltNode, ...]
    target_path: Path
    columns: Columns
    """Type of each column: relation name as dbt writes it -> column -> {"data_type": ...}."""


class Warehouse:
    """One world's warehouse file, and the dbt project that fills it."""

    def __init__(self, home: Path, project_dir: Path) -> None:
        """Point at a world's home (``landing/`` below it) and at the dbt project; nothing is opened yet."""
        self.home, self.project_dir = home.resolve(), project_dir.resolve()
        self.file = self.home / WAREHOUSE_FILE
        self.landing = self.home / "landing"
        self.target_path = self.home / "dbt" / "target"

    def parse_manifest(self) -> Path:
        """Give dbt's manifest.json, parsing the project when there is none or its files have changed.

        Returns:
            ``<project>/target/manifest.json``. No warehouse and no landing is needed.

        Raises:
            WarehouseFailed: The project does not parse.
        """
        parsed = self.project_dir / "target"
        fingerprint = _fingerprint(self.project_dir)
        stamp = parsed / "fingerprint"
        if not (stamp.is_file() and stamp.read_text() == fingerprint):
            with _ONE_AT_A_TIME:
                self._parse_into(parsed, fingerprint)
        return parsed / "manifest.json"

    def fingerprint(self) -> str:
        """Give the hash of everything that dbt parses."""
        return _fingerprint(self.project_dir)

    def build(self, start: date, end_inclusive: date, on_event: OnEvent | None = None) -> BuildResult:
        """Rebuild every mart row of some days, and run the data tests.

        Staging and intermediate models are rebuilt whole; of the marts only the named days change, and a day
        without rows any more becomes empty.

        Args:
            start: First day, in the plan's time zone.
            end_inclusive: Last day.
            on_event: Called with each finished model and test as dbt's raw event, ``{"info": …, "data": …}``.

        Raises:
            WarehouseFailed: A model or test failed; the message names each with its reason.
        """
        if end_inclusive < start:
            raise ValueError(f"days to build: got {start} to {end_inclusive}, allowed: start <= end")
        self.parse_manifest()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        days = ["--event-time-start", str(start), "--event-time-end", str(end_inclusive + timedelta(days=1))]
        with _ONE_AT_A_TIME:
            result = self._invoke(
                ["build", "--exclude-resource-type", "unit_test", "--no-write-json", *days],
                self.target_path,
                self.file,
                on_event,
            )
        _raise_failures(result)
        assert result.result is not None
        nodes = tuple(
            BuiltNode(run.node.unique_id, str(run.status), run.execution_time)
            for run in result.result.results  # type: ignore[union-attr]
        )
        self._name_last_batches(end_inclusive)
        return BuildResult(start, end_inclusive, nodes, self.target_path, self._columns())

    def run_unit_tests(self) -> int:
        """Run dbt's unit tests against an already built warehouse; gives how many passed.

        Raises:
            WarehouseFailed: A unit test failed.
        """
        self.parse_manifest()
        with _ONE_AT_A_TIME:
            result = self._invoke(["test", "--select", "test_type:unit"], self.target_path, self.file, None)
        _raise_failures(result)
        return len(result.result.results)  # type: ignore[union-attr]

    def _parse_into(self, parsed: Path, fingerprint: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            parsing = ["--warn-error", "parse"]
            _raise_failures(self._invoke(parsing, Path(folder), Path(WAREHOUSE_FILE), None, known=False))
            (Path(folder) / "fingerprint").write_text(fingerprint)
            parsed.mkdir(exist_ok=True)
            for name in _PARSED:
                # The fingerprint comes last: a reader that sees it also sees what it vouches for.
                swap = parsed / f".{name}.{os.getpid()}"
                shutil.copyfile(Path(folder) / name, swap)
                swap.replace(parsed / name)

    def _invoke(
        self, arguments: list[str], target: Path, file: Path, on_event: OnEvent | None, *, known: bool = True
    ) -> "dbtRunnerResult":
        from dbt.cli.main import dbtRunner

        folder = self.home / "dbt" if known else target
        options = {
            "--project-dir": self.project_dir,
            "--profiles-dir": self.project_dir,
            "--target-path": target,
            "--log-path": folder / "logs",
            "--log-level": "none",
            "--log-level-file": "info",
        }
        with _environment(PACER_WAREHOUSE=str(file), PACER_LANDING=str(self.landing)), _closed_afterwards():
            manifest = self._load_manifest() if known else None
            runner = dbtRunner(manifest=manifest, callbacks=[_results_only(on_event)] if on_event else [])
            return runner.invoke([*arguments, *(str(word) for pair in options.items() for word in pair)])

    def _load_manifest(self) -> "Manifest":
        """Load the parsed project anew: dbt writes into a manifest while it runs."""
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        packed = (self.project_dir / "target" / "partial_parse.msgpack").read_bytes()
        manifest: Manifest = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
        manifest.build_flat_graph()  # type: ignore[no-untyped-call]
        return manifest

    def _name_last_batches(self, day: date) -> None:
        """Copy each mart's compiled SQL of the last day to the path where column lineage looks for it."""
        for batch in self.target_path.glob(f"compiled/*/models/marts/*/*_{day}.sql"):
            shutil.copyfile(batch, batch.parent.with_suffix(".sql"))

    def _columns(self) -> Columns:
        found: dict[str, dict[str, dict[str, str]]] = {}
        with duckdb.connect(str(self.file)) as db:
            rows = db.execute(
                "select table_catalog, table_schema, table_name, column_name, data_type"
                " from information_schema.columns order by table_schema, table_name, ordinal_position"
            ).fetchall()
        for catalog, schema, table, column, kind in rows:
            found.setdefault(f'"{catalog}"."{schema}"."{table}"', {})[column] = {"data_type": kind}
        return found


def _fingerprint(project_dir: Path) -> str:
    """Hash every file that dbt parses, and the versions that parse them."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(project_dir.rglob("*")):
        inside = path.relative_to(project_dir)
        if path.suffix in _SOURCES and inside.parts[0] not in ("target", "logs"):
            digest.update(f"\0{inside.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables, and the working directory that dbt may leave, for one call only."""
    before, folder = {name: os.environ.get(name) for name in values}, Path.cwd()
    os.environ.update(values)
    try:
        yield
    finally:
        os.chdir(folder)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _closed_afterwards() -> Iterator[None]:
    """Close what dbt leaves open: its log file, and its DuckDB connection, which shuts out every reader."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    try:
        yield
    finally:
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        for logger in (logging.getLogger(name) for name in _LOGGERS):
            for handler in logger.handlers:
                handler.close()
            logger.handlers.clear()


def _results_only(on_event: OnEvent) -> Callable[[Any], None]:
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

    def forward(message: Any) -> None:
        if message.info.name in _RESULTS:
            on_event(MessageToDict(message, preserving_proto_field_name=True))

    return forward


def _raise_failures(result: "dbtRunnerResult") -> None:
    if result.success:
        return
    if result.exception is not None:
        first = str(result.exception).strip().splitlines() or [type(result.exception).__name__]
        raise WarehouseFailed(f"dbt: {first[0]}", str(result.exception)) from result.exception
    runs: list[NodeResult] = getattr(result.result, "results", [])
    bad = [run for run in runs if str(run.status) in _BAD]
    if not bad:
        raise WarehouseFailed("dbt failed without naming a model or test")
    lines = [
        f"{run.node.resource_type} {run.node.name}: {(run.message or run.status).strip()}" for run in bad
    ]
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    raise WarehouseFailed(
        f"dbt: {bad[0].node.resource_type} {bad[0].node.name} failed{more}", "\n".join(lines)
    )
