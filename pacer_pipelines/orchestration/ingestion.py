"""How a source lands: list its files, read what has not landed yet, parse it, write parts and rejects.

A source that is missing or broken is reported, never raised: the day goes on and its verdict says what is missing.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.flags.history_regions import ServedRegion, history_regions
from pacer_pipelines.adapters.landed_history import anki_links, current_hashes, flag_versions
from pacer_pipelines.adapters.landing import Arrival, FileReceipt
from pacer_pipelines.adapters.pacer_database import Snapshot, new_versions, snapshot
from pacer_pipelines.adapters.source_files import Content, SourceFile, list_files, read_bytes, wal_beside
from pacer_pipelines.errors import PacerError, SourceUnreadable
from pacer_pipelines.ingest.anki_export import parse_anki_export, private_name
from pacer_pipelines.ingest.card_reviews import parse_card_reviews
from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.pacer_tables import Observed, parse_anki_cards, parse_llm_logs
from pacer_pipelines.ingest.plan_tables import PLAN_TABLES, exclusion_rows, experiment_rows, region_rows
from pacer_pipelines.ingest.planned import planned_experiments
from pacer_pipelines.ingest.roster import parse_roster
from pacer_pipelines.ingest.rows import Origin, Parsed, Reject, refused
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

# where uploads of the forgotten would lie: they are not read, and their name says nothing
FORGOTTEN = "forgotten"
STAMP = "%Y%m%dT%H%M%S"
ID_COLUMNS = {"llm_logs": "log_id", "anki_cards": "card_id"}


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source in one run: the receipt of each file, and what went wrong if anything did.

    ``worth_a_retry`` says that something is there and could not be read, which may pass.
    """

    source: str
    configured: bool
    files: tuple[FileReceipt, ...] = ()
    problem: str = ""
    worth_a_retry: bool = False

    @property
    def landed(self) -> int:
        """Rows landed, over all files."""
        return sum(receipt.landed for receipt in self.files)

    @property
    def rejected(self) -> int:
        """Rows rejected, over all files."""
        return sum(receipt.rejected for receipt in self.files)


def land_exposures(resource: WorldResource) -> SourceReport:
    """Exposure log: one row per judge call."""
    planned = planned_experiments(resource.world.plans)

    def parse(content: Content, origin: Origin) -> Parsed:
        return parse_exposures(content.lines(), origin, planned)

    return _land_files(resource, "exposures", resource.world.settings.sources.exposures, parse)


def land_feedback(resource: WorldResource) -> SourceReport:
    """Coach feedback: one row per event."""

    def parse(content: Content, origin: Origin) -> Parsed:
        return parse_feedback(content.lines(), origin)

    return _land_files(resource, "feedback_events", resource.world.settings.sources.feedback, parse)


def land_card_reviews(resource: WorldResource) -> SourceReport:
    """Reviews of PACER's own cards: one row per answer."""

    def parse(content: Content, origin: Origin) -> Parsed:
        return parse_card_reviews(content.lines(), origin)

    return _land_files(resource, "card_reviews", resource.world.settings.sources.card_reviews, parse)


def land_roster(resource: WorldResource) -> SourceReport:
    """Roster: one row per student, the newest file replaces the one before."""

    def parse(content: Content, origin: Origin) -> Parsed:
        return parse_roster(content.data, origin)

    return _land_files(resource, "roster", resource.world.settings.sources.roster, parse, replace=True)


def land_anki(resource: WorldResource) -> SourceReport:
    """Anki exports, uploaded as ``<folder>/<student>/<file>``: one row per review."""
    students: dict[str, str] = {}
    forgotten = resource.forgotten

    def rename(relative: str) -> str:
        try:
            student, name = private_name(relative, resource.pseudonyms)
        except ValueError:
            return resource.pseudonyms.file(relative)
        if forgotten.is_student(resource.pseudonyms.student(student)):
            return f"{FORGOTTEN}/{resource.pseudonyms.mark(relative)}"
        students[name] = student
        return name

    def parse(content: Content, origin: Origin, file: SourceFile) -> Parsed:
        student = students.get(file.display_name)
        if file.display_name.startswith(f"{FORGOTTEN}/"):
            return Parsed([], [], 1, forgotten=1)
        if student is None:
            return refused("nobody's export", "an Anki export lies in a folder named after its student")
        known = anki_links(resource.home, resource.pseudonyms.student(student))
        return parse_anki_export(content.data, origin, student, known, wal_beside(file))

    where = resource.world.settings.sources.anki
    return _land_listed(resource, "anki_reviews", where, parse, rename)


def land_database(resource: WorldResource) -> tuple[SourceReport, ...]:
    """PACER's own tables, from each dated copy and from the live database: one row per changed version."""
    copies = resource.world.database_urls() if resource.world.settings.sources.database else []
    for table in ID_COLUMNS:
        resource.landing.ensure_schema(table, TABLES[table])
    receipts: dict[str, list[FileReceipt]] = {table: [] for table in ID_COLUMNS}
    problems: list[PacerError] = []
    for url, taken_at in copies:
        try:
            for table, receipt in _land_copy(resource, url, taken_at):
                receipts[table].append(receipt)
        except PacerError as error:
            problems.append(error)
    return tuple(_report(table, receipts[table], problems, bool(copies)) for table in ID_COLUMNS)


def land_plans(resource: WorldResource) -> int:
    """The plans themselves and what their flags serve, so that the models can join them; gives their number."""
    plans = resource.world.plans
    content = {
        "experiments": experiment_rows(plans),
        "experiment_exclusions": exclusion_rows(plans, resource.pseudonyms),
        "flag_regions": [row for plan in plans for row in region_rows(plan, _regions_of(resource, plan))],
    }
    for table, rows in content.items():
        resource.landing.ensure_schema(table, PLAN_TABLES[table])
        arrival = Arrival("plans", "plans", json.dumps(rows, default=str, sort_keys=True).encode())
        resource.landing.land(
            table, PLAN_TABLES[table], None, arrival, Parsed(rows, [], len(rows)), replace=True
        )
    return len(plans)


def _regions_of(resource: WorldResource, plan: Plan) -> dict[str, tuple[ServedRegion, ...]]:
    """What each version of a plan's flag serves that exposures have landed of, from archive, history and live file.

    A version that a promotion has just made serves nobody yet, and a day that is run again finds what it found before.
    """
    world = resource.world
    known = history_regions(
        world.flag_folders,
        plan.flag_key,
        plan.control.variant,
        plan.treatment.variant,
        world.settings.flag_file,
    )
    served = flag_versions(resource.home)
    return {version: regions for version, regions in known.items() if version in served}


def _land_files(
    resource: WorldResource,
    table: str,
    where: str | None,
    parse: Callable[[Content, Origin], Parsed],
    replace: bool = False,
) -> SourceReport:
    return _land_listed(
        resource, table, where, lambda content, origin, _: parse(content, origin), replace=replace
    )


def _land_listed(
    resource: WorldResource,
    table: str,
    where: str | None,
    parse: Callable[[Content, Origin, SourceFile], Parsed],
    rename: Callable[[str], str] = lambda relative: relative,
    replace: bool = False,
) -> SourceReport:
    """Land every file of a source that has not landed with this very content."""
    resource.landing.ensure_schema(table, TABLES[table])
    if where is None:
        return SourceReport(table, configured=False)
    problems: list[PacerError] = []
    try:
        files = list_files(table, where, rename)
    except PacerError as error:
        files, problems = [], [error]
    for file in files:
        try:
            _land_file(resource, table, file, parse, replace)
        except PacerError as error:
            problems.append(error)
    return _report(table, resource.landing.receipts(table), problems)


def _report(
    table: str, receipts: list[FileReceipt], problems: list[PacerError], configured: bool = True
) -> SourceReport:
    transient = any(isinstance(error, SourceUnreadable) for error in problems)
    return SourceReport(table, configured, tuple(receipts), "; ".join(map(str, problems)), transient)


def _land_file(
    resource: WorldResource,
    table: str,
    file: SourceFile,
    parse: Callable[[Content, Origin, SourceFile], Parsed],
    replace: bool,
) -> None:
    content = read_bytes(table, file)
    if resource.landing.seen(table, file.key, content.sha256):
        return
    parsed = resource.without_forgotten(parse(content, resource.origin(file.display_name), file))
    if content.cut_short:
        parsed = parsed.with_reject(Reject(0, "file cut short", content.cut_short))
    arrival = Arrival(file.key, file.display_name, content.data)
    resource.landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, parsed, replace=replace)


def _land_copy(
    resource: WorldResource, url: str, taken_at: datetime | None
) -> Iterable[tuple[str, FileReceipt]]:
    """Land one copy of the database; a dated copy that has landed is not read again."""
    key = f"pacer-{(taken_at or resource.now()).strftime(STAMP)}"
    landed = {receipt.file_key: receipt for receipt in resource.landing.receipts("anki_cards")}
    if taken_at is not None and key in landed:
        for table in ID_COLUMNS:
            yield from ((table, item) for item in resource.landing.receipts(table) if item.file_key == key)
        return
    before = max((_taken(other) for other in landed if other < key), default=None)
    observed = Observed(taken_at or resource.now(), before)
    with snapshot(url) as taken:
        for table in ID_COLUMNS:
            yield table, _land_table(resource, table, taken, key, observed)


def _taken(key: str) -> datetime:
    return datetime.strptime(key.removeprefix("pacer-"), STAMP)


def _land_table(
    resource: WorldResource, table: str, taken: Snapshot, key: str, observed: Observed
) -> FileReceipt:
    origin = resource.origin(key)
    if table == "llm_logs":
        parsed = parse_llm_logs(taken.rows(table), origin, observed, taken.student_ids())
    else:
        parsed = parse_anki_cards(taken.rows(table), origin, observed)
    parsed = resource.without_forgotten(parsed)
    current = current_hashes(resource.home, table, ID_COLUMNS[table], observed.at)
    changed = new_versions(parsed.rows, current, ID_COLUMNS[table])
    unchanged = {"unchanged since the copy before": len(parsed.rows) - len(changed)}
    rows_in = len(changed) + len(parsed.rejects) + parsed.forgotten
    versions = Parsed(
        changed, parsed.rejects, rows_in, {**parsed.warnings, **unchanged}, forgotten=parsed.forgotten
    )
    content = json.dumps([row["row_hash"] for row in changed]).encode()
    arrival = Arrival(key, key, content)
    return resource.landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, versions, replace=True)


def save_report(resource: WorldResource, report: SourceReport) -> None:
    """Keep the newest report of a source for the verdict, which may run in another process."""
    path = resource.home / "state" / "sources" / f"{report.source}.json"
    content = {**asdict(report), "files": len(report.files)}
    replace_text(path, json.dumps(content, sort_keys=True))


def saved_problems(home: Path) -> dict[str, tuple[bool, str]]:
    """Source -> (configured, what went wrong in the newest run)."""
    found = {}
    for path in sorted((home / "state" / "sources").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = (bool(content["configured"]), str(content["problem"]))
    return found
