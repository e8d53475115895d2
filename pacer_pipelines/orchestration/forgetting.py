"""Students who are forgotten: every trace is removed, the marts are built anew, and a report says what went.

Begun on disk before anything is removed, so that a deletion that was killed is finished by whoever comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pacer_pipelines.adapters import landed_traces, scrubbing
from pacer_pipelines.adapters.deletions import (
    Deletion,
    UnderWay,
    begin,
    finish,
    keep_marks,
    under_way,
)
from pacer_pipelines.adapters.published import drop_others, publish
from pacer_pipelines.adapters.warehouse import WAREHOUSE_FILE, Warehouse
from pacer_pipelines.ingest.forgotten import STUDENT
from pacer_pipelines.orchestration import effects, late, window
from pacer_pipelines.orchestration.exclusive import alone
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource

REQUEST = "request"
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
        found = landed_traces.find_rows(world.home, traces)
        through = window.through(world.home, "built")
        begin(
            world.home,
            UnderWay(
                at=world.now().isoformat() + "Z",
                kind=REQUEST,
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


def finish_begun(world: WorldResource) -> tuple[Deletion, Path] | None:
    """Do what is left of a deletion that has begun; None when there is none."""
    with alone(world.home):
        deletion = under_way(world.home)
        if deletion is None:
            return None
        _mark(world, deletion)
        removed = {"files of their own": _clear_landing(world, deletion), **_rebuild(world, deletion)}
        cut = scrubbing.cut_evidence(world.home, deletion.traces.students, deletion.at)
        removed["rows of the watch"] = scrubbing.forget_in_watch(world.home, deletion.traces)
        removed["other files cleaned"] = scrubbing.scrub(world.home, deletion.traces.students)
        left = scrubbing.still_there(world.home, deletion.traces.students)
        report = Deletion(
            at=deletion.at,
            kind=deletion.kind,
            students=len(deletion.traces.students),
            rows=deletion.rows,
            removed=removed,
            verdicts=tuple(sorted({*cut, *_touched(world, deletion.first_day)})),
            cut=cut,
            remains=(SUMS, *(f"{name}: a record, which is never changed" for name in left)),
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


def _touched(world: WorldResource, first_day: str) -> set[str]:
    """Verdicts that rest on days from which rows went."""
    return {
        stored.content["verdict_id"]
        for stored in world.verdicts.everything()
        if first_day and stored.content["date"] >= first_day
    }
