"""Broken input, broken plans, broken runs: the day is judged anyway, and says what is wrong with it."""

from __future__ import annotations

import gzip
import json
import shutil
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from click.testing import Result

from .privacy_scan import leaks, secrets_of
from .worlds import EXAMPLE, FIRST, LAST, SLUG, World, failed_checks, finding, local_time, log_sources

WEDNESDAY, FRIDAY = date(2026, 11, 4), date(2026, 11, 6)
NewWorld = Callable[..., World]


@dataclass(frozen=True)
class Judged:
    """A command's outcome and the verdict that it left behind."""

    world: World
    result: Result
    verdict: dict[str, Any]

    @property
    def reasons(self) -> str:
        return "\n".join(self.verdict["reasons"])


def judge(world: World, day: date) -> Judged:
    result = world.run(day)
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Judged(world, result, world.verdict(day))


def without_hour(day: date, hour: int) -> Callable[[list[bytes]], Iterable[bytes]]:
    """Drop the lines of one hour on the clock of the coaches."""

    def edit(lines: list[bytes]) -> Iterable[bytes]:
        return [line for line in lines if not _within(local_time(line), day, hour)]

    return edit


def _within(when: datetime, day: date, hour: int) -> bool:
    return (when.date(), when.hour) == (day, hour)


# --- one hour of the exposure log is gone ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def hole(new_world: NewWorld) -> Judged:
    """The day that would promote, judged with the hour from 17:00 to 18:00 missing."""
    world = new_world(sources=log_sources())
    world.edit_lines("exposures.jsonl.gz", without_hour(LAST, 17))
    return judge(world, LAST)


def test_a_lost_hour_holds_what_would_have_been_promoted(hole: Judged) -> None:
    primary = finding(hole.verdict, "good_rate")
    assert primary["z_star"] > primary["bar"]
    assert (hole.verdict["verdict"], hole.verdict["rule"]) == ("hold", "health")
    assert hole.result.exit_code == 3


def test_a_lost_hour_is_named_with_its_check(hole: Judged) -> None:
    assert "exposures_against_judgements" in hole.reasons
    assert "2026-11-15 17:00" in hole.reasons
    message = (hole.world.home / "outbox" / f"{SLUG}-{LAST}.txt").read_text(encoding="utf-8")
    assert "17:00" in message


def test_a_lost_hour_leaves_the_traffic_alone(hole: Judged) -> None:
    assert hole.world.flag_file.read_bytes() == (EXAMPLE / "flags" / "v2.json").read_bytes()
    assert hole.verdict["share_after"] == 30


def test_the_hour_found_again_promotes(hole: Judged) -> None:
    shutil.copy(EXAMPLE / "exposures.jsonl.gz", hole.world.exposure_log)
    again = judge(hole.world, LAST)
    assert (again.result.exit_code, again.verdict["verdict"]) == (0, "promote")
    assert failed_checks(again.verdict) == {}
    revisions = sorted((hole.world.home / "verdicts" / SLUG / str(LAST)).glob("*.json"))
    assert [path.name[:5] for path in revisions] == ["r0001", "r0002"]


# --- the exposure log is missing, then empty, then there ------------------------------------------------------


@pytest.fixture(scope="module")
def late_log(new_world: NewWorld) -> dict[str, Judged]:
    """One day judged without the file, with an empty one, and with the real one."""
    world = new_world(sources=log_sources())
    whole = world.exposure_log.read_bytes()
    world.exposure_log.unlink()
    judged = {"missing": judge(world, WEDNESDAY)}
    for name, content in (("empty", b""), ("whole", whole)):
        world.exposure_log.write_bytes(content)
        judged[name] = judge(world, WEDNESDAY)
    return judged


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_without_exposures_the_day_holds_with_exit_code_3(late_log: dict[str, Judged], state: str) -> None:
    day = late_log[state]
    assert day.result.exit_code == 3
    assert (day.verdict["verdict"], day.verdict["rule"]) == ("hold", "health")
    assert "exposures_logged" in day.reasons
    assert any("exposure log" in fact for fact in day.verdict["missing_facts"])


def test_a_missing_file_is_named_where_it_was_looked_for(late_log: dict[str, Judged]) -> None:
    day = late_log["missing"]
    said = f"exposures: nothing at {day.world.exposure_log}"
    assert said in " ".join(day.result.stderr.split())
    assert said in day.reasons
    assert "exposures_readable" in day.reasons


def test_an_empty_file_is_no_quiet_day(late_log: dict[str, Judged]) -> None:
    day = late_log["empty"]
    assert "exposures_present" in day.reasons
    assert "no exposure landed for 2026-11-04" in day.reasons


def test_the_file_arrives_late_and_the_day_is_judged_again(late_log: dict[str, Judged]) -> None:
    whole = late_log["whole"]
    assert whole.result.exit_code == 0
    assert (whole.verdict["rule"], whole.verdict["phase"]) == ("waiting", "1")
    assert whole.verdict["missing_facts"] == []
    assert finding(whole.verdict, "good_rate")["n"]["treatment"] > 0


def test_late_data_are_revisions_and_each_is_replayed_byte_for_byte(late_log: dict[str, Judged]) -> None:
    world = late_log["whole"].world
    result = world.pacer("replay", "--all", "--json")
    assert result.exit_code == 0, result.output
    replayed = json.loads(result.stdout)
    assert [row["revision"] for row in replayed] == [1, 2, 3]
    assert [row["verdict_id"] for row in replayed] == [
        late_log[state].verdict["verdict_id"] for state in ("missing", "empty", "whole")
    ]
    assert all(row["identical"] for row in replayed)


def test_the_landing_of_today_is_told_from_the_landing_of_then(late_log: dict[str, Judged]) -> None:
    world, early = late_log["whole"].world, late_log["missing"].verdict["verdict_id"]
    result = world.pacer("replay", early, "--from-landed", "--json")
    assert result.exit_code == 0, result.output
    rebuilt = {part["table"]: part for part in json.loads(result.stdout)[0]["from_landed"]}
    # then the requests were guessed from PACER's database, by now they are logged: no row is the same
    assert rebuilt["exposures"]["recorded"] > 0
    assert rebuilt["exposures"]["rebuilt"] > 0
    assert rebuilt["exposures"]["alike"] == 0


def test_a_verdict_that_was_edited_by_hand_is_refused(late_log: dict[str, Judged]) -> None:
    world, verdict = late_log["empty"].world, late_log["empty"].verdict
    path = next((world.home / "verdicts" / SLUG / str(WEDNESDAY)).glob(f"r0002-{verdict['verdict_id']}.json"))
    kept = path.read_text(encoding="utf-8")
    path.write_text(kept.replace('"hold"', '"promote"'), encoding="utf-8")
    try:
        result = world.pacer("replay", verdict["verdict_id"])
    finally:
        path.write_text(kept, encoding="utf-8")
    assert result.exit_code == 1
    assert 'verdict: recorded "promote", now "hold"' in result.output


# --- one line in a hundred is broken --------------------------------------------------------------------------


def spoil_one_in_a_hundred(lines: list[bytes]) -> list[bytes]:
    """Every 400th line is cut in half, doubled, of an unknown variant, or of a wrong type: 1 % in all."""
    spoilt: list[bytes] = []
    for number, line in enumerate(lines):
        record = json.loads(line)
        if number % 400 == 0:
            spoilt.append(line[: len(line) // 2])
        elif number % 400 == 100:
            spoilt += [line, line]
        elif number % 400 == 200:
            spoilt.append(json.dumps({**record, "feature_flag.result.variant": "C"}).encode())
        elif number % 400 == 300:
            spoilt.append(json.dumps({**record, "log_id": str(record["log_id"])}).encode())
        else:
            spoilt.append(line)
    return spoilt


@pytest.fixture(scope="module")
def dirty(new_world: NewWorld) -> Judged:
    """The first days with 1 % of the lines broken."""
    world = new_world(sources=log_sources())
    world.edit_lines("exposures.jsonl.gz", spoil_one_in_a_hundred)
    return judge(world, WEDNESDAY)


def test_broken_lines_do_not_hold_the_day(dirty: Judged) -> None:
    assert dirty.result.exit_code == 0, dirty.result.output
    assert dirty.verdict["rule"] == "waiting"
    assert not [check for check in failed_checks(dirty.verdict).values() if check["severity"] == "critical"]


def test_broken_lines_are_counted_by_reason(dirty: Judged) -> None:
    (receipt,) = dirty.world.ledger("exposures")
    assert receipt["rows_in"] == receipt["landed"] + receipt["rejected"]
    # 20,052 lines and one more for each of 50 doubled ones; 51 + 50 + 50 + 50 of them are rejected
    assert (receipt["rows_in"], receipt["rejected"]) == (20_052 + 50, 201)
    rejects = f"{dirty.world.home}/rejects/exposures/*.parquet"
    with duckdb.connect() as db:
        reasons = dict(db.execute(f"select reason, count(*) from '{rejects}' group by reason").fetchall())
    assert reasons == {
        "malformed json": 51, "duplicate exposure_id": 50, "unknown variant": 50, "wrong type": 50,
    }  # fmt: skip


def test_each_reject_names_its_line(dirty: Judged) -> None:
    lines = gzip.decompress(dirty.world.exposure_log.read_bytes()).splitlines()
    with duckdb.connect() as db:
        rejects = f"{dirty.world.home}/rejects/exposures/*.parquet"
        rows = db.execute(f"select reason, source_file, source_line, detail from '{rejects}'").fetchall()
    for reason, file, number, detail in rows:
        assert file == "exposures.jsonl.gz"
        line = lines[number - 1]
        if reason == "malformed json":
            with pytest.raises(json.JSONDecodeError):
                json.loads(line)
        elif reason == "duplicate exposure_id":
            assert line in lines[: number - 1]
        elif reason == "unknown variant":
            assert json.loads(line)["feature_flag.result.variant"] == "C"
        else:
            assert isinstance(json.loads(line)["log_id"], str)
            assert detail.startswith("log_id: got str")


def test_every_file_of_every_source_adds_up(dirty: Judged) -> None:
    tables = (
        "exposures",
        "feedback_events",
        "llm_logs",
        "anki_cards",
        "card_reviews",
        "anki_reviews",
        "anki_card_links",
        "roster",
    )
    for table in tables:
        receipts = dirty.world.ledger(table)
        assert receipts, table
        for receipt in receipts:
            assert receipt["rows_in"] == receipt["landed"] + receipt["rejected"]


def test_rejected_lines_are_not_repeated_anywhere(dirty: Judged) -> None:
    """A reject names the field, never the content: the line was full of ids."""
    assert leaks(dirty.world.home, secrets_of(dirty.world.folder)) == []


def test_a_plan_edited_after_the_start_holds(dirty: Judged) -> None:
    plan = dirty.world.plan_file
    plan.write_text(
        plan.read_text(encoding="utf-8").replace("smallest_effect = 0.03", "smallest_effect = 0.06"),
        encoding="utf-8",
    )
    edited = judge(dirty.world, WEDNESDAY)
    assert edited.result.exit_code == 3
    assert edited.verdict["rule"] == "health"
    assert "check plan_unchanged failed: the plan was edited after the start" in edited.reasons
    assert tomllib.loads(plan.read_text(encoding="utf-8"))["primary"]["smallest_effect"] == 0.06


# --- the warehouse cannot be built ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def no_warehouse(new_world: NewWorld) -> Judged:
    """The warehouse file is not a database: dbt fails."""
    world = new_world(sources=log_sources())
    world.home.mkdir()
    (world.home / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)
    return judge(world, FIRST)


def test_a_run_that_breaks_still_gives_a_verdict(no_warehouse: Judged) -> None:
    assert no_warehouse.result.exit_code == 1
    assert (no_warehouse.verdict["verdict"], no_warehouse.verdict["rule"]) == ("hold", "health")
    broken = failed_checks(no_warehouse.verdict)["run_completed"]
    assert broken["severity"] == "critical"
    assert "dbt_models failed" in broken["detail"]
    assert "check run_completed failed" in no_warehouse.reasons


def test_a_run_that_breaks_still_tells_slack(no_warehouse: Judged) -> None:
    message = no_warehouse.world.home / "outbox" / f"{SLUG}-{FIRST}.txt"
    assert "run_completed" in message.read_text(encoding="utf-8")


def test_the_repaired_run_replaces_the_verdict(no_warehouse: Judged) -> None:
    (no_warehouse.world.home / "warehouse.duckdb").unlink()
    repaired = judge(no_warehouse.world, FIRST)
    assert repaired.result.exit_code == 0, repaired.result.output
    assert repaired.verdict["rule"] == "waiting"
    assert "run_completed" not in failed_checks(repaired.verdict)


# --- another split than the planned one, and a broken plan beside the good one --------------------------------


@pytest.fixture(scope="module")
def wrong_split(new_world: NewWorld) -> Judged:
    """The kept flag file of version 1 says 50 %, while the log shows 10 %; and a plan of somebody else is broken."""
    world = new_world(sources=log_sources())
    kept = world.folder / "flags" / "v1.json"
    kept.write_text(kept.read_text(encoding="utf-8").replace("1000", "5000"), encoding="utf-8")
    plan = world.plan_file.read_text(encoding="utf-8").replace(SLUG, "broken-one")
    broken = plan.replace('randomization_unit = "student"', 'randomization_unit = "coach"')
    (world.folder / "experiments" / "broken-one.toml").write_text(broken, encoding="utf-8")
    return judge(world, FIRST)


def test_a_wrong_split_holds_and_counts_students(wrong_split: Judged) -> None:
    lines = gzip.decompress(wrong_split.world.exposure_log.read_bytes()).splitlines()
    variant_of: dict[str, str] = {}
    for record in map(json.loads, (line for line in lines if local_time(line).date() == FIRST)):
        if record["attrs"]["school"] != "holdout-school":
            variant_of.setdefault(record["unit_id"], record["feature_flag.result.variant"])
    control, treatment = (list(variant_of.values()).count(variant) for variant in "AB")
    assert wrong_split.verdict["rule"] == "health"
    check = failed_checks(wrong_split.verdict)["sample_ratio"]
    assert check["observed"] == "p 0.0000, 1 phase"
    assert f"{control} units in control and {treatment} in treatment" in check["detail"]
    assert "check sample_ratio failed" in wrong_split.reasons


def test_a_broken_plan_stops_nobody_else(wrong_split: Judged) -> None:
    said = wrong_split.result.stderr
    assert "broken plan, left out" in said
    assert "broken-one.toml: randomization_unit: got 'coach'" in said
    assert [row["experiment"] for row in wrong_split.world.history()] == [SLUG]


def test_a_broken_plan_is_not_passed_over_in_silence(wrong_split: Judged) -> None:
    assert wrong_split.result.exit_code == 1


# --- harm outranks everything ---------------------------------------------------------------------------------


def worse_in_treatment(exposures: list[bytes]) -> Callable[[list[bytes]], Iterable[bytes]]:
    """Rate every judgement of B as BAD."""
    records = map(json.loads, exposures)
    treated = {row["log_id"] for row in records if row["feature_flag.result.variant"] == "B"}

    def edit(lines: list[bytes]) -> Iterable[bytes]:
        for line in lines:
            event = json.loads(line)
            yield json.dumps({**event, "feedback": "BAD"}).encode() if event["log_id"] in treated else line

    return edit


@pytest.fixture(scope="module")
def harm(new_world: NewWorld) -> Judged:
    """All of B is rated BAD, and an hour of the log is missing too; version 1 of the flag is live."""
    world = new_world(sources=log_sources())
    shutil.copy(EXAMPLE / "flags" / "v1.json", world.flag_file)
    (world.folder / "flags" / "v2.json").unlink()
    exposures = gzip.decompress(world.exposure_log.read_bytes()).splitlines()
    world.edit_lines("feedback_events.jsonl.gz", worse_in_treatment(exposures))
    world.edit_lines("exposures.jsonl.gz", without_hour(FRIDAY, 17))
    return judge(world, FRIDAY)


def test_a_hole_in_the_log_never_stops_a_rollback(harm: Judged) -> None:
    assert "exposures_against_judgements" in failed_checks(harm.verdict)
    assert (harm.verdict["verdict"], harm.verdict["rule"]) == ("rollback", "alarm")
    assert harm.reasons.startswith("GOOD rate is worse in B")
    assert (harm.verdict["share_before"], harm.verdict["share_after"]) == (10, 0)


def test_a_rollback_takes_the_traffic_away(harm: Judged) -> None:
    assert harm.world.pacer("flag", "show").stdout.strip() == f"{SLUG}: B 0 %, version 2, enabled"
    message = (harm.world.home / "outbox" / f"{SLUG}-{FRIDAY}.txt").read_text(encoding="utf-8")
    assert message.startswith(f"ROLLBACK {SLUG}, 2026-11-06 (day 5 of 42)\nB: 10 % -> 0 %")
