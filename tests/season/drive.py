"""`make season`: three planted worlds of 42 days through the real daily job, two at a time, then picture and page."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.verdicts import Verdicts
from pacer_pipelines.orchestration.replay import Replayed, replay_stored

from .page import write_page
from .picture import season_picture
from .promises import broken_promises
from .truth import WORLDS, Truth
from .world import SeasonWorld

DOCS = Path(__file__).parents[2] / "docs"
DAYS = 42
Summary = dict[str, Any]


def main() -> None:
    """Live through the season, write what came out, and fail when a world did not end as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument(
        "--only", help="live through the worlds whose name contains this; others stay as they are"
    )
    parser.add_argument("--again", action="store_true", help="no days: page and picture from what is there")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the worlds, which are left there to look around"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--out", type=Path, default=DOCS, help="folder for season.json, season.md and the picture"
    )
    given = parser.parse_args()
    chosen = [] if given.again else [truth for truth in WORLDS if not given.only or given.only in truth.name]
    known = _read(given.out) if given.again or given.only else {}
    found = known | live_all(chosen, given.days, given.processes, given.keep)
    summaries = [found[truth.name] for truth in WORLDS if truth.name in found]
    write(summaries, given.out)
    broken = broken_promises(summaries)
    print("\n".join(broken) if broken else "every world ended as promised")
    sys.exit(1 if broken else 0)


def live_all(truths: Sequence[Truth], days: int, processes: int, keep: Path | None) -> dict[str, Summary]:
    """Live through several worlds, each in a process of its own; gives name -> summary."""
    if not truths:
        return {}
    with _folder(keep, truths) as folder, get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        task = partial(live_through, days=days, folder=folder)
        return {summary["world"]: summary for summary in pool.imap_unordered(task, truths, chunksize=1)}


def live_through(truth: Truth, days: int, folder: Path) -> Summary:
    """Live through one world from its first day on; gives its summary.

    Args:
        truth: what is planted.
        days: number of days, from the first of the plan.
        folder: the world gets a folder of its own in it.
    """
    world, told, started = SeasonWorld(folder / truth.name, truth), [], time.monotonic()
    for day in range(1, days + 1):
        one = world.live(day)
        told.append(one.to_dict())
        print(
            f"{truth.name:7s} day {day:2d}  B {one.served:5.1f} %  {one.verdict:8s} ({one.rule})  "
            f"flag {one.flag_before.share:g} -> {one.flag_after.share:g} %  {time.monotonic() - started:4.0f} s",
            flush=True,
        )
    replayed = replay_all(world)
    return {
        "world": truth.name, "planted": truth.planted, "days": told, "replayed": len(replayed),
        "identical": sum(one.identical for one in replayed),
    }  # fmt: skip


def replay_all(world: SeasonWorld) -> list[Replayed]:
    """Make every verdict of a world again, every revision, oldest day first: each has to come out to the byte."""
    return [replay_stored(stored) for stored in Verdicts(world.home).everything()]


def write(summaries: Sequence[Summary], out: Path) -> None:
    """Write the numbers, the picture and the page."""
    (out / "season").mkdir(parents=True, exist_ok=True)
    (out / "season.json").write_text(_json(summaries), encoding="utf-8")
    (out / "season" / "season.svg").write_text(season_picture(summaries) + "\n", encoding="utf-8")
    (out / "season.md").write_text(write_page(summaries), encoding="utf-8")


def _read(out: Path) -> dict[str, Summary]:
    content = json.loads((out / "season.json").read_text(encoding="utf-8"))
    return {summary["world"]: summary for summary in content["worlds"]}


def _json(summaries: Sequence[Summary]) -> str:
    """One line per day keeps differences readable."""
    lines = json.dumps({"worlds": summaries}, ensure_ascii=False)
    return lines.replace('{"world"', '\n{"world"').replace('{"day"', '\n {"day"') + "\n"


@contextmanager
def _folder(keep: Path | None, truths: Sequence[Truth]) -> Iterator[Path]:
    """A folder of the caller's, whose old worlds are replaced, or one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="season-") as folder:
            yield Path(folder)
        return
    for truth in truths:
        shutil.rmtree(keep / truth.name, ignore_errors=True)
    yield keep


if __name__ == "__main__":
    main()
