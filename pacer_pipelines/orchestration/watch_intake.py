"""What the watch takes in: the new lines of exposure log and feedback, as rows in its memory.

A line that cannot be used is counted with its reason, a source that cannot be read is said; neither stops a tick.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.live_log import News, Position, new_lines
from pacer_pipelines.adapters.object_storage import is_remote
from pacer_pipelines.adapters.source_files import SourceFile, list_files
from pacer_pipelines.adapters.watch_store import KEPT, Row, WatchStore
from pacer_pipelines.errors import PacerError
from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.jsonl import local_date
from pacer_pipelines.ingest.plan_tables import exclusion_rows
from pacer_pipelines.ingest.planned import planned_experiments
from pacer_pipelines.ingest.rows import Origin, Parsed
from pacer_pipelines.orchestration.resources import WorldResource

# the clocks of two servers may differ; more than this is a wrong clock
AHEAD = timedelta(hours=1)
FUTURE = "later than now"
UNJUDGED = "unjudged"
# as the serving client spells it: somebody asked for the variant by name
FORCED = "FORCED"


@dataclass
class Intake:
    """What a tick took in: rows kept, lines refused by reason, sources that could not be read.

    ``behind`` says that more lines wait for the next tick: until they are in, the newest day is not known.
    """

    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    behind: bool = False


def take_in(world: WorldResource, store: WatchStore, at: datetime) -> Intake:
    """Read what is new in both logs and keep it, all of it or nothing.

    Args:
        world: its plans say which exposures are kept.
        store: the watch's memory.
        at: now, naive UTC; rows older than two weeks, or of a later time, are left out.
    """
    sources, intake = world.world.settings.sources, Intake()
    window = _Window(local_date(at - KEPT, ZoneInfo(world.world.timezone)), at + AHEAD)
    readers: dict[str, tuple[str | None, Take]] = {
        # first the exposures: a rating is found by the call that it is about
        "exposures": (sources.exposures, _take_exposures(world, store)),
        "feedback": (sources.feedback, _take_ratings(store)),
    }
    with store.transaction():
        for source, (where, take) in readers.items():
            if where is not None:
                _read(world, store, source, where, take, window, intake)
        if intake.rows:
            store.forget(window.oldest)
            store.note(UNJUDGED, "yes")
    if sources.exposures is None:
        intake.problems.append("no exposure log is configured, so the watch sees no call")
    return intake


@dataclass(frozen=True, slots=True)
class _Window:
    """What is kept: from a day in the plans' time zone to a moment (naive UTC)."""

    oldest: date
    latest: datetime


@dataclass(frozen=True, slots=True)
class Take:
    """How a source is parsed, what tells the day and time of its rows, and what keeps them."""

    parse: Callable[[Iterable[bytes], Origin], Parsed]
    day: str
    moment: str
    keep: Callable[[Sequence[Row]], None]


def _take_exposures(world: WorldResource, store: WatchStore) -> Take:
    plans = world.world.plans
    planned = planned_experiments(plans)
    left_out = {
        (plan.logged_id, row["attribute"], row["value_key"])
        for plan in plans
        for row in exclusion_rows([plan], world.pseudonyms)
    }

    def parse(lines: Iterable[bytes], origin: Origin) -> Parsed:
        return parse_exposures(lines, origin, planned)

    def keep(rows: Sequence[Row]) -> None:
        # a tester's call says nothing of anybody, not even that B is still served after it was cut
        ours = [row for row in rows if row["experiment_id"] in planned and row["flag_reason"] != FORCED]
        store.add_exposures(
            [(row, row["segment"] is not None or _segments(row) & left_out != set()) for row in ours]
        )

    return Take(parse, "exposed_date", "exposed_at", keep)


def _segments(row: Row) -> set[tuple[str, str, str]]:
    named = {"school": row["school"], "grade": row["grade"], "coach": row["coach_key"]}
    return {(row["experiment_id"], attribute, value) for attribute, value in named.items()}


def _take_ratings(store: WatchStore) -> Take:
    return Take(parse_feedback, "feedback_date", "feedback_at", store.add_ratings)


def _read(
    world: WorldResource,
    store: WatchStore,
    source: str,
    where: str,
    take: Take,
    window: _Window,
    intake: Intake,
) -> None:
    if is_remote(where):
        # the day lands it; a tick a minute would list a bucket for a log that comes in whole objects
        intake.problems.append(f"{source}: the watch reads growing files, not object storage ({where})")
        return
    known = store.positions(source)
    try:
        files = list_files(source, where)
    except PacerError as error:
        intake.problems.append(str(error))
        return
    after: list[Position] = []
    for file in files:
        try:
            for news in new_lines(source, file, known):
                _keep(world, source, file, take, news, window, intake)
                position = news.position
            after.append(position)
        except PacerError as error:
            intake.problems.append(str(error))
            after += [at for at in known if at.key == file.key]
    if after != known:
        store.keep_positions(source, after)


def _keep(
    world: WorldResource,
    source: str,
    file: SourceFile,
    take: Take,
    news: News,
    window: _Window,
    intake: Intake,
) -> None:
    parsed = world.without_forgotten(take.parse(news.lines, world.origin(file.display_name)))
    timely = [row for row in parsed.rows if row[take.moment] <= window.latest]
    rows = [row for row in timely if row[take.day] >= window.oldest]
    take.keep(rows)
    intake.rows += len(rows)
    intake.behind |= news.behind
    intake.refused.update(f"{source}: {reject.reason}" for reject in parsed.rejects)
    if late := len(parsed.rows) - len(timely):
        intake.refused[f"{source}: {FUTURE}"] += late
    if news.problem:
        intake.problems.append(news.problem)
