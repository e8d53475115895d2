"""One line per request whatever happens, whole lines only, and never an error for the student."""

import asyncio
import gzip
import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.serving.assignment import Request
from pacer_pipelines.serving.exposure_log import ExposureLog
from pacer_pipelines.serving.feedback_log import FeedbackLog

EXAMPLE = Path(__file__).parents[2] / "examples" / "pacer_fortnight"
NOON = datetime(2026, 11, 9, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=9)))
REQUEST = Request("stu0001", "stu0001-sci-1", "alpha", 5, "coach06")
ORIGIN = Origin("log.jsonl", Pseudonyms(b"a key of tests only"), ZoneInfo("Asia/Seoul"))


@pytest.fixture
def log(assigner, tmp_path):
    return ExposureLog(assigner, tmp_path / "logs" / "exposures.jsonl", clock=lambda: NOON)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def real_line(name: str, where: str = "") -> dict[str, object]:
    with gzip.open(EXAMPLE / name, "rt") as file:
        return next(json.loads(line) for line in file if where in line)


def test_a_success_has_the_fields_of_the_real_log_in_their_order(log):
    with log.serve(REQUEST) as exposure:
        exposure.log_id = 7
    (line,) = lines(log.lines.path)
    assert list(line) == list(real_line("exposures.jsonl.gz"))
    assert (line["log_id"], line["ts"], line["unit_id"]) == (7, "2026-11-09T03:00:00.250+00:00", "stu0001")
    assert line["attrs"] == {"school": "alpha", "grade": 5, "coach": "coach06"}


def test_a_failure_has_the_fields_of_the_real_log_and_goes_on_to_the_caller(log):
    with pytest.raises(RuntimeError, match="HTTP 500"), log.serve(REQUEST):
        raise RuntimeError("HTTP 500 for Kim Minji")
    (line,) = lines(log.lines.path)
    assert list(line) == list(real_line("exposures.jsonl.gz", '"error"'))
    assert (line["error"], line["log_id"]) == ("RuntimeError", None)
    assert "Minji" not in log.lines.path.read_text()


def test_what_a_call_spent_is_written_and_read_even_when_it_failed(log):
    def ask() -> None:
        with log.serve(REQUEST) as exposure:
            exposure.input_tokens, exposure.output_tokens, exposure.cost_usd = 812, 41, 0.00123
            raise TimeoutError

    with pytest.raises(TimeoutError):
        ask()
    parsed = parse_exposures(log.lines.path.read_bytes().splitlines(), ORIGIN, {})
    (row,) = parsed.rows
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (812, 41, 0.00123)
    assert row["is_failure"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_a_cancelled_request_is_exposed_once(log, end):
    with pytest.raises(end), log.serve(REQUEST):
        raise end
    assert [line["error"] for line in lines(log.lines.path)] == [end.__name__]


def test_lines_of_many_threads_stay_whole(log):
    def work() -> None:
        for _ in range(50):
            with log.serve(REQUEST):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = lines(log.lines.path)
    assert len({line["exposure_id"] for line in written}) == 400


def test_a_log_that_cannot_be_written_costs_no_request(assigner, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    log = ExposureLog(assigner, tmp_path / "file" / "exposures.jsonl")
    for _ in range(3):
        with log.serve(REQUEST) as exposure:
            exposure.log_id = 1
    assert log.lines.lost == 3
    assert "a line is lost (3 so far)" in caplog.text
    assert "stu0001" not in caplog.text


def test_after_half_a_line_the_next_line_is_whole(log, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:40]))
    with log.serve(REQUEST):
        pass
    monkeypatch.undo()
    with log.serve(REQUEST):
        pass
    torn, whole = log.lines.path.read_text().splitlines()
    assert (log.lines.lost, len(torn)) == (1, 40)
    assert json.loads(whole)["unit_id"] == "stu0001"


def test_a_rotated_log_goes_on_in_a_new_file(log, tmp_path):
    with log.serve(REQUEST):
        pass
    log.lines.path.rename(tmp_path / "yesterday.jsonl")
    with log.serve(REQUEST):
        pass
    assert len(lines(log.lines.path)) == len(lines(tmp_path / "yesterday.jsonl")) == 1


def test_an_id_that_json_does_not_know_is_a_lost_line(log):
    with log.serve(REQUEST) as exposure:
        exposure.log_id = object()
    assert log.lines.lost == 1


def test_feedback_has_the_fields_of_the_real_log(tmp_path):
    log = FeedbackLog(tmp_path / "feedback.jsonl", clock=lambda: NOON)
    assert log.record(7, "coach06", "BAD", "WRONG_JUDGEMENT")
    assert log.record(7, "coach06", None)
    first, second = lines(log.lines.path)
    assert list(first) == list(real_line("feedback_events.jsonl.gz"))
    assert (first["feedback"], second["feedback"]) == ("BAD", None)


def test_ingest_reads_what_serving_writes(log, tmp_path):
    with log.serve(REQUEST) as exposure:
        exposure.log_id = 7
    with pytest.raises(ValueError, match="malformed"), log.serve(REQUEST):
        raise ValueError("malformed answer")
    with log.lines.path.open("rb") as file:
        parsed = parse_exposures(file, ORIGIN, {"exp-2026-11-judge": frozenset("AB")})
    assert parsed.rejects == []
    assert [(r["log_id"], r["is_failure"], r["error_type"]) for r in parsed.rows] == [
        (7, False, None),
        (None, True, "ValueError"),
    ]
    assert parsed.rows[0]["exposed_at"] == NOON.astimezone(UTC).replace(tzinfo=None)

    feedback = FeedbackLog(tmp_path / "feedback.jsonl")
    for said in ("GOOD", "BAD", None):
        feedback.record(7, "coach06", said)
    with feedback.lines.path.open("rb") as file:
        events = parse_feedback(file, ORIGIN)
    assert [row["feedback"] for row in events.rows] == ["GOOD", "BAD", "WITHDRAWN"]
