"""A flag file that is replaced under load: every answer is of one version, and changes show when they should."""

import os
from pathlib import Path

from pacer_pipelines.serving import FlagFile

from .conftest import start
from .processes import LAST_VERSION, flags_of

PROCESSES, THREADS = 2, 4


def replace(path: Path, content: str) -> None:
    """Replace the file as its door does: whole, on the disk, in one step."""
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def test_a_file_replaced_1000_times_under_load_never_gives_a_wrong_or_mixed_answer(tmp_path):
    path = tmp_path / "pacer.flagd.json"
    replace(path, flags_of(0))
    asking = [start("ask", path, THREADS) for _ in range(PROCESSES)]
    for version in range(1, LAST_VERSION + 1):
        replace(path, flags_of(version))
        if version % 5 == 0:
            # so that many versions come under the eyes of both, and not only the last
            for process in asking:
                while int(process.stdout.readline()) < version:
                    pass
    for process in asking:
        _, said = process.communicate()
        wrong, versions, answers = map(int, said.split(","))
        assert wrong == 0
        assert versions >= LAST_VERSION / 5
        assert answers > versions


def test_a_file_is_looked_at_no_more_often_than_asked(tmp_path):
    """With the clock in the test's hand: a change shows when the last look is old enough, not before."""
    path = tmp_path / "pacer.flagd.json"
    replace(path, flags_of(1))
    now = [100.0]
    flags = FlagFile(path, poll_seconds=5.0, monotonic=lambda: now[0])

    def version() -> object:
        return flags.resolve_object_details("judge-model", {}).flag_metadata["version"]

    assert version() == "1"
    replace(path, flags_of(2))
    now[0] = 104.9
    assert version() == "1"
    now[0] = 105.0
    assert version() == "2"
