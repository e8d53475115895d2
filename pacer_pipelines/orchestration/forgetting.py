"""Students who are forgotten: every trace is removed, the marts are built anew, and a report says what went.

Begun on disk before anything is removed, so that a deletion that was killed is finished by whoever comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pacer_pipelines.adapters import landed_traces, scrubbing
from pacer_pipelines.adapters.deletions import (
    Deletion,
    Traces,
    UnderWay,
    begin,
    finish,
    keep_horizon,
    keep_marks,
    under_way,
)
from pacer_pipelines.adapters.published import drop_others, publish
from pacer_pipelines.adapters.warehouse import WAREHOUSE_FILE, Warehouse
from pacer_pipelines.ingest.forgotten import STUDENT
from pacer_pipelines.orchestration import effects, late, window
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource

REQUEST, RETENTION = "request", "retention"
# after its last day an experiment is still rated and reviewed; a month and a week is longer than any maturity
SETTLED = timedelta(days=38)
# each remembers which landed parts it has seen
WORKS = ("built", "checked")
SUMS = "verdicts and their evidence keep sums over coaches and days, in which no student can be told"


@dataclass(frozen=True, slots=True)
class Preview:
    """What would go: rows by table, and the places (from 1) of students of whom nothing has landed."""

    rows: dict[str, int]
    unknown: tuple[int, ...]


def preview(world: WorldResource, student_ids: Sequence[str]) -> Preview:
    """What :func:`forget` would remove from the landing; nothing is changed.

    Args:
        world: the world.
        student_ids: as PACER names them.
    """
    students = tuple(map(world.pseudonyms.student, student_ids))
    known = landed_traces.with_rows(world.home, students)
    unknown = tuple(place for place, student in enumerate(students, start=1) if student not in known)
    found = landed_traces.find_rows(world.home, landed_traces.traces_of(world.home, students))
    return Preview(found.rows, unknown)


def forget(world: WorldResource, student_ids: Sequence[str]) -> tuple[Deletion, Path]:
    """Remove every trace of students, and see to it that none lands again.

    Args:
        world: the world.
        student_ids: as PACER names them.

    Returns:
        What was removed and what stays, and the file in which that is kept.

    Raises:
        WarehouseFailed: the marts do not build without the rows; everything else is done when it is run again.
        SourceUnreadable: a file is held by somebody; run it again afterwards.
    """
    with alone(world.home):
        finish_begun(world)
        students = tuple(sorted(set(map(world.pseudonyms.student, student_ids))))
        traces = landed_traces.traces_of(world.home, students)
        return _delete(world, REQUEST, traces)


def _delete(world: WorldResource, kind: str, traces: Traces) -> tuple[Deletion, Path]:
    """Begin a deletion on disk, and finish it."""
    found = landed_traces.find_rows(world.home, traces)
    through = window.through(world.home, "built")
    begin(
        world.home,
        UnderWay(
            at=world.now().isoformat() + "Z",
            kind=kind,
            traces=traces,
            rows=found.rows,
            files=found.files,
            before={**window.digests(world.landing), **late.parts(world.landing)},
            first_day=found.first_day,
            through=through.isoformat() if through else "",
        ),
    )
    done = finish_begun(world)
    assert done is not None
    return done


def expired_before(world: WorldResource) -> date | None:
    """First day whose rows are kept; None while nothing may go.

    It is never after the first day of an experiment that may still be judged, and nothing goes while such an
    experiment counts what was before its start (``covariate``).
    """
    days = world.world.settings.retention.landing_days
    needed = [plan for plan in world.world.plans if plan.last_date + SETTLED >= world.today()]
    if days is None or any(plan.primary.covariate for plan in needed):
        return None
    return min([world.today() - timedelta(days=days), *(plan.start_date for plan in needed)])


def retain(world: WorldResource) -> tuple[Deletion, Path] | None:
    """Remove landed rows that are older than ``[retention]`` allows, with all that was built of them.

    Returns:
        As :func:`forget`; None when nothing is too old.
    """
    with alone(world.home):
        finish_begun(world)
        first = expired_before(world)
        if first is None or not expired(world):
            return None
        return _delete(world, RETENTION, Traces(before=(first.isoformat(),)))


def expired(world: WorldResource) -> dict[str, int]:
    """Landed rows by table that are older than ``[retention]`` allows; nothing is changed."""
    first = expired_before(world)
    return landed_traces.find_rows(world.home, Traces(before=(first.isoformat(),))).rows if first else {}


def finish_begun(world: WorldResource) -> tuple[Deletion, Path] | None:
    """Do what is left of a deletion that has begun; None when there is none."""
    with alone(world.home):
        deletion = under_way(world.home)
        if deletion is None:
            return None
        _mark(world, deletion)
        removed = {"files of their own": _clear_landing(world, deletion), **_rebuild(world, deletion)}
        cut = scrubbing.cut_evidence(world.home, deletion.traces, deletion.at)
        removed["rows of the watch"] = scrubbing.forget_in_watch(world.home, deletion.traces)
        removed["other files cleaned"] = scrubbing.scrub(world.home, deletion.traces.students)
        left = scrubbing.still_there(world.home, deletion.traces.students)
        report = Deletion(
            at=deletion.at,
            kind=deletion.kind,
            students=len(deletion.traces.students),
            rows=deletion.rows,
            removed=removed,
            verdicts=tuple(sorted({*cut, *_touched(world, deletion)})),
            cut=cut,
            remains=(SUMS, *(f"{name}: still names one of them; a record is never changed" for name in left)),
            first_day=deletion.first_day,
        )
        return report, finish(world.home, report)


def _mark(world: WorldResource, deletion: UnderWay) -> None:
    """Before a row goes: from now on it cannot land again."""
    traces, forgotten = deletion.traces, world.forgotten
    forgotten.add(
        {STUDENT: traces.students, "log": traces.logs, "submission": traces.submissions, "card": traces.cards}
    )
    keep_marks(world.home, forgotten.marks)
    for day in traces.before:
        keep_horizon(world.home, day)


def _clear_landing(world: WorldResource, deletion: UnderWay) -> int:
    """Take the rows out of landing and ledger; gives how many files of the students' own went."""
    home, traces = world.home, deletion.traces
    own = landed_traces.remove_own_files(home, traces.students)
    landed_traces.remove_rows(home, traces, landed_traces.find_rows(home, traces).parts)
    for table, key in deletion.files:
        landed_traces.account(home, table, key)
    for work in WORKS:
        window.rebase(work, home, deletion.before, window.digests(world.landing))
    late.rebase(home, deletion.before, late.parts(world.landing))
    return own


def _rebuild(world: WorldResource, deletion: UnderWay) -> dict[str, int]:
    """Build the warehouse from nothing, since a database keeps what it deletes in free pages; publish it alone."""
    if not deletion.rows or not deletion.through:
        return {}
    file, first = world.home / WAREHOUSE_FILE, effects.first_day(world)
    last = date.fromisoformat(deletion.through)
    for path in (file, file.with_name(f"{file.name}.wal"), world.home / "state" / "built.json"):
        path.unlink(missing_ok=True)
    days = window.find_window("built", world.landing, world.home, last, first)
    Warehouse(world.home, DBT_PROJECT).build(days.start, days.end)
    window.remember("built", world.home, days)
    version = publish(file, world.home)
    return {"published snapshots": drop_others(world.home, version)}


def _touched(world: WorldResource, deletion: UnderWay) -> set[str]:
    """Verdicts that rest on days from which rows went; of age, none that is younger than what went."""
    first, last = deletion.first_day, max(deletion.traces.before, default="9")
    return {
        stored.content["verdict_id"]
        for stored in world.verdicts.everything()
        if first and first <= stored.content["date"] < last
    }
