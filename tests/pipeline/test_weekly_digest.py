"""The digest of the example's second week: what the channel was told on Sunday, against the raw files."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from reference.raw_fortnight import Fortnight, day_of, json_lines, moment

from .worlds import EXAMPLE, LAST, SLUG, RanFortnight, World

WEEK, CHANNEL = "2026-W46", "pacer-experiments"


def asked(world: World, week: str) -> dict[str, Any]:
    """The digest of a week as ``pacer digest --json`` prints it."""
    result = world.pacer("digest", "--week", week, "--json")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    return dict(found)


def outbox(world: World) -> Path:
    return world.home / "outbox"


@pytest.fixture(scope="module")
def told(fortnight: RanFortnight) -> dict[str, Any]:
    return asked(fortnight.world, WEEK)


@pytest.fixture(scope="module")
def mature() -> pd.DataFrame:
    """Every mature request by the last Sunday, with its coach's school, from the raw files alone."""
    raw = Fortnight(EXAMPLE)
    found = raw.requests(LAST)
    found = found[found["request"] & found["mature"]].copy()
    # a coach belongs to the school of most of their students; a student counts once in each variant
    first: dict[tuple[str, str, str], str] = {}
    for row in sorted(raw.exposures, key=lambda row: (moment(row["ts"]), row["exposure_id"])):
        if day_of(moment(row["ts"])) <= LAST:
            key = row["attrs"]["school"], row["feature_flag.result.variant"], row["unit_id"]
            first.setdefault(key, row["attrs"]["coach"])
    students = Counter((coach, school) for (school, _, _), coach in first.items())
    home: dict[str, str] = {}
    for (coach, school), _ in sorted(students.items(), key=lambda item: (-item[1], item[0][1])):
        home.setdefault(coach, school)
    found["group"] = found["coach"].map(home)
    return found


def test_the_channel_gets_one_digest_on_each_sunday(fortnight: RanFortnight) -> None:
    names = sorted(path.name for path in outbox(fortnight.world).glob("weekly-*.json"))
    assert names == [f"weekly-digest-2026-W{week}-{CHANNEL}.json" for week in (45, 46)]


def test_what_was_delivered_is_what_the_command_shows(fortnight: RanFortnight, told: dict[str, Any]) -> None:
    kept = json.loads((outbox(fortnight.world) / f"weekly-digest-{WEEK}-{CHANNEL}.json").read_text("utf-8"))
    assert (kept["verdict_id"], kept["date"], kept["channel"]) == (
        told["digest_id"],
        str(LAST),
        f"#{CHANNEL}",
    )
    shown = fortnight.world.pacer("digest", "--week", WEEK).stdout
    assert shown == (outbox(fortnight.world) / f"weekly-digest-{WEEK}-{CHANNEL}.txt").read_text("utf-8")
    assert max(map(len, shown.splitlines())) <= 96


def test_verdicts_and_time_to_decision_are_those_of_the_history(
    fortnight: RanFortnight, told: dict[str, Any]
) -> None:
    (experiment,) = told["experiments"]
    rows = [
        row for row in fortnight.world.history() if date.fromisoformat(row["date"]).isocalendar().week == 46
    ]
    counted = Counter(row["verdict"] for row in rows)
    assert {one["verdict"]: one["days"] for one in experiment["verdicts"]} == counted
    promoted = [row["date"] for row in fortnight.world.history() if row["verdict"] == "promote"]
    assert promoted == [str(LAST)]
    assert (experiment["experiment"], experiment["decision"], experiment["decided_on_day"]) == (
        SLUG,
        "promote",
        14,
    )
    assert (experiment["share"], experiment["next_share"]) == (30, 50)


def test_the_rated_share_of_each_group_is_that_of_the_raw_files(
    told: dict[str, Any], mature: pd.DataFrame
) -> None:
    shown = {group["name"]: group for group in told["coverage"]["groups"]}
    assert shown
    for name, group in [*shown.items(), ("", told["coverage"]["total"])]:
        own = mature[mature["group"] == name] if name else mature
        counted = (own["coach"].nunique(), own["unit"].nunique(), len(own), int(own["rated"].sum()))
        assert (group["coaches"], group["students"], group["requests"], group["rated"]) == counted, name


def test_small_groups_are_hidden_and_do_not_follow_from_the_total(
    told: dict[str, Any], mature: pd.DataFrame
) -> None:
    groups = mature.groupby("group")[["coach", "unit"]].nunique()
    small = {name for name, row in groups.iterrows() if row["coach"] < 3 or row["unit"] < 10}
    hidden = set(told["coverage"]["hidden"])
    assert small
    assert small < hidden
    together = mature[mature["group"].isin(hidden)]
    assert together["coach"].nunique() >= 3
    assert together["unit"].nunique() >= 10


def test_landed_rows_and_completeness_are_those_of_the_raw_files(told: dict[str, Any]) -> None:
    lines = {
        "exposures": json_lines(EXAMPLE / "exposures.jsonl.gz"),
        "feedback_events": json_lines(EXAMPLE / "feedback_events.jsonl.gz"),
    }
    for source, found in lines.items():
        weeks = Counter(day_of(moment(row["ts"])).isocalendar().week for row in found)
        rows = {each["source"]: each for each in told["quality"]["rows"]}
        before = {each["source"]: each for each in told["quality"]["rows_before"]}
        assert (before[source]["landed"], rows[source]["landed"]) == (weeks[45], weeks[46]), source
        assert rows[source]["refused"] == 0
    # truth.json plants no hole in the exposure log
    assert [day["complete"] for day in told["quality"]["days"]] == [1.0] * 7


def test_failed_checks_are_those_that_were_kept(fortnight: RanFortnight, told: dict[str, Any]) -> None:
    for day in told["quality"]["days"] + told["quality"]["days_before"]:
        kept = json.loads((fortnight.world.home / "checks" / f"{day['date']}.json").read_text("utf-8"))
        failed = Counter(check["severity"] for check in kept if not check["passed"])
        assert (day["checks"], day["critical"], day["warnings"]) == (
            len(kept), failed["critical"], failed["warning"],
        )  # fmt: skip


def test_nothing_in_a_digest_names_a_person(fortnight: RanFortnight) -> None:
    for path in outbox(fortnight.world).glob("weekly-*"):
        text = path.read_text("utf-8")
        assert "k1_" not in text, path.name
        assert "coach0" not in text, path.name
        assert "stu0" not in text, path.name
        assert str(fortnight.world.folder) not in text, path.name


def test_an_unknown_week_is_refused_in_one_line(fortnight: RanFortnight) -> None:
    for week, why in (("2026-46", "2026-W46"), ("2026-W99", "2026-W46"), ("2026-W40", "no plan had begun")):
        result = fortnight.world.pacer("digest", "--week", week)
        assert (result.exit_code, why in result.output) == (2, True), result.output
