"""The example fortnight, judged day by day with everything real: what an analyst sees, and what stays put."""

from __future__ import annotations

import gzip
import hashlib
import json
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from .worlds import DAYS, EXAMPLE, FIRST, LAST, SLUG, RanFortnight, failed_checks, finding

# experiments/judge-model-v2.toml
MIN_DAYS, STEP_MIN_DAYS, GUARDED = 7, 7, ("card_rate", "engagement", "failure_rate")
NEVER_CHANGES = (
    "published",
    "verdicts",
    "outbox",
    "landing",
    "rejects",
    "checks",
    "flags",
    "plans",
    "reports",
)


def in_a_row(fortnight: RanFortnight) -> list[tuple[date, dict[str, Any]]]:
    return list(fortnight.verdicts.items())


def test_one_command_judges_every_day(fortnight: RanFortnight) -> None:
    assert fortnight.result.exit_code == 0, fortnight.result.output
    assert [row["date"] for row in fortnight.world.history()] == [str(day) for day in DAYS]
    for day in DAYS:
        assert str(day) in fortnight.result.stdout
    assert "Where to look next" in fortnight.result.stdout


def test_the_command_ends_with_the_message_of_the_last_day(fortnight: RanFortnight) -> None:
    message = (fortnight.world.home / "outbox" / f"{SLUG}-{LAST}.txt").read_text(encoding="utf-8")
    assert message.splitlines()[0] in fortnight.result.stdout


def test_every_day_is_complete(fortnight: RanFortnight) -> None:
    """The only thing to remark: the one Anki export is of a student who is in no other source."""
    for day, verdict in in_a_row(fortnight):
        assert failed_checks(verdict).keys() <= {"anki_reviews_find_their_card"}, day
        assert all(check["severity"] == "warning" for check in failed_checks(verdict).values())
        assert len(verdict["checks"]) > 30, day


def test_the_data_docs_explain_each_check_of_every_day(fortnight: RanFortnight) -> None:
    docs = fortnight.world.home / "reports" / "data-docs"
    for day, verdict in in_a_row(fortnight):
        page = (docs / f"{day}.html").read_text(encoding="utf-8")
        kept = json.loads((fortnight.world.home / "checks" / f"{day}.json").read_text(encoding="utf-8"))
        missing = [check["name"] for check in kept if f'id="{check["source"]}.{check["name"]}"' not in page]
        assert (len(kept) > 50, missing) == (True, [])
        assert all(check["detail"] in page for check in failed_checks(verdict).values())
        message = json.loads(
            (fortnight.world.home / "outbox" / f"{SLUG}-{day}.json").read_text(encoding="utf-8")
        )
        assert f"reports/data-docs/{day}.html" in json.dumps(message)
    assert (docs / "index.html").is_file()


def reaches_its_bar(found: dict[str, Any]) -> bool:
    return None not in (found["z_star"], found["bar"]) and found["z_star"] >= found["bar"]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_promotion_only_when_every_stated_condition_holds(fortnight: RanFortnight, day: date) -> None:
    verdict = fortnight.verdicts[day]
    number, primary = (day - FIRST).days + 1, finding(verdict, "good_rate")
    # truth.json: the share goes from 10 % to 30 % on day 5 counted from 0
    phase_day = number if number <= 5 else number - 5
    conditions = {
        "minimum days": number >= MIN_DAYS,
        "whole weeks": number % 7 == 0,
        "days at this share": phase_day >= STEP_MIN_DAYS or phase_day == number,
        "rated requests of B": primary["n"]["treatment"] >= 200,
        "coaches": primary["G"] >= 10,
        "bar": reaches_its_bar(primary),
        "margins": all(reaches_its_bar(finding(verdict, name)) for name in GUARDED),
        "signs": all(
            (finding(verdict, name)["effect"] or 0) > 0
            for name in ("good_rate_mature", "good_rate_by_decision")
        ),
    }
    assert verdict["day"] == number
    assert verdict["verdict"] == ("promote" if all(conditions.values()) else "hold"), conditions
    if number < MIN_DAYS:
        assert f"day {number} of at least {MIN_DAYS}" in verdict["reasons"]


def test_two_weeks_of_waiting_and_then_the_next_step(fortnight: RanFortnight) -> None:
    words = [(verdict["verdict"], verdict["rule"]) for _, verdict in in_a_row(fortnight)]
    assert words == [("hold", "waiting")] * 13 + [("promote", "win")]
    shares = [(verdict["share_before"], verdict["share_after"]) for _, verdict in in_a_row(fortnight)]
    # rollout.steps of the plan: 10, 30, 50, 100
    assert shares == [(10, 10)] * 5 + [(30, 30)] * 8 + [(30, 50)]


def test_each_hold_says_what_is_missing_and_what_flips_it(fortnight: RanFortnight) -> None:
    for day, verdict in in_a_row(fortnight)[:-1]:
        assert verdict["reasons"], day
        assert verdict["flip"], day
    assert any("promote bar" in reason for reason in fortnight.verdicts[date(2026, 11, 8)]["reasons"])


def test_the_true_effect_lies_in_the_interval_of_every_day(fortnight: RanFortnight) -> None:
    rates = json.loads((EXAMPLE / "truth.json").read_text(encoding="utf-8"))["true"]
    name = "good_rate_if_every_log_were_rated"
    truth = rates["v2.1"][name] - rates["v1.0"][name]
    assert truth == pytest.approx(0.034)
    for day, verdict in in_a_row(fortnight):
        interval = finding(verdict, "good_rate")["interval"]
        if interval is not None:
            assert interval[0] < truth < interval[1], day


def test_failed_judgements_are_judged_too(fortnight: RanFortnight) -> None:
    """Twice as many in B (truth.json), and a verdict that counts every exposure, not only answered ones."""
    last = fortnight.verdicts[LAST]
    failures, cards = finding(last, "failure_rate"), finding(last, "card_rate")
    assert (failures["role"], failures["better"], failures["margin"]) == ("guardrail", "lower", 0.01)
    assert failures["rate_treatment"] > failures["rate_control"] > 0
    assert failures["n"] == cards["n"]
    assert failures["n"]["treatment"] > finding(last, "good_rate")["n"]["treatment"]


def test_the_flag_follows_the_promotion_once(fortnight: RanFortnight) -> None:
    before = json.loads((EXAMPLE / "flags" / "v2.json").read_text(encoding="utf-8"))
    after = json.loads(fortnight.world.flag_file.read_text(encoding="utf-8"))
    assert after["metadata"]["version"] == "3"
    threshold = after["flags"]["judge-model"]["targeting"]["if"][2]["<"]
    assert threshold == [{"var": "bucket"}, 5000]
    threshold[1], after["metadata"]["version"] = 3000, "2"
    assert after == before
    history = fortnight.world.home / "flags"
    seen, entry = map(json.loads, (history / "log.jsonl").read_text(encoding="utf-8").splitlines())
    assert (seen["who"], seen["why"], seen["to"], seen["share"]) == ("by hand", "first seen", "2", 30)
    assert (entry["from"], entry["to"], entry["share"]) == ("2", "3", 50)
    assert fortnight.verdicts[LAST]["verdict_id"] in entry["why"]
    assert (history / "v2.json").read_bytes() == (EXAMPLE / "flags" / "v2.json").read_bytes()


def test_one_message_per_day_with_all_that_a_reader_needs(fortnight: RanFortnight) -> None:
    outbox = fortnight.world.home / "outbox"
    assert sorted(path.name for path in outbox.glob(f"{SLUG}-*.txt")) == [f"{SLUG}-{day}.txt" for day in DAYS]
    assert len(list(outbox.glob(f"{SLUG}-*.json"))) == len(DAYS)
    for day, verdict in in_a_row(fortnight):
        text = (outbox / f"{SLUG}-{day}.txt").read_text(encoding="utf-8")
        assert f"{verdict['verdict'].upper()} {SLUG}, {day}" in text
        for part in ("Why", "Effect", "Checks", "Flips it", "Days", verdict["verdict_id"]):
            assert part in text, (day, part)
    last = (outbox / f"{SLUG}-{LAST}.txt").read_text(encoding="utf-8")
    sizes = finding(fortnight.verdicts[LAST], "good_rate")["n"]
    assert f"{sizes['control']:,} / {sizes['treatment']:,} rated" in " ".join(last.split())
    assert "30 % -> 50 %" in last


def test_messages_are_slack_blocks_for_the_channel_of_the_plan(fortnight: RanFortnight) -> None:
    for path in sorted((fortnight.world.home / "outbox").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        assert entry["channel"] == "#pacer-experiments"
        assert len(entry["message"]["blocks"]) <= 50
        assert entry["message"]["text"]


def test_rows_in_are_landed_or_rejected_for_each_file(fortnight: RanFortnight) -> None:
    ledger = fortnight.world.home / "landing" / "_ledger"
    receipts = [json.loads(path.read_text(encoding="utf-8")) for path in ledger.glob("*/*.json")]
    # five files, the links of one of them, three copies of the database for two tables, three tables of plans
    assert len(receipts) == 5 + 1 + 3 * 2 + 3
    for receipt in receipts:
        assert receipt["rows_in"] == receipt["landed"] + receipt["rejected"]
        assert receipt["rejected"] == 0, receipt["file"]
    (exposures,) = fortnight.world.ledger("exposures")
    truth = json.loads((EXAMPLE / "truth.json").read_text(encoding="utf-8"))
    assert exposures["landed"] == truth["judge"]


def test_history_is_an_array_with_the_promised_keys(fortnight: RanFortnight) -> None:
    promised = {"experiment", "date", "verdict", "reasons", "verdict_id", "plan_hash"}
    for row, (day, verdict) in zip(fortnight.world.history(), in_a_row(fortnight), strict=True):
        assert promised <= row.keys()
        assert {key: row[key] for key in promised} == {key: verdict[key] for key in promised}
        assert row["date"] == str(day)


def test_a_verdict_shows_every_finding_with_its_numbers(fortnight: RanFortnight) -> None:
    promised = {"metric", "effect", "interval", "se", "n", "G", "bar", "label", "z_star"}
    for day, verdict in in_a_row(fortnight):
        assert {"plan_hash", "code_version", "as_of", "inputs_hash", "verdict_id"} <= verdict.keys()
        # the end of the day in Seoul
        assert verdict["as_of"] == f"{day}T15:00:00Z"
        for row in verdict["findings"]:
            assert promised <= row.keys()
            assert row["n"].keys() == {"control", "treatment"}
    assert len({verdict["plan_hash"] for _, verdict in in_a_row(fortnight)}) == 1


def test_verdict_in_words_shows_the_same_decision(fortnight: RanFortnight) -> None:
    shown = fortnight.world.pacer("verdict", "--date", LAST)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"PROMOTE {SLUG}, {LAST} (day 14 of 42)")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verdict", "--date", "2026-12-24"), "2026-12-24 has no verdict"),
        (("verdict", "--date", LAST, "--experiment", "other"), "no plan 'other'"),
        (("history", "--experiment", "other"), "no plan 'other'"),
        (("run", "--date", FIRST - timedelta(days=1)), "2026-11-01"),
        (("run", "--from", LAST, "--to", FIRST), "lies before"),
        (("run", "--from", FIRST), "--to"),
    ],
    ids=[
        "no verdict yet",
        "verdict of no plan",
        "history of no plan",
        "before the start",
        "backwards",
        "half",
    ],
)
def test_a_wrong_command_is_refused_with_exit_code_2(
    fortnight: RanFortnight, arguments: tuple[object, ...], says: str
) -> None:
    refused = fortnight.world.pacer(*arguments)
    assert refused.exit_code == 2
    assert says in refused.output
    assert "Traceback" not in refused.output


def test_the_flag_as_the_command_line_shows_it(fortnight: RanFortnight) -> None:
    assert fortnight.world.pacer("flag", "show").stdout.strip() == f"{SLUG}: B 50 %, version 3, enabled"


def test_the_page_shows_each_day(fortnight: RanFortnight) -> None:
    page = (fortnight.world.home / "reports" / f"{SLUG}.html").read_text(encoding="utf-8")
    for day in DAYS:
        assert str(day) in page


def test_segments_add_up_and_are_only_to_explore(fortnight: RanFortnight) -> None:
    """School by school, as the last verdict's primary metric counts; the concepts are the twelve of the example."""
    result = fortnight.world.pacer("segments", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {row["attribute"] for row in found} == {"school", "grade", "concept"}
    schools = {row["segment"]: row for row in found if row["attribute"] == "school"}
    # the holdout school is never analysed
    assert set(schools) == {"alpha", "beta", "gamma"}
    assert sum(row["attribute"] == "concept" for row in found) == 12
    assert all(row["p_holm"] >= row["p_bh"] for row in found if row["shown"])
    shown = fortnight.world.pacer("segments", "--date", LAST)
    assert "To explore, never to decide" in shown.stdout
    # on the second day hardly anything is rated yet
    early = fortnight.world.pacer("segments", "--date", DAYS[1])
    assert "too few to show" in early.stdout
    page = (fortnight.world.home / "reports" / f"{SLUG}.html").read_text(encoding="utf-8")
    assert "GOOD rate by segment (exploratory)" in page


def test_segments_of_nothing_say_so(fortnight: RanFortnight) -> None:
    assert "nothing of latency by segment" in fortnight.world.pacer("segments", "--metric", "latency").stdout
    refused = fortnight.world.pacer("segments", "--experiment", "another")
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def fingerprints(fortnight: RanFortnight) -> dict[str, str]:
    """Hash of every file that a second run must leave as it is."""
    home = fortnight.world.home
    paths = [path for name in NEVER_CHANGES for path in sorted((home / name).rglob("*")) if path.is_file()]
    named = [*paths, fortnight.world.flag_file]
    return {str(path.relative_to(home.parent)): _digest(path) for path in named}


def _digest(path: Path) -> str:
    # the charts of a page number their clip paths anew in each process
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_verdict_is_replayed_byte_for_byte(fortnight: RanFortnight) -> None:
    result = fortnight.world.pacer("replay", "--all", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["date"] for row in rows] == [str(day) for day in DAYS]
    assert all(row["identical"] and row["differences"] == [] for row in rows)


def test_the_marts_behind_the_promotion_come_out_again_from_the_landed_rows(fortnight: RanFortnight) -> None:
    promoted = fortnight.verdicts[LAST]["verdict_id"]
    result = fortnight.world.pacer("replay", promoted[:6], "--from-landed", "--json")
    (row,) = json.loads(result.stdout)
    assert {part["table"] for part in row["from_landed"] if part["recorded"]} >= {
        "metrics",
        "units",
        "exposures",
    }
    assert all(part["recorded"] == part["rebuilt"] == part["alike"] for part in row["from_landed"])


def test_a_verdict_leads_back_to_lines_of_the_log(fortnight: RanFortnight) -> None:
    promoted = fortnight.verdicts[LAST]["verdict_id"]
    chain = json.loads(fortnight.world.pacer("explain", promoted, "--requests", "3", "--json").stdout)
    log = gzip.decompress((EXAMPLE / "exposures.jsonl.gz").read_bytes()).splitlines()
    for variant in chain["requests"]:
        # every exposure of the raw log is in the marts, those that the plan leaves out too
        logged = [
            row for row in map(json.loads, log) if row["feature_flag.result.variant"] == variant["variant"]
        ]
        assert variant["in_marts"] == variant["landed"] == len(logged)
        assert variant["left_out"] == sum(row["attrs"]["school"] == "holdout-school" for row in logged)
        for line in variant["lines"]:
            raw = json.loads(log[line["source_line"] - 1])
            assert (raw["exposure_id"], raw["log_id"]) == (line["exposure_id"], line["log_id"])
    assert [table["changed"] for table in chain["landed"]] == [False] * len(chain["landed"])
    files = {file["file"]: file for table in chain["landed"] for file in table["files"]}
    assert files["exposures.jsonl.gz"]["rows_in"] == len(log)
    assert chain["models"]["metric_sums_daily"] == ["int_metric_contributions"]
    assert chain["models"]["stg_exposures"] == ["exposures"]
    primary = chain["findings"][0]["mart"]
    assert primary["treatment"]["n"] == finding(fortnight.verdicts[LAST], "good_rate")["n"]["treatment"]


def test_the_chain_in_words_has_every_link(fortnight: RanFortnight) -> None:
    text = fortnight.world.pacer("explain", fortnight.verdicts[LAST]["verdict_id"]).output
    for link in (
        "PROMOTE judge-model-v2, 2026-11-15: rule win", "flag: version 2 -> 3, B 50 %", "metric_sums_daily <-",
        "Checks: 85 passed, 0 failed", "exposures.jsonl.gz: 20,052 rows in = 20,052 landed + 0 rejected",
        "Requests of B: 4,348 in the marts", "exposures.jsonl.gz:1",
    ):  # fmt: skip
        assert link in text


@pytest.mark.parametrize("day", [LAST, FIRST + timedelta(days=4)], ids=["the last day", "day 5 after day 14"])
def test_a_second_run_changes_no_byte(fortnight: RanFortnight, day: date) -> None:
    """No new verdict, no second message, the same tables: also for a day before later days."""
    before, verdict = fingerprints(fortnight), fortnight.verdicts[day]
    published = (fortnight.world.home / "published" / "LATEST").read_text(encoding="utf-8")
    again = fortnight.world.run(day)
    assert again.exit_code == 0, again.output
    assert fortnight.world.verdict(day) == verdict
    assert (fortnight.world.home / "published" / "LATEST").read_text(encoding="utf-8") == published
    after = fingerprints(fortnight)
    assert {name for name in before | after if before.get(name) != after.get(name)} == set()


def test_the_plan_on_file_is_the_one_that_was_obeyed(fortnight: RanFortnight) -> None:
    frozen = json.loads((fortnight.world.home / "plans" / f"{SLUG}.json").read_text(encoding="utf-8"))
    plan = tomllib.loads(fortnight.world.plan_file.read_text(encoding="utf-8"))
    assert frozen["plan"]["hypothesis"] == plan["hypothesis"].strip()
    assert {verdict["plan_hash"] for _, verdict in in_a_row(fortnight)} == {frozen["plan_hash"]}


def test_the_plan_check_sees_the_traffic_of_the_fortnight(fortnight: RanFortnight) -> None:
    """Analysed requests, rated share and students by hand from the published sums of 2 to 15 November."""
    result = fortnight.world.pacer("plan", "check", fortnight.world.plan_file, "--json")
    assert result.exit_code == 0, result.output
    (check,) = json.loads(result.stdout)
    assert check["traffic"]["requests_per_day"] == pytest.approx(17_999 / 14)
    assert check["traffic"]["rated_share"] == pytest.approx(5_748 / 8_854)
    assert check["traffic"]["students"] == 429
    # hardly any: 0.001 by the same estimator over the ratings in the warehouse, written apart
    assert check["traffic"]["student_correlation"] < 0.01
    assert (check["sample_day"], check["end_day"]) == (37, 42)
