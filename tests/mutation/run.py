"""`make mutate`: does a test fail when a rule is changed? Prints the score of each module and what survived.

Each mutant runs in a process forked from this one, which has imported the numbers already: a mutant costs less
than half a second. The module's own tests come first; whatever they let live meets all tests of the decisions.
"""

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "pacer_pipelines" / "decisions"
TESTS = ROOT / "tests" / "decisions"
REVIEWED = Path(__file__).with_name("equivalent.toml")
# the tests that know a module best; the first to fail ends a mutant
OWN_TESTS = {
    "rules.py": ("test_rules.py", "test_judge.py"),
    "judge.py": ("test_judge.py", "test_rules.py"),
    "evidence.py": ("test_gathering.py", "test_judge.py", "test_replay.py"),
    "findings.py": ("test_findings.py", "test_judge.py"),
    "health.py": ("test_health.py", "test_judge.py"),
    "replay.py": ("test_replay.py",),
    "journal.py": ("test_journal.py",),
}
# properties of any evidence take seconds: they look at the rules only, and only at what the rows of the table let live
QUICK = ("-k", "not evidence")
# a survivor here fails the command, unless somebody has reviewed it
MUST_BE_CAUGHT = ("rules.py", "judge.py")
CPU_SECONDS = 60


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one module."""

    module: str
    caught: int
    reviewed: int
    survived: tuple[Mutant, ...]

    @property
    def share(self) -> float:
        """Caught among those that change anything."""
        return self.caught / max(1, self.caught + len(self.survived))


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant's text when its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.name = f"pacer_pipelines.decisions.{mutant.module.removesuffix('.py')}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, DECISIONS / self.mutant.module, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, str(DECISIONS / self.mutant.module), "exec"), module.__dict__)


def main() -> int:
    """Run the mutants; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(OWN_TESTS), help="files of decisions/")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    begun = time.monotonic()
    _warm_up()
    if survives(None, [TESTS]) is False:
        sys.exit("the tests of the decisions fail without any mutant")
    reviewed = read_reviewed()
    scores = [score(module, reviewed.get(module, {}), given.processes) for module in given.modules]
    print(f"\n{'module':<14}{'caught':>7}{'of':>6}{'score':>8}  reviewed as equal")
    for one in scores:
        total = one.caught + len(one.survived)
        print(f"{one.module:<14}{one.caught:>7}{total:>6}{100 * one.share:>7.1f}%  {one.reviewed}")
    print(f"{time.monotonic() - begun:.0f} s")
    return int(any(one.survived for one in scores if one.module in MUST_BE_CAUGHT))


def read_reviewed() -> dict[str, dict[str, str]]:
    """Mutants that somebody has looked at and that change nothing: module -> name -> why."""
    content: dict[str, dict[str, str]] = tomllib.loads(REVIEWED.read_text(encoding="utf-8"))
    return content


def score(module: str, reviewed: dict[str, str], processes: int) -> Score:
    """Run every mutant of a module that nobody has reviewed, and print those that survive."""
    every = mutants(module, (DECISIONS / module).read_text(encoding="utf-8"))
    for name in sorted(reviewed.keys() - {mutant.name for mutant in every}):
        print(f"{module}: no such mutant any more: {name}")
    todo = [mutant for mutant in every if mutant.name not in reviewed]
    alive, own = [], [*QUICK, *(TESTS / name for name in OWN_TESTS[module])]
    everything = [TESTS] if module == "rules.py" else [*QUICK, TESTS]
    for mutant in run_all(list(run_all(todo, own, processes)), everything, processes):
        print(f"{module}:{mutant.line}: {mutant.name}", flush=True)
        alive.append(mutant)
    return Score(module, len(todo) - len(alive), len(every) - len(todo), tuple(alive))


def run_all(todo: Sequence[Mutant], tests: Sequence[str | Path], processes: int) -> Iterator[Mutant]:
    """The mutants that survive some tests."""
    waiting, running = list(todo), {}
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop(0)
            running[_start(mutant, tests)] = mutant
        pid, status = os.wait()
        if os.waitstatus_to_exitcode(status) == 0:
            yield running[pid]
        del running[pid]


def survives(mutant: Mutant | None, tests: Sequence[str | Path]) -> bool:
    """Whether all tests pass with a mutant in the place of its module; without any, with the code as it is."""
    _, status = os.waitpid(_start(mutant, tests), 0)
    return os.waitstatus_to_exitcode(status) == 0


def _start(mutant: Mutant | None, tests: Sequence[str | Path]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # a mutant that never ends is caught too
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if mutant is not None:
            sys.meta_path.insert(0, _Changed(mutant))
        import pytest

        code = int(pytest.main(["-x", "--noconftest", *map(str, tests)]))
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Import what no mutant changes, once for all of them."""
    os.chdir(ROOT)
    # pytest's plugins would double the price of a mutant, and the tests of the decisions use none
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("pytest", "hypothesis", "pacer_pipelines.stats", "pacer_pipelines.plan"):
        importlib.import_module(name)
    if any(name.startswith("pacer_pipelines.decisions") for name in sys.modules):
        raise AssertionError("the module to be changed is imported already")


if __name__ == "__main__":
    sys.exit(main())
