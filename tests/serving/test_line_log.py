"""Lines are whole, written once and never the reason for a failed request: workers, kills, full disks, rotation."""

import json
import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from pacer_pipelines.serving import LineLog, LogPolicy, line_log

from .conftest import lines_in, start

DAY = 86_400


def numbers(folder: Path) -> list[int]:
    return [line["number"] for line in lines_in(folder)]


def test_eight_processes_write_100_000_lines_each_without_a_torn_lost_or_doubled_one(tmp_path):
    writers = [start("many", tmp_path, writer, 100_000) for writer in range(8)]
    assert [writer.wait() for writer in writers] == [0] * 8, writers[0].stderr
    # the next number of each writer, file by file: a gap, a repetition or a torn line shows at once
    following: Counter[int] = Counter()
    for file in sorted(tmp_path.iterdir()):
        with file.open("rb") as stream:
            for raw in stream:
                line = json.loads(raw)
                assert line["number"] == following[line["writer"]]
                following[line["writer"]] += 1
    assert following == dict.fromkeys(range(8), 100_000)
    for writer in writers:
        writer.communicate()


@pytest.mark.parametrize("after", [1, 37, 250, 600])
def test_kill_9_loses_no_line_that_was_kept_and_tears_at_most_the_last(tmp_path, after):
    writer = start("killed", tmp_path)
    assert writer.stdout
    said = [writer.stdout.readline() for _ in range(after)]
    os.kill(writer.pid, signal.SIGKILL)
    said += writer.stdout.read().splitlines()
    writer.communicate()
    kept = [int(number) for number in said if number.strip()]
    pieces = [
        piece for file in sorted(tmp_path.iterdir()) for piece in file.read_bytes().split(b"\n") if piece
    ]
    if not pieces[-1].endswith(b"}"):
        pieces.pop()
    # the last line may have been written and not yet said
    assert len(kept) <= len(pieces) <= len(kept) + 1
    assert [json.loads(piece)["number"] for piece in pieces] == list(range(len(pieces)))


def test_a_full_disk_keeps_lines_in_memory_up_to_a_bound_and_writes_them_when_there_is_room(tmp_path):
    writer = start("full", tmp_path)
    out, err = writer.communicate()
    kept, waiting, lost, problem, waiting_after, problem_after = out.strip().split(",")
    assert "bytes written" in problem
    assert (waiting_after, problem_after) == ("0", "")
    assert (int(waiting), int(kept) + int(waiting) + int(lost)) == (20, 50)
    # in order, none twice, none torn, and the last one after the gap of those that were lost
    found = numbers(tmp_path)
    assert found == [*range(int(kept) + 20), 50]
    assert "cannot be written, lines wait in memory" in err
    assert "a line is lost (1 so far)" in err
    assert "writing again" in err


def test_what_waits_when_the_process_ends_is_lost_and_said(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    log = LineLog(tmp_path / "file" / "log", "exposures")
    assert [log.append({"student": "stu0001"}) for _ in range(3)] == [False] * 3
    assert (log.state.waiting, log.state.lost) == (3, 0)
    log.close()
    assert (log.state.waiting, log.state.lost) == (0, 3)
    assert "3 lines are lost at the end" in caplog.text
    assert "stu0001" not in caplog.text


def test_a_disk_that_does_not_answer_is_not_asked_for_each_line(tmp_path, monkeypatch):
    tries = []

    def broken(*_: object) -> int:
        tries.append(1)
        raise OSError(5, "Input/output error")

    log = LineLog(tmp_path, "exposures")
    monkeypatch.setattr(os, "write", broken)
    for number in range(100):
        log.append({"number": number})
    assert len(tries) == 1
    monkeypatch.undo()
    monkeypatch.setattr(line_log, "RETRY_SECONDS", 0.0)
    log._retry_at = 0.0
    assert log.append({"number": 100})
    assert numbers(tmp_path) == list(range(101))
    log.close()


def test_half_a_line_is_taken_back(tmp_path, monkeypatch):
    monkeypatch.setattr(line_log, "RETRY_SECONDS", 0.0)
    log = LineLog(tmp_path, "exposures")
    log.append({"number": 0})
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:5]))
    assert not log.append({"number": 1})
    monkeypatch.setattr(os, "write", write)
    assert log.append({"number": 2})
    assert numbers(tmp_path) == [0, 1, 2]
    log.close()


def test_half_a_line_that_cannot_be_taken_back_is_left_behind_in_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(line_log, "RETRY_SECONDS", 0.0)
    log = LineLog(tmp_path, "exposures")
    write = os.write

    def no(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, content: write(handle, content[:5]))
        patch.setattr(os, "ftruncate", no)
        assert not log.append({"number": 1})
    assert log.append({"number": 2})
    torn, whole = sorted(tmp_path.iterdir())
    assert (torn.read_bytes(), len(whole.read_bytes().splitlines())) == (b'{"num', 2)
    log.close()


def test_a_record_that_json_does_not_know_is_a_lost_line(tmp_path):
    log = LineLog(tmp_path, "exposures")
    assert not log.append({"number": object()})
    assert not log.append({"number": float("nan")})
    assert (log.state.lost, log.state.waiting) == (2, 0)


def test_a_file_that_is_full_is_followed_by_another(tmp_path):
    log = LineLog(tmp_path, "exposures", LogPolicy(max_bytes=100))
    for number in range(12):
        log.append({"number": number, "text": "x" * 20})
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 6
    assert all(file.stat().st_size <= 100 for file in files)
    assert numbers(tmp_path) == list(range(12))


def test_a_line_longer_than_a_file_is_written_all_the_same(tmp_path):
    log = LineLog(tmp_path, "exposures", LogPolicy(max_bytes=10))
    assert all(log.append({"number": number}) for number in range(2))
    log.close()
    assert numbers(tmp_path) == [0, 1]


def test_each_day_in_utc_has_its_own_file(tmp_path, monkeypatch):
    log = LineLog(tmp_path, "exposures")
    for number, day in enumerate((20_000, 20_000, 20_001)):
        monkeypatch.setattr(line_log.time, "time", lambda day=day: day * DAY + 1.0)
        log.append({"number": number})
    log.close()
    # day 20,000 of Unix time (by hand: date -u -d @1728000000)
    assert [file.name.split("-")[1] for file in sorted(tmp_path.iterdir())] == ["20241004", "20241005"]


def test_a_file_that_somebody_deletes_takes_no_further_line_with_it(tmp_path, monkeypatch):
    log = LineLog(tmp_path, "exposures")
    log.append({"number": 0})
    assert log.path
    log.path.unlink()
    monkeypatch.setattr(line_log, "LOOK_SECONDS", 0.0)
    log.append({"number": 1})
    log.close()
    assert numbers(tmp_path) == [1]


def test_a_file_that_somebody_moves_away_is_written_to_its_end_there(tmp_path):
    log = LineLog(tmp_path, "exposures")
    log.append({"number": 0})
    assert log.path
    log.path.rename(tmp_path / "moved.jsonl")
    log.append({"number": 1})
    log.close()
    assert numbers(tmp_path) == [0, 1]


# Python 3.12 warns of a fork beside threads, which is just what a server with workers does
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_writes_a_file_of_its_own_and_no_line_of_its_parent(tmp_path, monkeypatch):
    log = LineLog(tmp_path, "exposures")
    log.append({"number": 0})
    with monkeypatch.context() as patch:
        patch.setattr(line_log.os, "write", lambda *_: 0)
        log.append({"number": 1})
    child = os.fork()
    if not child:
        log.append({"number": 2})
        log.close()
        os._exit(0)
    os.waitpid(child, 0)
    log.close()
    files = {
        tuple(json.loads(line)["number"] for line in file.read_text().splitlines())
        for file in tmp_path.iterdir()
    }
    assert files == {(0, 1), (2,)}


def test_logs_are_not_for_everybody(tmp_path):
    log = LineLog(tmp_path, "exposures")
    log.append({"number": 0})
    log.close()
    assert log.path is not None
    assert log.path.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(("seconds", "asked"), [(0, 3), (None, 0)])
def test_the_disk_is_asked_for_each_line_or_never(tmp_path, monkeypatch, seconds, asked):
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    log = LineLog(tmp_path, "exposures", LogPolicy(fsync_seconds=seconds))
    for number in range(3):
        log.append({"number": number})
    assert len(calls) == asked
    log.close()


def test_the_disk_is_asked_now_and_then_while_requests_go_on(tmp_path, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        asked.set()
        go_on.wait(10)

    monkeypatch.setattr(os, "fsync", slow)
    log = LineLog(tmp_path, "exposures", LogPolicy(fsync_seconds=0.001))
    assert log.append({"number": 0})
    assert asked.wait(10)
    # the disk has not answered yet
    assert log.append({"number": 1})
    go_on.set()
    log.close()
    assert numbers(tmp_path) == [0, 1]


def test_a_disk_that_cannot_keep_its_word_is_reported(tmp_path, monkeypatch, caplog):
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    log = LineLog(tmp_path, "exposures", LogPolicy(fsync_seconds=3600))
    log.append({"number": 0})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        log.sync()
    assert log.state.problem == "Input/output error"
    log.append({"number": 1})
    log.sync()
    assert log.state.problem == ""
    log.close()


def test_a_line_that_is_written_is_not_doubled_when_the_disk_breaks_its_word(tmp_path, monkeypatch):
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    log = LineLog(tmp_path, "exposures", LogPolicy(fsync_seconds=0))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        assert log.append({"number": 0})
        assert log.state.problem == "Input/output error"
    assert log.append({"number": 1})
    log.close()
    assert numbers(tmp_path) == [0, 1]
