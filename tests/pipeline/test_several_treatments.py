"""Two treatments beside one control, and two experiments beside a broken one, through the real daily job."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from pacer_pipelines.adapters.flags import flag_changes, read_flag

from .worlds import SLUG, World, failed_checks, finding, log_sources

FRIDAY = date(2026, 11, 6)
NewWorld = Callable[..., World]
Line = dict[str, Any]
BUCKET = {"var": "bucket"}
B = '[treatment]\nvariant = "B"\nmodel = "pacer-llm:v2.1"\nversion = "v2.1"\n'
C = 'variant = "C"\nmodel = "pacer-llm:v3.0"\nversion = "v3.0"\n'
NUMBERS = (
    "metric", "effect", "se", "n", "rate_control", "rate_treatment", "coaches", "effective_n", "z_star",
)  # fmt: skip
# the example's first days serve B to buckets below 1,000: here the upper half of them is served C
HALF, WHOLE = 500, 1000


def relabelled(row: Line) -> Line:
    """The line as it would be, had its unit been served C."""
    if row["feature_flag.result.variant"] != "B" or row["bucket"] < HALF:
        return row
    return row | {
        "feature_flag.result.variant": "C",
        "model_version": "v3.0",
        "served_model": "pacer-llm:v3.0",
    }


def edited(keep: str) -> Callable[[list[bytes]], Iterable[bytes]]:
    """Relabel half of B's lines as C, and keep the lines of some variants."""

    def edit(lines: list[bytes]) -> Iterable[bytes]:
        rows = [relabelled(json.loads(line)) for line in lines]
        return [json.dumps(row).encode() for row in rows if row["feature_flag.result.variant"] in keep]

    return edit


def bad_for(variant: str, exposures: bytes) -> Callable[[list[bytes]], Iterable[bytes]]:
    """Rate every judgement of a variant as BAD."""
    rows = [relabelled(json.loads(line)) for line in gzip.decompress(exposures).splitlines()]
    harmed = {row["log_id"] for row in rows if row["feature_flag.result.variant"] == variant}

    def edit(lines: list[bytes]) -> Iterable[bytes]:
        for line in lines:
            event = json.loads(line)
            yield json.dumps({**event, "feedback": "BAD"}).encode() if event["log_id"] in harmed else line

    return edit


def with_two_regions(world: World) -> None:
    """Version 1 of the flag, live and alone: B below 500, C from there to below 1,000."""
    document = json.loads((world.folder / "flags" / "v1.json").read_text(encoding="utf-8"))
    flag = document["flags"]["judge-model"]
    rules = flag["targeting"]["if"]
    rules[2]["<"][1] = HALF
    rules[4:4] = [{"and": [{">=": [BUCKET, HALF]}, {"<": [BUCKET, WHOLE]}]}, "C"]
    flag["variants"]["C"] = {"version": "v3.0", "model": "pacer-llm:v3.0"}
    text = json.dumps(document, indent=1)
    (world.folder / "flags" / "v1.json").write_text(text, encoding="utf-8")
    (world.folder / "flags" / "v2.json").unlink()
    world.flag_file.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Ran:
    """A world after one day of the job, and the verdict of each of its experiments."""

    world: World
    output: str
    verdicts: dict[str, dict[str, Any]]


def run(new_world: NewWorld, keep: str, plan: Callable[[str], str], *slugs: str) -> Ran:
    world = new_world(sources=log_sources())
    with_two_regions(world)
    world.edit_lines("feedback_events.jsonl.gz", bad_for("C", world.exposure_log.read_bytes()))
    world.edit_lines("exposures.jsonl.gz", edited(keep))
    world.plan_file.write_text(plan(world.plan_file.read_text(encoding="utf-8")), encoding="utf-8")
    result = world.run(FRIDAY)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ran(world, result.output, {slug: world.verdict(FRIDAY, slug) for slug in slugs})


def several(plan: str) -> str:
    return plan.replace(B, B.replace("[treatment]", "[[treatments]]") + f"\n[[treatments]]\n{C}")


@pytest.fixture(scope="module")
def three(new_world: NewWorld) -> Ran:
    """A, B and C in one experiment; C is rated BAD throughout."""
    return run(new_world, "ABC", several, f"{SLUG}-b", f"{SLUG}-c")


@pytest.fixture(scope="module")
def pairs(new_world: NewWorld) -> dict[str, dict[str, Any]]:
    """The same lines as two worlds of one treatment each: A with B, and A with C."""
    only_c = run(new_world, "AC", lambda plan: plan.replace(B, f"[treatment]\n{C}"), SLUG)
    only_b = run(new_world, "AB", lambda plan: plan, SLUG)
    return {"b": only_b.verdicts[SLUG], "c": only_c.verdicts[SLUG]}


@pytest.mark.parametrize("arm", ["b", "c"])
def test_an_arm_has_the_numbers_of_a_world_of_its_own(three: Ran, pairs: Any, arm: str) -> None:
    found, alone = three.verdicts[f"{SLUG}-{arm}"], pairs[arm]
    assert len(found["findings"]) == len(alone["findings"])
    for own, expected in zip(found["findings"], alone["findings"], strict=True):
        for field in (
            "metric",
            "effect",
            "se",
            "n",
            "rate_control",
            "rate_treatment",
            "coaches",
            "effective_n",
            "z_star",
        ):
            assert own[field] == expected[field], (own["metric"], field)


@pytest.mark.parametrize("arm", ["b", "c"])
def test_each_arm_has_half_of_the_error_rates(three: Ran, pairs: Any, arm: str) -> None:
    found, alone = (finding(each, "good_rate") for each in (three.verdicts[f"{SLUG}-{arm}"], pairs[arm]))
    # one-sided 2.5 % instead of 5 %: 2.24 instead of 1.96 at full information, of a larger planned sample
    ratio = (found["bar"] * found["information"] ** 0.5) / (alone["bar"] * alone["information"] ** 0.5)
    assert ratio == pytest.approx(2.2414 / 1.9600, abs=1e-3)
    assert found["information"] < alone["information"]
    width = {
        name: each["interval"][1] - each["interval"][0] for name, each in (("arm", found), ("alone", alone))
    }
    assert width["arm"] > width["alone"]


def test_the_split_within_each_arm_is_the_planned_one(three: Ran) -> None:
    for verdict in three.verdicts.values():
        assert not {"sample_ratio", "flag_versions_known", "sample_ratio_by_day"} & set(
            failed_checks(verdict)
        )
        assert verdict["share_before"] == 5


def test_harm_of_one_treatment_cuts_that_one_alone(three: Ran) -> None:
    assert three.verdicts[f"{SLUG}-c"]["verdict"] == "rollback"
    assert three.verdicts[f"{SLUG}-b"]["verdict"] == "hold"
    shares = {name: read_flag(three.world.flag_file, "judge-model", name).share for name in "BC"}
    assert shares == {"B": 5, "C": 0}
    last = flag_changes(three.world.home / "flags", "judge-model")[-1]
    assert (last.variant, last.share, last.to_version) == ("C", 0, "2")


def test_each_arm_has_a_message_and_a_page_that_name_it(three: Ran) -> None:
    for arm in ("b", "c"):
        text = (three.world.home / "outbox" / f"{SLUG}-{arm}-{FRIDAY}.txt").read_text(encoding="utf-8")
        assert f"{SLUG}-{arm}, {FRIDAY}" in text.splitlines()[0]
        page = (three.world.home / "reports" / f"{SLUG}-{arm}.html").read_text(encoding="utf-8")
        assert f"treatment {arm.upper()}" in page
    assert "C: 5 % -> 0 %" in text


def test_pacer_history_and_flag_show_list_the_arms(three: Ran) -> None:
    assert {row["experiment"] for row in three.world.history()} == {f"{SLUG}-b", f"{SLUG}-c"}
    shown = three.world.pacer("flag", "show").stdout
    assert f"{SLUG}-b: B 5 %" in shown
    assert f"{SLUG}-c: C 0 %" in shown


# --- several experiments in one world -------------------------------------------------------------------------


def as_other(row: Line) -> Line:
    """The line of a second experiment, on a flag of its own."""
    return row | {
        "exposure_id": f"other-{row['exposure_id']}", "feature_flag.key": "other-flag", "log_id": None,
        "meta.experiment_id": "exp-other",
    }  # fmt: skip


@pytest.fixture(scope="module")
def two_and_a_broken_one(new_world: NewWorld) -> Ran:
    """Two experiments on two flags of one file, and a plan of somebody else that is broken."""
    world = new_world(sources=log_sources())
    plan = world.plan_file.read_text(encoding="utf-8")
    other = (
        plan.replace(SLUG, "other")
        .replace("exp-2026-11-judge", "exp-other")
        .replace('"judge-model"', '"other-flag"')
    )
    (world.folder / "experiments" / "other.toml").write_text(other, encoding="utf-8")
    (world.folder / "experiments" / "broken.toml").write_text("slug = ", encoding="utf-8")
    for path in (*(world.folder / "flags").glob("*.json"), world.flag_file):
        document = json.loads(path.read_text(encoding="utf-8"))
        document["flags"]["other-flag"] = document["flags"]["judge-model"]
        path.write_text(json.dumps(document), encoding="utf-8")
    world.edit_lines(
        "exposures.jsonl.gz",
        lambda lines: [*lines, *(json.dumps(as_other(json.loads(line))).encode() for line in lines)],
    )
    result = world.run(FRIDAY)
    assert result.exit_code == 1, result.output
    return Ran(world, result.output, {slug: world.verdict(FRIDAY, slug) for slug in (SLUG, "other")})


def test_each_experiment_has_its_own_verdict_and_a_broken_plan_stops_neither(
    two_and_a_broken_one: Ran,
) -> None:
    assert "broken.toml" in two_and_a_broken_one.output
    assert {row["experiment"] for row in two_and_a_broken_one.world.history()} == {SLUG, "other"}
    for slug, verdict in two_and_a_broken_one.verdicts.items():
        assert finding(verdict, "failure_rate")["effect"] is not None, slug
    failures = [finding(verdict, "failure_rate")["n"] for verdict in two_and_a_broken_one.verdicts.values()]
    assert failures[0] == failures[1]
    outbox = two_and_a_broken_one.world.home / "outbox"
    assert {path.name for path in outbox.glob("*.txt")} == {f"{SLUG}-{FRIDAY}.txt", f"other-{FRIDAY}.txt"}
