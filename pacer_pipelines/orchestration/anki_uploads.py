"""How Anki exports land: one upload becomes reviews and card links, each with its own receipt."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.anki_files import fingerprint, private_copy
from pacer_pipelines.adapters.arrivals import Arrival
from pacer_pipelines.adapters.source_files import SourceFile
from pacer_pipelines.ingest.anki_export import AnkiExport, parse_anki_export, private_name
from pacer_pipelines.ingest.anki_rows import Student
from pacer_pipelines.ingest.rows import Parsed, refused
from pacer_pipelines.ingest.tables import DAY_COLUMN, TABLES
from pacer_pipelines.orchestration.ingestion import SourceReport, land_listed, report_of
from pacer_pipelines.orchestration.resources import WorldResource

# the links first: an upload counts as seen when its reviews have landed
ANKI_TABLES = ("anki_card_links", "anki_reviews")
WITHOUT_WAL = (".apkg", ".colpkg", ".json")
# where uploads of the forgotten would lie: they are not read, and their name says nothing
FORGOTTEN = "forgotten"
_FORGOTTEN = AnkiExport(Parsed([], [], 1, forgotten=1), Parsed([], [], 0))
_NOBODYS = AnkiExport(
    refused("nobody's export", "an Anki export lies in a folder named after its student"), Parsed([], [], 0)
)


@dataclass(frozen=True, slots=True)
class _Uploads:
    """The uploads of a folder, and whose each one is, by its display name."""

    resource: WorldResource
    students: dict[str, str]

    def rename(self, relative: str) -> str:
        """Give the name that people may see, and remember the student."""
        try:
            student, name = private_name(relative, self.resource.pseudonyms)
        except ValueError:
            return self.resource.pseudonyms.file(relative)
        if self.resource.forgotten.is_student(self.resource.pseudonyms.student(student)):
            return f"{FORGOTTEN}/{self.resource.pseudonyms.mark(relative)}"
        self.students[name] = student
        return name

    def land(self, file: SourceFile) -> None:
        """Land one upload, unless this very content has landed."""
        content, landing = fingerprint(file), self.resource.landing
        # the tag of object storage speaks of the file alone, not of a -wal file beside it
        tag = file.tag if file.display_name.endswith(WITHOUT_WAL) else ""
        arrival = Arrival(file.key, file.display_name, content, tag)
        if all(landing.seen(table, file.key, arrival.whole.sha256, tag) for table in ANKI_TABLES):
            return
        export = self._parsed(file)
        for table, parsed in zip(ANKI_TABLES, (export.links, export.reviews), strict=True):
            kept = self.resource.without_forgotten(parsed)
            landing.land(table, TABLES[table], DAY_COLUMN[table], arrival, kept)

    def _parsed(self, file: SourceFile) -> AnkiExport:
        if file.display_name.startswith(f"{FORGOTTEN}/"):
            return _FORGOTTEN
        if file.display_name not in self.students:
            return _NOBODYS
        key = self.resource.pseudonyms.student(self.students[file.display_name])
        student = Student(key, _since(self.resource))
        with private_copy(file) as upload:
            return parse_anki_export(
                upload.path, self.resource.origin(file.display_name), student, upload.wal
            )


def land_anki(resource: WorldResource) -> tuple[SourceReport, ...]:
    """Anki exports, uploaded as ``<folder>/<student>/<file>``: one row per review, one per card that leads to PACER."""
    links = "anki_card_links"
    resource.landing.ensure_schema(links, TABLES[links])
    where = resource.world.settings.sources.anki
    uploads = _Uploads(resource, {})
    reviews = land_listed(resource, "anki_reviews", where, uploads.land, uploads.rename)
    # what cannot be read is said once, with the reviews
    return reviews, report_of(links, resource.landing.receipts(links), [], where is not None)


def _since(resource: WorldResource) -> datetime | None:
    """The day before the oldest experiment, naive UTC: nothing before it reaches a mart."""
    starts = [plan.start_date for plan in resource.world.plans]
    if not starts:
        return None
    morning = datetime.combine(min(starts) - timedelta(days=1), time(), ZoneInfo(resource.world.timezone))
    return morning.astimezone(UTC).replace(tzinfo=None)
