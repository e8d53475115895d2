"""The watch on logs that grow: B is cut within two ticks when it breaks, once, and never without harm."""

import gzip
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from adapters.slack_emulator import slack_emulator
from orchestration.live_world import MORNING, SLUG, LiveWorld, call, calls, make_live_world, write

from pacer_pipelines.config import load_world
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import SourceUnreadable
from pacer_pipelines.orchestration import rollback
from pacer_pipelines.orchestration.definitions import build_definitions
from pacer_pipelines.orchestration.messages import tell_slack
from pacer_pipelines.orchestration.resources import WorldResource

A_STUDENTS, B_STUDENTS = range(0, 300), range(1000, 1040)
GOOD = [*calls(MORNING - timedelta(minutes=30), "A", A_STUDENTS), *calls(MORNING, "B", range(900, 940))]


@pytest.fixture
def live(environment: None, tmp_path: Path) -> LiveWorld:
    """A world in which a good hour has been seen."""
    world = make_live_world(tmp_path)
    world.append(GOOD)
    assert world.tick().outcomes == ()
    return world


def broken(world: LiveWorld, students: Iterable[int] = B_STUDENTS, **more: Any) -> list[dict[str, Any]]:
    return calls(world.now, "B", students, **{"error": "RuntimeError: HTTP 500", **more})


def kinds(world: LiveWorld) -> list[str]:
    return [outcome.kind for outcome in world.tick().outcomes]


# --- from the first bad line to the changed flag ---------------------------------------------------------------


def test_the_sensor_cuts_b_within_two_ticks_of_the_first_bad_line(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions = build_definitions(load_world(live.folder / "pacer.toml"))
    sensor = definitions.resolve_sensor_def("immediate_rollback")
    assert sensor.minimum_interval_seconds == 60
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    monkeypatch.setattr(WorldResource, "now", lambda _: live.now)

    def look() -> Any:
        live.now += timedelta(seconds=60)
        with dg.build_sensor_context(resources={"world": live.resource}) as context:
            return sensor(context)

    quiet = look()
    assert quiet.skip_reason.skip_message == "nothing that asks for a rollback (0 new rows)"
    assert live.share == 30
    live.append(broken(live))
    ticks = 0
    while live.share > 0:
        ticks += 1
        assert ticks <= 2
        seen = look()
    (moved,) = seen.asset_events
    assert isinstance(moved, dg.AssetMaterialization)
    assert moved.asset_key == dg.AssetKey("traffic_flag")
    assert "failed calls: 40 of 80 in B against 0 of 300 in A on 2026-11-08" in seen.skip_reason.skip_message
    assert look().asset_events == []


def test_a_rollback_is_written_cut_and_told_once(live: LiveWorld) -> None:
    live.append(broken(live))
    assert kinds(live) == ["rolled_back", "message"]
    (entry,) = live.journal("rollback")
    assert entry["who"] == "immediate rollback"
    assert entry["details"] == {
        "signal": "failures", "date": "2026-11-08", "control": "0 of 300", "treatment": "40 of 80",
        "at_least_points": entry["details"]["at_least_points"], "margin_points": "1",
    }  # fmt: skip
    assert live.outbox() == [f"{SLUG}-rollback-{entry['entry_id']}"]
    message = (live.home / "outbox" / f"{live.outbox()[0]}.txt").read_text(encoding="utf-8")
    assert message.startswith(f"ROLLBACK {SLUG}, without waiting for the morning\n")
    assert "The flag gives B 0 %; the experiment is closed." in message
    before = everything(live)
    live.append(broken(live, range(1100, 1130)))
    assert kinds(live) == []
    assert everything(live) == before


def everything(world: LiveWorld) -> dict[str, bytes]:
    """All that people and servers read, as bytes."""
    kept = [world.flag_file, *(world.home / "journal").rglob("*.json"), *(world.home / "outbox").iterdir()]
    return {str(path): path.read_bytes() for path in [*kept, *(world.home / "flags").iterdir()]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"error": "json.decoder.JSONDecodeError: Expecting value"}, "malformed answers: 40 of 80"),
        ({"error": None, "latency_ms": 30_000.0}, "calls slower than 10 s: 40 of 80"),
    ],
)
def test_malformed_answers_and_latency_cut_b(live: LiveWorld, more: dict[str, Any], words: str) -> None:
    live.append(broken(live, **more))
    assert words in live.tick().outcomes[0].text
    assert live.share == 0


def test_a_burst_of_bad_cuts_b(live: LiveWorld) -> None:
    live.append(
        [
            line | {"log_id": number}
            for number, line in enumerate(
                [*calls(live.now, "A", range(300, 400)), *calls(live.now, "B", range(1000, 1060))]
            )
        ]
    )
    live.rate(range(0, 80), "GOOD")
    live.rate(range(80, 100), "BAD")
    assert kinds(live) == []
    live.rate(range(100, 160), "BAD")
    assert "BAD ratings: 60 of 60 in B against 20 of 100 in A" in live.tick().outcomes[0].text
    assert live.share == 0


def test_a_rating_that_arrives_before_its_call_counts_when_the_call_is_known(live: LiveWorld) -> None:
    live.rate(range(100, 160), "BAD")
    live.rate(range(0, 100), "GOOD")
    assert kinds(live) == []
    lines = [*calls(live.now, "A", range(300, 400)), *calls(live.now, "B", range(1000, 1060))]
    live.append([line | {"log_id": number} for number, line in enumerate(lines)])
    assert kinds(live) == ["rolled_back", "message"]


# --- no harm, no cut --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nobody_randomised",
    [{"feature_flag.result.reason": "FORCED"}, {"meta.segment": "staff"}],
    ids=["forced", "segment"],
)
def test_calls_that_nobody_was_randomised_to_cut_nothing(
    live: LiveWorld, nobody_randomised: dict[str, Any]
) -> None:
    live.append([line | nobody_randomised for line in broken(live)])
    assert kinds(live) == []
    assert live.share == 30


def test_a_tester_who_asks_for_b_after_the_cut_is_no_server_that_still_serves_it(live: LiveWorld) -> None:
    live.append(broken(live))
    assert kinds(live) == ["rolled_back", "message"]
    live.now += timedelta(minutes=30)
    live.append([line | {"feature_flag.result.reason": "FORCED"} for line in broken(live, range(1100, 1110))])
    assert kinds(live) == []
    live.append([line | {"meta.segment": "staff"} for line in broken(live, range(1200, 1210))])
    assert "still_served" in kinds(live)


def test_one_student_who_fails_a_hundred_times_cuts_nothing(live: LiveWorld) -> None:
    for hour in range(5):
        live.now = MORNING + timedelta(hours=hour)
        live.append(broken(live, [1000] * 100))
        live.append(broken(live, [1001] * 100))
        assert kinds(live) == []
    assert live.share == 30


def test_an_outage_that_hits_both_variants_cuts_nothing(live: LiveWorld) -> None:
    live.append(calls(live.now, "A", range(300, 525), error="TimeoutError"))
    live.append(broken(live, range(1000, 1030), error="TimeoutError"))
    assert kinds(live) == []


def test_what_the_plan_leaves_out_is_not_compared(live: LiveWorld) -> None:
    """The holdout school always gets A, and was never randomised."""
    attrs = {"school": "holdout-school", "grade": 3, "coach": "coach01"}
    live.append(calls(live.now, "A", range(300, 500), error="TimeoutError", attrs=attrs))
    live.append(broken(live))
    assert "40 of 80 in B against 0 of 300 in A" in live.tick().outcomes[0].text


def test_the_example_fed_day_by_day_never_triggers(environment: None, tmp_path: Path, example: Path) -> None:
    """B fails 0.6 % against 0.3 % there, and the plan allows 1 point: a rollback would be a false alarm."""
    live = make_live_world(tmp_path)
    exposures = gzip.decompress((example / "exposures.jsonl.gz").read_bytes()).splitlines(keepends=True)
    feedback = gzip.decompress((example / "feedback_events.jsonl.gz").read_bytes()).splitlines(keepends=True)
    timed = [(json.loads(line)["ts"], live.log, line) for line in exposures]
    timed += [(json.loads(line)["ts"], live.folder / "feedback" / "f.jsonl", line) for line in feedback]
    timed.sort(key=lambda item: item[0])
    looks = 84
    for look in range(looks):
        some = timed[look * len(timed) // looks : (look + 1) * len(timed) // looks]
        for path in {path for _, path, _ in some}:
            with path.open("ab") as file:
                file.write(b"".join(line for _, to, line in some if to == path))
        live.now = watch_time(some[-1][0])
        done = live.tick()
        assert (done.outcomes, done.notes) == ((), ())
    assert live.share == 30


def watch_time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC).replace(tzinfo=None)


def test_the_whole_example_at_once_never_triggers(environment: None, tmp_path: Path, example: Path) -> None:
    live = make_live_world(tmp_path)
    for name, folder in (("exposures.jsonl.gz", "logs"), ("feedback_events.jsonl.gz", "feedback")):
        (live.folder / folder / name).write_bytes((example / name).read_bytes())
    live.now = MORNING + timedelta(days=8)
    done = live.tick()
    assert done.outcomes == ()
    assert done.rows > 20_000
    assert live.tick().rows == 0


def test_a_harm_of_last_week_is_only_remembered(environment: None, tmp_path: Path) -> None:
    live = make_live_world(tmp_path)
    live.append([*calls(live.now, "A", A_STUDENTS), *broken(live)])
    for day in (2, 3, 4):
        live.append(calls(MORNING + timedelta(days=day), "A", A_STUDENTS))
        live.append(calls(MORNING + timedelta(days=day), "B", range(900, 950)))
    live.now = MORNING + timedelta(days=4, hours=1)
    assert kinds(live) == []


# --- lines, files and clocks ------------------------------------------------------------------------------------


def test_half_a_line_waits_for_its_end(live: LiveWorld) -> None:
    *whole, last = broken(live)
    live.append(whole)
    spelled = json.dumps(last) + "\n"
    with live.log.open("a", encoding="utf-8") as file:
        file.write(spelled[:100])
    assert "39 of 79" in live.tick().outcomes[0].text
    with live.log.open("a", encoding="utf-8") as file:
        file.write(spelled[100:])
    done = live.tick()
    assert (done.rows, done.notes) == (1, ())


def test_a_rotated_log_is_read_on_and_the_new_one_from_its_start(live: LiveWorld) -> None:
    live.append(broken(live, range(1000, 1004)))
    live.log.rename(live.log.with_name("exposures.jsonl.1"))
    live.append(broken(live, range(1004, 1006)))
    assert live.tick().rows == 6
    assert live.tick().rows == 0


def test_a_log_that_was_copied_and_truncated_is_read_from_its_start(live: LiveWorld) -> None:
    live.append(broken(live, range(1000, 1004)))
    copy = live.log.with_name("exposures.jsonl.1")
    copy.write_bytes(live.log.read_bytes())
    live.log.write_bytes(b"")
    assert live.tick().rows == 4
    live.append(broken(live, range(1004, 1006)))
    assert live.tick().rows == 2


def test_a_line_that_is_read_twice_counts_once(live: LiveWorld) -> None:
    """An empty memory reads everything anew; so does a packed copy of a rotated log."""
    copy = live.log.with_name("exposures.jsonl.1.gz")
    lines = broken(live, range(1000, 1003))
    live.append(lines)
    copy.write_bytes(gzip.compress(live.log.read_bytes()))
    assert kinds(live) == []
    live.append(broken(live, range(1003, 1040)))
    assert "40 of 80 in B against 0 of 300 in A" in live.tick().outcomes[0].text


def test_refused_lines_are_counted_and_stop_nothing(live: LiveWorld) -> None:
    with live.log.open("a", encoding="utf-8") as file:
        file.write("{nonsense\n")
    write(live.log, [call(live.now + timedelta(hours=5), "B", 1)])
    live.append(broken(live))
    done = live.tick()
    assert done.notes == (
        "1 lines refused: exposures: later than now",
        "1 lines refused: exposures: malformed json",
    )
    assert live.share == 0


def test_a_missing_source_is_said_once(environment: None, tmp_path: Path) -> None:
    live = make_live_world(tmp_path)
    (live.folder / "feedback").rmdir()
    (note,) = live.tick().notes
    assert note.startswith("feedback: nothing at ")
    live.append([*GOOD, *broken(live)])
    done = live.tick()
    assert [outcome.kind for outcome in done.outcomes] == ["rolled_back", "message"]
    assert done.notes == ()


def test_a_damaged_packed_log_is_said_once_and_its_good_lines_count(live: LiveWorld) -> None:
    packed = gzip.compress(
        "".join(json.dumps(line) + "\n" for line in broken(live, range(1000, 1400))).encode()
    )
    (live.folder / "logs" / "old.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    done = live.tick()
    assert any("gzip file is cut short" in note for note in done.notes)
    assert live.share == 0
    assert live.tick().notes == ()


def test_while_lines_wait_nothing_is_judged(live: LiveWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacer_pipelines.adapters.live_log.new_lines.__defaults__", (5_000,))
    live.append(broken(live))
    live.append(calls(live.now, "A", range(300, 340)))
    ticks = 0
    while live.share > 0:
        assert (ticks := ticks + 1) < 20
        live.tick()
    assert ticks > 2


def test_a_damaged_memory_says_what_to_do(live: LiveWorld) -> None:
    path = live.home / "state" / "watch.db"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(SourceUnreadable, match="delete it, and the next tick reads the logs anew"):
        live.tick()
    path.unlink()
    live.append(broken(live))
    assert kinds(live) == ["rolled_back", "message"]


# --- crashes ----------------------------------------------------------------------------------------------------


def test_a_crash_while_reading_reads_the_same_lines_again(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.append(broken(live))
    with monkeypatch.context() as patch:
        patch.setattr("pacer_pipelines.adapters.watch_store.WatchStore.keep_positions", crash)
        with pytest.raises(RuntimeError, match="power failure"):
            live.tick()
    assert kinds(live) == ["rolled_back", "message"]


def test_a_crash_between_journal_and_flag_is_finished_by_the_next_tick(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.append(broken(live))
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "cut", crash)
        (outcome,) = live.tick().outcomes
    assert (outcome.kind, outcome.text) == ("failed", "RuntimeError: power failure")
    assert (len(live.journal("rollback")), live.share, live.outbox()) == (1, 30, [])
    assert kinds(live) == ["cut_again", "message"]
    assert (len(live.journal("rollback")), live.share, len(live.outbox())) == (1, 0, 1)
    assert kinds(live) == []


def test_a_crash_between_flag_and_message_is_finished_by_the_next_tick(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.append(broken(live))
    with monkeypatch.context() as patch:
        patch.setattr("pacer_pipelines.orchestration.watch.told", crash)
        assert kinds(live) == ["rolled_back", "failed"]
    assert kinds(live) == ["message"]
    assert kinds(live) == []


def crash(*_: object, **__: object) -> None:
    raise RuntimeError("power failure")


def test_a_flag_that_refuses_is_said_and_cut_later(live: LiveWorld) -> None:
    kept = live.flag_file.read_text(encoding="utf-8")
    live.flag_file.write_text("{", encoding="utf-8")
    live.append(broken(live))
    first, message = live.tick().outcomes
    assert first.bad
    assert "not moved: " in first.text
    assert "The flag could not be cut" in Path(message.text.removeprefix("rendered: ")).read_text(
        encoding="utf-8"
    )
    assert kinds(live) == ["refused"]
    live.flag_file.write_text(kept, encoding="utf-8")
    assert kinds(live) == ["cut_again", "message"]
    assert "The flag gives B 0 %" in Path(message.text.removeprefix("rendered: ")).read_text(encoding="utf-8")
    assert len(live.outbox()) == 1


def test_a_message_that_did_not_arrive_is_delivered_by_the_next_tick(
    live: LiveWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the daily run, which delivers the messages of days first that wait, does not take it for one."""
    with slack_emulator() as server:
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-test")
        monkeypatch.setenv("SLACK_BASE_URL", server.url)
        server.faults = [("chat.postMessage", "ratelimited")]
        live.append(broken(live))
        _, message = live.tick().outcomes
        assert message.bad
        assert message.text.startswith("not delivered: ")
        assert tell_slack(live.resource, MORNING.date()) == {}
        (delivered,) = live.tick().outcomes
        assert delivered.text.startswith("posted: C0PACER/")
        assert kinds(live) == []
        assert len(server.roots()) == 1


# --- afterwards -------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(live: LiveWorld) -> LiveWorld:
    """A world whose B was rolled back a minute ago."""
    live.append(broken(live))
    assert kinds(live) == ["rolled_back", "message"]
    return live


def test_b_served_after_the_cut_is_shouted_once_a_day(closed: LiveWorld) -> None:
    closed.append(calls(closed.now + timedelta(seconds=30), "B", [1]))
    assert kinds(closed) == []
    closed.now += timedelta(minutes=10)
    closed.append(calls(closed.now, "B", [1, 2]))
    shout, message = closed.tick().outcomes
    assert (shout.kind, shout.bad, message.kind) == ("still_served", True, "message")
    assert shout.text == (
        "2 calls were served B, the last at 2026-11-08 00:13:01 UTC, although B was cut at 2026-11-08 00:02:00; "
        "they name flag version 2: a server does not follow the flag file"
    )
    (entry,) = closed.journal("still_served")
    assert closed.outbox("still_served") == [f"{SLUG}-still_served-{entry['entry_id']}"]
    closed.append(calls(closed.now, "B", [3]))
    assert kinds(closed) == []
    closed.now += timedelta(days=1)
    closed.append(calls(closed.now, "B", [3]))
    assert kinds(closed) == ["still_served", "message"]


def test_a_hand_that_raises_b_after_a_rollback_is_undone_and_said(closed: LiveWorld) -> None:
    flag = json.loads(closed.flag_file.read_text(encoding="utf-8"))
    flag["flags"]["judge-model"]["targeting"]["if"][2]["<"][1] = 5000
    flag["metadata"]["version"] = "9"
    closed.flag_file.write_text(json.dumps(flag), encoding="utf-8")
    (outcome,) = closed.tick().outcomes
    assert outcome.text == "the flag gave B traffic after the rollback; B now has 0 % (flag version 10)"


def test_a_rollback_of_the_daily_verdict_is_verified_too(live: LiveWorld) -> None:
    live.resource.verdicts.record(
        Verdict(
            experiment=SLUG, date=(MORNING - timedelta(days=1)).date(), verdict="rollback", rule="alarm",
            reasons=("harm",), flip=(), share_before=30.0, share_after=0.0, day=6, phase="2", days_left=None,
            findings=(), checks=(), missing_facts=(), as_of=MORNING - timedelta(hours=9), plan_hash="p",
            code_version="c", inputs_hash="i",
        ),
        {},
    )  # fmt: skip
    assert kinds(live) == ["cut_again"]
    live.now += timedelta(minutes=10)
    live.append(calls(live.now, "B", [1]))
    assert kinds(live) == ["still_served", "message"]
    assert live.outbox("rollback") == []


def test_a_flag_that_a_newer_plan_owns_is_left_alone(live: LiveWorld) -> None:
    plan = (live.folder / "experiments" / f"{SLUG}.toml").read_text(encoding="utf-8")
    newer = plan.replace(SLUG, "judge-model-v3").replace("exp-2026-11-judge", "exp-2026-11-next")
    newer = newer.replace("start_date = 2026-11-02", "start_date = 2026-11-07")
    (live.folder / "experiments" / "judge-model-v3.toml").write_text(newer, encoding="utf-8")
    live.append(broken(live))
    assert kinds(live) == []
    assert live.share == 30


def test_a_dry_run_says_what_it_would_do_and_writes_only_its_memory(
    environment: None, tmp_path: Path
) -> None:
    live = make_live_world(tmp_path, dry_run=True)
    live.append([*GOOD, *broken(live)])
    (outcome,) = live.tick().outcomes
    assert outcome.kind == "would"
    assert outcome.text.endswith("dry run: B would go to 0 %")
    assert live.share == 30
    assert sorted(path.name for path in live.home.iterdir()) == ["state", "watch.lock"]


def test_with_everybody_on_b_the_days_before_stand_for_a(live: LiveWorld) -> None:
    flag = json.loads(live.flag_file.read_text(encoding="utf-8"))
    flag["flags"]["judge-model"]["targeting"]["if"][2]["<"][1] = 10_000
    live.flag_file.write_text(json.dumps(flag), encoding="utf-8")
    live.now = MORNING + timedelta(days=1)
    live.append(broken(live))
    assert "40 of 40 in B on 2026-11-09 against 0 of 300 in A over the days that are kept" in (
        live.tick().outcomes[0].text
    )


def test_two_ticks_at_once_do_the_work_once(live: LiveWorld) -> None:
    from pacer_pipelines.orchestration.watch import _alone

    live.append(broken(live))
    with _alone(live.home) as free:
        assert free
        done = live.tick()
    assert (done.outcomes, done.notes) == ((), ("another tick is at work",))
    assert kinds(live) == ["rolled_back", "message"]


def test_the_sensor_says_in_one_sentence_why_it_cannot_work(
    environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make_live_world(tmp_path, synthetic=False)
    definitions = build_definitions(load_world(live.folder / "pacer.toml"))
    with dg.build_sensor_context(resources={"world": live.resource}) as context:
        done: Any = definitions.resolve_sensor_def("immediate_rollback")(context)
    assert (
        "the watch cannot work: ConfigInvalid: PACER_PSEUDONYM_KEY: got nothing"
        in done.skip_reason.skip_message
    )


def test_nobody_is_named_in_what_the_watch_keeps(closed: LiveWorld) -> None:
    for path in (item for item in closed.home.rglob("*") if item.is_file()):
        assert not re.search(rb"stu[01]\d\d\d|coach01", path.read_bytes()), path
