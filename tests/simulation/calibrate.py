"""`make calibrate`: every kind of world, on two processes, into docs/calibration.md with its numbers and plots."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from .cells import CELLS
from .page import write_page
from .plots import all_plots
from .tally import OURS, Tally, batches, run_batch
from .truth import Cell

DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    """Run the grid and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=0, help="worlds per kind; 0 for the published number")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--only", help="run the kinds whose name contains this; other numbers stay as they are"
    )
    parser.add_argument(
        "--again", action="store_true", help="no worlds: page and plots from the numbers that are there"
    )
    parser.add_argument("--out", type=Path, default=DOCS, help="folder for calibration.md, .json and plots")
    given = parser.parse_args()
    cells = [replace(cell, worlds=given.worlds or cell.worlds) for cell in CELLS]
    known = read(given.out) if given.again or given.only else {}
    new = [] if given.again else [cell for cell in cells if not given.only or given.only in cell.name]
    found = known | (run(new, given.processes) if new else {})
    write({cell.name: found[cell.name] for cell in cells if cell.name in found}, given.out)


def run(cells: Sequence[Cell], processes: int) -> dict[str, Tally]:
    """Tallies by name, in the order of the cells; batches are independent, so processes change no number."""
    tasks = [(cell, batch) for cell in cells for batch in range(batches(cell))]
    tallies = {cell.name: Tally(cell) for cell in cells}
    started = time.monotonic()
    with get_context("spawn").Pool(processes) as pool:
        # in order, so that a kind is told as soon as it is whole
        for tally in pool.imap(_batch, tasks):
            whole = tallies[tally.cell.name]
            whole.add(tally)
            if whole.worlds == whole.cell.worlds:
                print(_line(whole, time.monotonic() - started), flush=True)
    return tallies


def write(tallies: dict[str, Tally], out: Path) -> None:
    """The page, all counts and seeds, and the plots."""
    plots = out / "calibration"
    plots.mkdir(parents=True, exist_ok=True)
    content = {"cells": [tally.to_dict() for tally in tallies.values()]}
    (out / "calibration.json").write_text(_json(content), encoding="utf-8")
    (out / "calibration.md").write_text(write_page(tallies), encoding="utf-8")
    for name, svg in all_plots(tallies).items():
        (plots / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")


def read(out: Path) -> dict[str, Tally]:
    """What :func:`write` wrote."""
    content = json.loads((out / "calibration.json").read_text(encoding="utf-8"))
    return {row["name"]: Tally.from_dict(row) for row in content["cells"]}


def _batch(task: tuple[Cell, int]) -> Tally:
    return run_batch(*task)


def _json(content: object) -> str:
    """One line per cell keeps differences readable."""
    lines = json.dumps(content, ensure_ascii=False).replace('{"name"', '\n{"name"')
    return lines + "\n"


def _line(tally: Tally, seconds: float) -> str:
    promoted, rolled_back = (100 * count / tally.worlds for count in (tally.promoted(), tally.rolled_back()))
    return f"{seconds:5.0f} s  {tally.cell.name:45s} {OURS}: promote {promoted:5.1f} %, rollback {rolled_back:5.1f} %"


if __name__ == "__main__":
    main()
