"""How PACER's database lands: each copy adds the versions of the rows that changed since the copy before."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pacer_pipelines.adapters.landing import FileReceipt
from pacer_pipelines.adapters.pacer_columns import FIELDS
from pacer_pipelines.adapters.pacer_database import SOURCE, Snapshot, snapshot
from pacer_pipelines.adapters.row_history import RowHistory, Stamp, Versions
from pacer_pipelines.errors import PacerError, SourceUnreadable
from pacer_pipelines.ingest.copy_changes import CopyChanges, Known, row_digest
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.ingest.pacer_tables import Observed, parse_anki_cards, parse_llm_logs
from pacer_pipelines.ingest.rows import Parsed, Record, Reject, Row
from pacer_pipelines.ingest.tables import TABLES
from pacer_pipelines.orchestration.ingestion import SourceReport, report_of
from pacer_pipelines.orchestration.resources import WorldResource

STAMP = "%Y%m%dT%H%M%S"
ID_COLUMNS = {"llm_logs": "log_id", "anki_cards": "card_id"}
ROWS_AT_ONCE = 20_000
# so many rows refused for one reason, and more than half of the new and changed ones, are no accident of a row
DRIFT_ROWS, DRIFT_SHARE = 5, 0.5

# what a receipt counts beside the rows that landed and were refused
UNCHANGED = "unchanged since the copy before"
VANISHED = "vanished since the copy before"
NOW_REFUSED = "refused, and usable in the copy before"
REUSED = "another row under a known id"
NEW_COLUMN = "unknown column: "


def land_database(resource: WorldResource) -> tuple[SourceReport, ...]:
    """PACER's own tables, from each dated copy and from the live database: one row per changed version."""
    copies = resource.world.database_urls() if resource.world.settings.sources.database else []
    for table in ID_COLUMNS:
        resource.landing.ensure_schema(table, TABLES[table])
    receipts: dict[str, list[FileReceipt]] = {table: [] for table in ID_COLUMNS}
    problems: dict[str, list[PacerError]] = {table: [] for table in ID_COLUMNS}
    for url, taken_at in copies:
        try:
            for table, outcome in _land_copy(resource, url, taken_at):
                if isinstance(outcome, PacerError):
                    problems[table].append(outcome)
                else:
                    receipts[table].append(outcome)
        except PacerError as error:
            for told in problems.values():
                told.append(error)
    return tuple(report_of(table, receipts[table], problems[table], bool(copies)) for table in ID_COLUMNS)


def _land_copy(
    resource: WorldResource, url: str, taken_at: datetime | None
) -> Iterator[tuple[str, FileReceipt | PacerError]]:
    """Land one copy of the database; a dated copy that has landed is not read again."""
    # the key tells whole seconds, and the time is read back from it
    at = (taken_at or resource.now()).replace(microsecond=0)
    key = f"pacer-{at.strftime(STAMP)}"
    landed = {table: _by_key(resource, table).get(key) for table in ID_COLUMNS}
    done = {table: receipt for table, receipt in landed.items() if receipt is not None}
    if taken_at is not None and len(done) == len(ID_COLUMNS):
        yield from done.items()
        return
    with snapshot(url) as taken:
        for table in ID_COLUMNS:
            try:
                yield table, _land_table(resource, table, taken, _stamp(resource, table, at))
            except SourceUnreadable as error:
                yield table, error


def _by_key(resource: WorldResource, table: str) -> dict[str, FileReceipt]:
    return {receipt.file_key: receipt for receipt in resource.landing.receipts(table)}


def _taken(key: str) -> datetime:
    return datetime.strptime(key.removeprefix("pacer-"), STAMP)


def _stamp(resource: WorldResource, table: str, at: datetime) -> Stamp:
    """Place a copy among those that have landed, by the time it was taken."""
    key = f"pacer-{at.strftime(STAMP)}"
    before = max((other for other in _by_key(resource, table) if other < key), default=None)
    return Stamp(key, at, local_date(at, resource.origin(key).tz), _taken(before) if before else None)


def _land_table(resource: WorldResource, table: str, taken: Snapshot, copy: Stamp) -> FileReceipt:
    """Land what one copy changes in one table, and what it changes in the next copy if it comes late."""
    others = _by_key(resource, table)
    with RowHistory(resource.home, table, ID_COLUMNS[table], TABLES[table]) as history:
        reading = _Reading(resource, table, taken, copy, Known(*history.known(copy.at)))
        for parsed in reading.parsed():
            history.add(parsed.rows)
            history.refuse(parsed.rejects, copy.key)
        _refuse_drift(reading, others)
        versions = history.compare(copy, reading.changes.gone())
        later = min((key for key in others if key > copy.key), default=None)
        stamp = replace(_stamp(resource, table, _taken(later)), not_before_at=copy.at) if later else None
        changed = history.compare_later(copy, stamp) if stamp else None
        history.write(copy, stamp)
        if stamp and changed:
            resource.landing.record(table, _again(others[stamp.key], stamp, changed, history))
        warnings = {
            **reading.warnings,
            **{f"{NEW_COLUMN}{name}": 1 for name in taken.new_columns(table)},
            UNCHANGED: reading.changes.rows_read - reading.refused - reading.forgotten - versions.shown,
        }
        receipt = _receipt(copy, versions, reading.reasons, warnings, history, reading.forgotten)
        resource.landing.record(table, receipt)
    return receipt


class _Reading:
    """Goes once through a table of a snapshot: parsed rows come out, the rest is counted."""

    def __init__(
        self, resource: WorldResource, table: str, taken: Snapshot, copy: Stamp, known: Known
    ) -> None:
        self._resource, origin = resource, resource.origin(copy.key)
        observed = Observed(copy.at, copy.not_before_at)
        names = [field.name for field in FIELDS[table]]
        self._students = taken.student_ids() if table == "llm_logs" else frozenset()
        self.table, self._taken, self._origin, self._observed = table, taken, origin, observed
        self.changes = CopyChanges(names, known, row_digest(table, names, origin, self._students))
        self.warnings: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, int] = {}
        self.accepted = self.refused = self.forgotten = 0

    def parsed(self) -> Iterator[Parsed]:
        """New and changed rows and the refused ones, some thousands at a time."""
        rows: list[Row] = []
        rejects: list[Reject] = []
        for batch in self._taken.batches(self.table):
            records, repeated = self.changes.split(batch)
            parsed = self._parse(records)
            kept = self._resource.without_forgotten(parsed)
            if parsed.rejects:
                key = self.changes.key
                usable = {row[key] for row in parsed.rows}
                self.changes.refuse(
                    [row[key] for row in records if type(row[key]) is int and row[key] not in usable]
                )
            self._count(parsed, [*repeated, *parsed.rejects])
            self.forgotten += kept.forgotten
            rows += kept.rows
            rejects += [*repeated, *parsed.rejects]
            if len(rows) + len(rejects) >= ROWS_AT_ONCE:
                yield Parsed(rows, rejects, len(rows) + len(rejects))
                rows, rejects = [], []
        yield Parsed(rows, rejects, len(rows) + len(rejects))

    def _count(self, parsed: Parsed, rejects: list[Reject]) -> None:
        self.accepted += len(parsed.rows)
        self.refused += len(rejects)
        self.warnings.update(parsed.warnings)
        for reject in rejects:
            reason = f"{reject.reason}: {reject.detail}" if reject.detail else reject.reason
            self.reasons[reason] += 1
            self.first.setdefault(reason, reject.line)

    def _parse(self, records: Sequence[Record]) -> Parsed:
        if self.table == "llm_logs":
            return parse_llm_logs(records, self._origin, self._observed, self._students)
        return parse_anki_cards(records, self._origin, self._observed)


def _refuse_drift(reading: _Reading, others: Mapping[str, FileReceipt]) -> None:
    """Refuse a copy in which a column has become something else.

    Raises:
        SourceUnreadable: Naming table, column, what came, and the id of the first row.
    """
    newest = others[max(others)].reasons if others else {}
    refused = {reason: number - newest.get(reason, 0) for reason, number in reading.reasons.items()}
    looked_at = reading.accepted + sum(max(number, 0) for number in refused.values())
    for reason, number in refused.items():
        if number >= DRIFT_ROWS and number > DRIFT_SHARE * looked_at:
            told = f"{reason}, in {number:,} of {looked_at:,} new or changed rows"
            first = f"first in row {reading.first[reason]}"
            raise SourceUnreadable(SOURCE, reading.table, f"{told}, {first}", may_pass=False)


def _receipt(
    copy: Stamp,
    versions: Versions,
    reasons: Mapping[str, int],
    warnings: Mapping[str, int],
    history: RowHistory,
    forgotten: int,
) -> FileReceipt:
    landed, rejected = versions.landed, sum(reasons.values())
    sha256, size = history.part_digest(copy)
    found = {VANISHED: versions.vanished, NOW_REFUSED: versions.refused, REUSED: versions.reused}
    return FileReceipt(
        file=copy.key,
        file_key=copy.key,
        sha256=sha256,
        size=size,
        rows_in=landed + rejected + forgotten,
        landed=landed,
        rejected=rejected,
        per_day={str(copy.day): landed} if landed else {},
        warnings={**warnings, **{name: number for name, number in found.items() if number}},
        reasons=dict(reasons),
        forgotten=forgotten,
    )


def _again(old: FileReceipt, copy: Stamp, versions: Versions, history: RowHistory) -> FileReceipt:
    """The receipt of a copy that landed before one that is older: its rows are as many, fewer or more are new."""
    shown = old.landed - old.warnings.get(VANISHED, 0) - old.warnings.get(NOW_REFUSED, 0)
    found = (VANISHED, NOW_REFUSED, REUSED)
    kept = {name: number for name, number in old.warnings.items() if name not in found}
    kept[UNCHANGED] = old.warnings[UNCHANGED] + shown - versions.shown
    return _receipt(copy, versions, old.reasons, kept, history, old.forgotten)
