"""How a source lands: list its files, read what has not landed yet, parse it, write parts and rejects.

A source that is missing or broken is reported, never raised: the day goes on and its verdict says what is missing.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from pacer_pipelines.adapters.arrivals import Arrival, Stream
from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.file_lines import fingerprint, fingerprinted_lines
from pacer_pipelines.adapters.flags.history_regions import ServedRegion, history_regions
from pacer_pipelines.adapters.landed_history import flag_versions
from pacer_pipelines.adapters.landing import FileReceipt
from pacer_pipelines.adapters.source_files import SourceFile, fetched, list_files, read_bytes
from pacer_pipelines.errors import PacerError, SourceUnreadable
from pacer_pipelines.ingest.card_reviews import card_review_lines
from pacer_pipelines.ingest.exposures import exposure_lines
from pacer_pipelines.ingest.feedback import feedback_lines
from pacer_pipelines.ingest.jsonl import LINE_LIMIT, LineFormat, parse_batches
from pacer_pipelines.ingest.log_versions import CARD_REVIEWS, EXPOSURES, FEEDBACK
from pacer_pipelines.ingest.plan_tables import PLAN_TABLES, exclusion_rows, experiment_rows, region_rows
from pacer_pipelines.ingest.planned import planned_experiments
from pacer_pipelines.ingest.roster import parse_roster
from pacer_pipelines.ingest.rows import Origin, Parsed, Reject, refused
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.plan import Plan

# versions of the log lines that are known
NEWEST = {
    "exposures": EXPOSURES.newest,
    "feedback_events": FEEDBACK.newest,
    "card_reviews": CARD_REVIEWS.newest,
}


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

    def lines_of(origin: Origin) -> LineFormat:
        return exposure_lines(origin, planned)

    return _land_logs(resource, "exposures", resource.world.settings.sources.exposures, lines_of)


def land_feedback(resource: WorldResource) -> SourceReport:
    """Coach feedback: one row per event."""
    return _land_logs(resource, "feedback_events", resource.world.settings.sources.feedback, feedback_lines)


def land_card_reviews(resource: WorldResource) -> SourceReport:
    """Reviews of PACER's own cards: one row per answer."""
    return _land_logs(
        resource, "card_reviews", resource.world.settings.sources.card_reviews, card_review_lines
    )


def land_roster(resource: WorldResource) -> SourceReport:
    """Roster: one row per student, the newest file replaces the one before."""

    def land(file: SourceFile) -> None:
        _land_whole(resource, "roster", file, parse_roster, replace=True)

    return land_listed(resource, "roster", resource.world.settings.sources.roster, land)


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


def _land_logs(
    resource: WorldResource, table: str, where: str | None, lines_of: Callable[[Origin], LineFormat]
) -> SourceReport:
    return land_listed(resource, table, where, lambda file: _land_log(resource, table, file, lines_of))


def land_listed(
    resource: WorldResource,
    table: str,
    where: str | None,
    land: Callable[[SourceFile], None],
    rename: Callable[[str], str] = lambda relative: relative,
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
            if not resource.landing.tagged(table, file.key, file.tag, NEWEST.get(table, 0)):
                with fetched(table, file) as here:
                    land(here)
        except PacerError as error:
            problems.append(error)
    return report_of(table, resource.landing.receipts(table), problems)


def report_of(
    table: str, receipts: list[FileReceipt], problems: list[PacerError], configured: bool = True
) -> SourceReport:
    """Give the report of a source from its receipts and from what went wrong."""
    transient = any(isinstance(error, SourceUnreadable) and error.may_pass for error in problems)
    return SourceReport(table, configured, tuple(receipts), "; ".join(map(str, problems)), transient)


def _land_log(
    resource: WorldResource, table: str, file: SourceFile, lines_of: Callable[[Origin], LineFormat]
) -> None:
    """Land a file of lines, however large: it is hashed first, and read again when its content is new."""
    form = lines_of(resource.origin(file.display_name))
    schema = form.versions.newest
    known = fingerprint(table, file, resource.landing.sizes(table, file.key))
    if resource.landing.seen(table, file.key, known.sha256, file.tag, schema):
        return
    batches = parse_batches(fingerprinted_lines(table, file, known, LINE_LIMIT), form)
    if known.ended is not None:
        batches = chain(batches, [refused(known.ended.reason, known.ended.why)])
    arrival = Arrival(file.key, file.display_name, known, file.tag, schema)
    stream = Stream(batches, form.identity, form.called, resource.without_forgotten)
    resource.landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, stream)


def _land_whole(
    resource: WorldResource,
    table: str,
    file: SourceFile,
    parse: Callable[[bytes, Origin], Parsed],
    replace: bool = False,
) -> None:
    """Land a file that is small, or can only be read as a whole."""
    content = read_bytes(table, file)
    if resource.landing.seen(table, file.key, content.sha256, file.tag):
        return
    parsed = resource.without_forgotten(parse(content.data, resource.origin(file.display_name)))
    if content.cut_short:
        parsed = parsed.with_reject(Reject(0, "file cut short", content.cut_short))
    arrival = Arrival(file.key, file.display_name, content.data, file.tag)
    resource.landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, parsed, replace=replace)


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
