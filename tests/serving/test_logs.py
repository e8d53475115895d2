"""One line per request whatever happens, with the fields of the real log, and what ingest makes of them."""

import asyncio
import gzip
import json
import os
import threading
import uuid
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pacer_pipelines.ingest.card_reviews import parse_card_reviews
from pacer_pipelines.ingest.exposures import parse_exposures
from pacer_pipelines.ingest.feedback import parse_feedback
from pacer_pipelines.ingest.planned import Planned
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.serving import CardReviewLog, FeedbackLog
from pacer_pipelines.serving.ids import new_id

from .conftest import EXAMPLE, NOON, at_noon, lines_in

ORIGIN = Origin("log.jsonl", Pseudonyms(b"a key of tests only"), ZoneInfo("Asia/Seoul"))
# what a new line says more than the fortnight's
NEW = ["schema_version"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The folder of the exposure log."""
    return tmp_path / "log"


@pytest.fixture
def serve(assigner):
    """Serve the same request again and again."""

    def begin(**more):
        return assigner.serve("stu0001", "stu0001-sci-1", school="alpha", grade=5, coach="coach06", **more)

    return begin


def raw(folder: Path) -> list[bytes]:
    return [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


def real_line(name: str, where: str = "") -> dict[str, object]:
    with gzip.open(EXAMPLE / name, "rt") as file:
        return next(json.loads(line) for line in file if where in line)


def test_a_success_has_the_fields_of_the_real_log_in_their_order(serve, log):
    with serve() as served:
        served.log_id = 7
    (line,) = lines_in(log)
    assert list(line) == [*real_line("exposures.jsonl.gz"), *NEW]
    assert (line["log_id"], line["ts"], line["unit_id"]) == (7, "2026-11-09T03:00:00.250+00:00", "stu0001")
    assert line["attrs"] == {"school": "alpha", "grade": 5, "coach": "coach06"}


def test_a_failure_has_the_fields_of_the_real_log_and_goes_on_to_the_caller(serve, log):
    with pytest.raises(RuntimeError, match="HTTP 500"), serve():
        raise RuntimeError("HTTP 500 for Kim Minji")
    (line,) = lines_in(log)
    assert list(line) == [*real_line("exposures.jsonl.gz", '"error"'), *NEW]
    assert (line["error"], line["log_id"]) == ("RuntimeError", None)
    assert b"Minji" not in raw(log)[0]


def test_a_judgement_that_was_stored_before_the_failure_is_no_success(serve, log):
    def judge() -> None:
        with serve() as served:
            served.log_id = 7
            raise KeyError("second model call")

    with pytest.raises(KeyError):
        judge()
    assert [(line["error"], line["log_id"]) for line in lines_in(log)] == [("KeyError", None)]


def test_what_a_call_spent_is_written_and_read_even_when_it_failed(serve, log):
    def judge() -> None:
        with serve() as served:
            served.input_tokens, served.output_tokens, served.cost_usd = 812, 41, 0.00123
            raise TimeoutError

    with pytest.raises(TimeoutError):
        judge()
    (row,) = parse_exposures(raw(log), ORIGIN, {}).rows
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (812, 41, 0.00123)
    assert row["is_failure"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_request_that_is_ended_from_outside_is_exposed_once(serve, log, end):
    with pytest.raises(end), serve():
        raise end
    assert [line["error"] for line in lines_in(log)] == [end.__name__]


def test_an_awaited_request_that_times_out_is_exposed_once(serve, log):
    async def judge() -> None:
        async with serve() as served:
            assert served.model
            await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(judge(), timeout=0.01)

    asyncio.run(main())
    assert [line["error"] for line in lines_in(log)] == ["CancelledError"]


def test_requests_that_are_awaited_side_by_side_keep_their_own_ids(assigner, log):
    async def judge(number: int) -> None:
        async with assigner.serve(f"stu{number}", f"sub{number}", coach="c") as served:
            await asyncio.sleep(0)
            served.log_id = number

    async def main() -> None:
        await asyncio.gather(*(judge(number) for number in range(50)))

    asyncio.run(main())
    assert {(line["unit_id"], line["log_id"]) for line in lines_in(log)} == {
        (f"stu{n}", n) for n in range(50)
    }


def test_an_exposure_is_served_once_and_only_inside_its_block(serve, log):
    served = serve()
    with pytest.raises(RuntimeError, match="nobody is served yet"):
        _ = served.model
    with served:
        pass
    with pytest.raises(RuntimeError, match="served once"), served:
        pass
    serve()
    assert len(lines_in(log)) == 1


def test_a_forced_variant_is_served_marked_and_no_part_of_the_split(serve, log):
    for name in ("A", "B"):
        with serve(force=name) as served:
            assert served.variant == name
    with serve(force="Z") as served:
        assert served.variant == "A"
    assert [line["feature_flag.result.reason"] for line in lines_in(log)] == ["FORCED", "FORCED", "ERROR"]
    assert lines_in(log)[2]["feature_flag.error"] == "UNKNOWN_FORCED_VARIANT"


def test_what_answers_is_in_the_line_and_a_prompt_only_as_a_hash(serve, log):
    with serve() as served:
        served.identify(
            model_digest="sha256:9f86",
            prompt_template="Judge {work}.",
            decoding={"temperature": 0.2, "seed": 1},
        )
    (line,) = lines_in(log)
    # by hand: printf 'Judge {work}.' | sha256sum
    assert line["prompt_hash"] == "f8c5d309208aa935ea5540a9a7e4efcb937e409c4cae6620047158de76a558ca"
    assert (line["model_digest"], line["decoding"]) == ("sha256:9f86", {"temperature": 0.2, "seed": 1})
    assert b"Judge" not in raw(log)[0]


def test_lines_of_many_threads_stay_whole(assigner, log):
    def work() -> None:
        for _ in range(50):
            with assigner.serve("stu0001", "x", coach="c"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line["exposure_id"] for line in lines_in(log)}) == 400


def test_a_taker_of_lines_that_breaks_costs_neither_request_nor_line(assigner_of, flag_file, log, caplog):
    def broken(line: object) -> None:
        raise ConnectionError("stu0001 cannot be sent")

    with assigner_of(flag_file, also=[broken]).serve("stu0001", "x", coach="c") as served:
        served.log_id = 1
    assert len(lines_in(log)) == 1
    assert "ConnectionError" in caplog.text
    assert "stu0001" not in caplog.text


def test_feedback_has_the_fields_of_the_real_log(tmp_path):
    log = FeedbackLog(tmp_path / "feedback", clock=at_noon)
    assert log.record(7, "coach06", "BAD", "WRONG_JUDGEMENT")
    assert log.record(7, "coach06", None)
    log.lines.close()
    first, second = lines_in(tmp_path / "feedback")
    assert list(first) == list(real_line("feedback_events.jsonl.gz"))
    assert (first["feedback"], second["feedback"]) == ("BAD", None)


def test_a_card_review_has_the_fields_of_the_real_log(tmp_path):
    log = CardReviewLog(tmp_path / "reviews", clock=at_noon)
    assert log.record(3, 7, "stu0001", 4, (1, 6), 5300)
    log.lines.close()
    (line,) = lines_in(tmp_path / "reviews")
    assert list(line) == list(real_line("card_reviews.jsonl.gz"))
    (row,) = parse_card_reviews(raw(tmp_path / "reviews"), ORIGIN).rows
    assert (row["card_id"], row["log_id"], row["quality"], row["interval_after"]) == (3, 7, 4, 6)


def test_ingest_reads_what_serving_writes(serve, log, tmp_path):
    with serve() as served:
        served.log_id = 7
    with pytest.raises(ValueError, match="malformed"), serve():
        raise ValueError("malformed answer")
    parsed = parse_exposures(raw(log), ORIGIN, {"exp-2026-11-judge": Planned(frozenset("AB"), "judge-2026")})
    assert parsed.rejects == []
    assert [(r["log_id"], r["is_failure"], r["error_type"]) for r in parsed.rows] == [
        (7, False, None),
        (None, True, "ValueError"),
    ]
    assert parsed.rows[0]["exposed_at"] == NOON.astimezone(UTC).replace(tzinfo=None)

    feedback = FeedbackLog(tmp_path / "feedback")
    for said in ("GOOD", "BAD", None):
        feedback.record(7, "coach06", said)
    feedback.lines.close()
    events = parse_feedback(raw(tmp_path / "feedback"), ORIGIN)
    assert [row["feedback"] for row in events.rows] == ["GOOD", "BAD", "WITHDRAWN"]


# Python 3.12 warns of a fork beside threads, which is just what a server with workers does
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_ids_are_random_uuids_that_no_fork_gives_twice():
    ours = {new_id() for _ in range(2000)}
    assert len(ours) == 2000
    assert all(str(uuid.UUID(one)) == one and uuid.UUID(one).version == 4 for one in ours)
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(new_id() for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = set(os.read(reading, 1 << 16).decode().split())
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 50
    assert not theirs & {new_id() for _ in range(300)}


def test_a_task_group_that_failed_for_one_reason_has_the_reason_s_class(serve, log):
    with pytest.raises(BaseExceptionGroup), serve():
        raise BaseExceptionGroup("tasks", [ExceptionGroup("inner", [TimeoutError("stu0001")])])
    with pytest.raises(ExceptionGroup), serve():
        raise ExceptionGroup("tasks", [TimeoutError(), KeyError()])
    assert [line["error"] for line in lines_in(log)] == ["TimeoutError", "ExceptionGroup"]


def test_the_folder_of_a_log_is_there_before_its_first_line(tmp_path):
    FeedbackLog(tmp_path / "logs" / "feedback")
    assert list((tmp_path / "logs" / "feedback").iterdir()) == []
