"""A recorded verdict made again: from what it was made of, or from what has landed by now."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.deletions import deletions
from pacer_pipelines.adapters.evidence_bundle import CUT_AT, unpack
from pacer_pipelines.adapters.published import publish
from pacer_pipelines.adapters.verdicts import Stored
from pacer_pipelines.adapters.warehouse import WAREHOUSE_FILE, Warehouse
from pacer_pipelines.decisions.marts import MartRows
from pacer_pipelines.decisions.replay import TABLES, Difference, differences, from_plain, judge_again
from pacer_pipelines.decisions.values import Verdict, canonical
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.orchestration.resources import DBT_PROJECT, WorldResource
from pacer_pipelines.orchestration.verdict_day import code_version, rows_of


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recorded verdict beside what today's code makes of the same inputs.

    ``identical``: the same bytes. ``differences`` are by field, the code version's own name left out. ``deleted`` are
    the days on which landed rows behind it were deleted, ``cut`` says that they were taken out of its own evidence too,
    so that it cannot come out again.
    """

    stored: Stored
    code_version: str
    identical: bool
    differences: tuple[Difference, ...]
    deleted: tuple[str, ...] = ()
    cut: bool = False

    @property
    def as_expected(self) -> bool:
        """Whether nothing is odd: the same bytes, or evidence that is known to have been deleted."""
        return self.identical or self.cut


def replay(world: WorldResource, verdict_id: str) -> Replayed:
    """Make a verdict again from everything that had gone in, and compare it byte for byte.

    Args:
        world: the world.
        verdict_id: the verdict, or the beginning of its id.

    Raises:
        VerdictUnknown: there is none.
        SourceUnreadable: what it was made of is not there.
    """
    return replay_stored(world.verdicts.find(verdict_id))


def replay_stored(stored: Stored) -> Replayed:
    """As :func:`replay`, of a verdict at hand."""
    now = code_version()
    # under the recorded name of the code, so that only what it does can differ
    again = judge_again(stored.made_of, stored.content["code_version"])
    same = canonical(again.as_dict()) + "\n" == stored.path.read_text(encoding="utf-8")
    own = [one for one in deletions(stored.home) if stored.content["verdict_id"] in one.verdicts]
    return Replayed(
        stored,
        now,
        same,
        differences(stored.content, again),
        tuple(one.at[:10] for one in own),
        any(stored.content["verdict_id"] in one.cut for one in own),
    )


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The verdict of a bundle beside what today's code makes of the same evidence; as :class:`Replayed`."""

    content: dict[str, Any]
    code_version: str
    identical: bool
    differences: tuple[Difference, ...]
    cut: bool

    @property
    def as_expected(self) -> bool:
        """As :attr:`Replayed.as_expected`."""
        return self.identical or self.cut


def replay_bundle(path: Path) -> Unpacked:
    """Judge the evidence of a bundle again, without the world that it comes from.

    Args:
        path: the file that the dashboard gave.

    Raises:
        SourceUnreadable: it is damaged, no bundle, or its verdict is not what its id promises.
    """
    content, made_of = unpack(path)
    try:
        Verdict.from_dict(content)
        again = judge_again(made_of, content["code_version"], content["inputs_hash"])
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnreadable("evidence", str(path), str(error)) from error
    same = canonical(again.as_dict()) == canonical(content)
    return Unpacked(content, code_version(), same, differences(content, again), CUT_AT in made_of)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Rows of one mart behind a verdict: recorded, built anew from what has landed by now, and alike in both."""

    table: str
    recorded: int
    rebuilt: int
    alike: int


def rebuild(world: WorldResource, stored: Stored) -> tuple[Rebuilt, ...]:
    """Build the marts of a verdict's day anew from the landed rows, in a folder of their own.

    Rows that differ are late or repaired data (or a changed model): the verdict did not know them.

    Args:
        world: the world; nothing in its home is changed.
        stored: the verdict.

    Raises:
        WarehouseFailed: the models do not build.
    """
    inputs, plan = from_plain(stored.made_of)
    with tempfile.TemporaryDirectory(prefix="pacer-rebuild-") as folder:
        home = Path(folder)
        (home / "landing").symlink_to(world.home / "landing", target_is_directory=True)
        try:
            Warehouse(home, DBT_PROJECT).build(plan.start_date, inputs.date)
            publish(home / WAREHOUSE_FILE, home)
            now = rows_of(home, plan, inputs.date)
        finally:
            shutil.rmtree(home / "dbt", ignore_errors=True)
    return tuple(_compared(name, inputs.rows, now) for name in TABLES)


def _compared(table: str, recorded: MartRows, rebuilt: MartRows) -> Rebuilt:
    before, now = set(getattr(recorded, table)), set(getattr(rebuilt, table))
    return Rebuilt(table, len(before), len(now), len(before & now))
