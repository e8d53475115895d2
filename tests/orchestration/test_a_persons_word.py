"""What a person says between two verdicts: approve, acknowledge, roll back, set the flag."""

import json
import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.adapters.journal import Journal
from pacer_pipelines.cli import main
from pacer_pipelines.decisions.marts import ExposureDay, MartRows
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import FlagRefused, NotApprovable, SourceUnreadable
from pacer_pipelines.orchestration.approval import acknowledge, approve
from pacer_pipelines.orchestration.effects import move_flag
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.rollback import roll_back
from pacer_pipelines.orchestration.verdict_day import acknowledged, frozen_hash, past

ROOT = Path(__file__).parents[2]
SLUG = "judge-model-v2"
PLAN = (ROOT / "experiments" / f"{SLUG}.toml").read_text(encoding="utf-8")
WIN = Verdict(
    experiment=SLUG, date=date(2026, 11, 15), verdict="promote", rule="win", reasons=("a win",), flip=(),
    share_before=30.0, share_after=50.0, day=14, phase="2", days_left=5, findings=(), checks=(), missing_facts=(),
    as_of=datetime(2026, 11, 15, 15), plan_hash="p", code_version="c", inputs_hash="i",
)  # fmt: skip
NEXT_DAY = replace(
    WIN, date=date(2026, 11, 16), verdict="hold", rule="waiting", share_after=30.0, day=15,
    as_of=datetime(2026, 11, 16, 15),
)  # fmt: skip
MORNING = datetime(2026, 11, 16, 0)
SERVED = MartRows((), (), (), (ExposureDay("1", date(2026, 11, 2), "treatment", 1, 0),), ())


@pytest.fixture
def world(tmp_path: Path) -> WorldResource:
    """B has 30 % (version 2), and each step up waits for a person."""
    shutil.copy(ROOT / "examples" / "pacer_fortnight" / "flags" / "v2.json", tmp_path / "flag.json")
    (tmp_path / "experiments").mkdir()
    asks = PLAN.replace("step_min_days = 7", 'step_min_days = 7\napproval = "required"')
    (tmp_path / "experiments" / f"{SLUG}.toml").write_text(asks, encoding="utf-8")
    config = tmp_path / "pacer.toml"
    config.write_text(
        'home = "home"\nexperiments = "experiments"\nflag_file = "flag.json"\nsynthetic = true\n',
        encoding="utf-8",
    )
    return WorldResource(config_file=str(config))


def judged(world: WorldResource, verdict: Verdict = WIN) -> Verdict:
    world.verdicts.record(verdict, {})
    return verdict


def share(world: WorldResource) -> float:
    assert world.world.settings.flag_file is not None
    return read_flag(world.world.settings.flag_file, "judge-model", "B").share


def say_yes(world: WorldResource, verdict: Verdict, at: datetime = MORNING) -> str:
    return approve(world, verdict.verdict_id, at, "lead@pacer.example", "looked at the page")


def pacer(world: WorldResource, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", world.config_file])


def test_a_promotion_waits_until_somebody_approves_it(world: WorldResource) -> None:
    win = judged(world)
    assert move_flag(world, world.world.plan(SLUG), win) == (
        f"B waits at 30 % for a person: pacer approve {win.verdict_id}"
    )
    assert share(world) == 30
    assert say_yes(world, win) == "B now has 50 % (flag version 3)"
    assert share(world) == 50


def test_approving_twice_moves_the_flag_and_writes_the_journal_once(world: WorldResource) -> None:
    win = judged(world)
    say_yes(world, win)
    assert say_yes(world, win, MORNING.replace(hour=5)) == "the flag already gives B 50 % (version 3)"
    assert len(Journal(world.home).entries(SLUG)) == 1


def test_an_approval_is_bound_to_verdict_and_flag_version(world: WorldResource) -> None:
    win = judged(world)
    say_yes(world, win)
    (entry,) = Journal(world.home).entries(SLUG, "approval")
    assert dict(entry.details) == {"verdict_id": win.verdict_id, "flag_version": "2"}
    assert (entry.who, entry.why) == ("lead@pacer.example", "looked at the page")
    log = [json.loads(line) for line in (world.home / "flags" / "log.jsonl").read_text().splitlines()]
    assert [(line["who"], line["verdict_id"]) for line in log] == [("lead@pacer.example", win.verdict_id)]


def test_the_next_mornings_wait_does_not_make_an_approval_stale(world: WorldResource) -> None:
    win = judged(world)
    judged(world, NEXT_DAY)
    assert say_yes(world, win) == "B now has 50 % (flag version 3)"


@pytest.mark.parametrize("rule", ["alarm", "closed", "health", "deadline", "conflict"])
def test_a_later_verdict_against_it_refuses_the_approval(world: WorldResource, rule: str) -> None:
    win = judged(world)
    judged(world, replace(NEXT_DAY, rule=rule))
    with pytest.raises(NotApprovable, match=f"2026-11-16 says hold \\({rule}\\)"):
        say_yes(world, win)
    assert share(world) == 30


def test_an_approval_that_comes_too_late_is_refused(world: WorldResource) -> None:
    win = judged(world)
    # as of 15 November 15:00 UTC; three days unless the plan says otherwise
    assert say_yes(world, win, datetime(2026, 11, 18, 15)).startswith("B now has 50 %")
    with pytest.raises(NotApprovable, match="could be approved until 2026-11-18 15:00:00 UTC"):
        say_yes(world, win, datetime(2026, 11, 18, 15, 0, 1))


def test_an_approval_of_a_day_that_was_judged_again_is_refused(world: WorldResource) -> None:
    win = judged(world)
    judged(world, replace(WIN, verdict="hold", rule="health", reasons=("late data",)))
    with pytest.raises(NotApprovable, match="the day was judged again: hold"):
        say_yes(world, win)


def test_an_approval_on_a_flag_that_has_moved_is_refused(world: WorldResource) -> None:
    win = judged(world)
    assert pacer(world, "flag", "set", SLUG, "20", "--why", "trying something").exit_code == 0
    with pytest.raises(NotApprovable, match="it is about flag version 2, and version 3 is live"):
        say_yes(world, win)
    assert share(world) == 20


def test_an_approval_after_a_rollback_is_refused(world: WorldResource) -> None:
    win = judged(world)
    roll_back(world, world.world.plan(SLUG), MORNING, "lead@pacer.example", "parents complain", {})
    with pytest.raises(NotApprovable, match="rolled back at 2026-11-16 00:00:00 UTC by lead"):
        say_yes(world, win)
    assert share(world) == 0


def test_only_promotions_are_approved_and_only_where_the_plan_asks(world: WorldResource) -> None:
    hold = judged(world, replace(WIN, verdict="hold", rule="waiting"))
    with pytest.raises(NotApprovable, match="it says hold"):
        say_yes(world, hold)
    Path(world.config_file).with_name("experiments").joinpath(f"{SLUG}.toml").write_text(
        PLAN, encoding="utf-8"
    )
    again = WorldResource(config_file=world.config_file)
    win = judged(again)
    with pytest.raises(NotApprovable, match="asks nobody"):
        say_yes(again, win)


def test_a_rollback_never_waits_for_anybody(world: WorldResource) -> None:
    harm = judged(world, replace(WIN, verdict="rollback", rule="alarm", share_after=0.0))
    assert move_flag(world, world.world.plan(SLUG), harm) == "B now has 0 % (flag version 3)"


def test_an_unapproved_promotion_is_no_win_for_later_days(world: WorldResource) -> None:
    plan, win = world.world.plan(SLUG), judged(world)
    assert [told.rule for told in past(world, plan, date(2026, 11, 16))] == ["unapproved"]
    say_yes(world, win)
    assert [told.rule for told in past(world, plan, date(2026, 11, 16))] == ["win"]


def test_a_hand_rollback_closes_for_its_own_day_and_later_ones(world: WorldResource) -> None:
    plan = world.world.plan(SLUG)
    roll_back(world, plan, datetime(2026, 11, 9, 16), "lead@pacer.example", "parents complain", {})
    # 16:00 UTC is 01:00 of the next day in Seoul
    assert past(world, plan, date(2026, 11, 9)) == ()
    (told,) = past(world, plan, date(2026, 11, 10))
    assert (told.date, told.verdict, told.rule) == (date(2026, 11, 10), "rollback", "lead@pacer.example")


def test_a_rollback_stays_though_the_day_was_judged_otherwise_later(world: WorldResource) -> None:
    judged(world, replace(WIN, verdict="rollback", rule="alarm", share_after=0.0))
    judged(world, replace(WIN, verdict="hold", rule="waiting"))
    (told,) = world.verdicts.past(SLUG, date(2026, 11, 16))
    assert told.verdict == "rollback"


def test_a_win_after_a_rollback_raises_nothing(world: WorldResource) -> None:
    Path(world.config_file).with_name("experiments").joinpath(f"{SLUG}.toml").write_text(
        PLAN, encoding="utf-8"
    )
    again = WorldResource(config_file=world.config_file)
    plan, win = again.world.plan(SLUG), judged(again)
    roll_back(again, plan, MORNING, "lead@pacer.example", "parents complain", {})
    with pytest.raises(FlagRefused, match="it is closed"):
        move_flag(again, plan, win)
    assert share(again) == 0


def test_the_commands_say_what_they_did_and_refuse_in_one_line(world: WorldResource) -> None:
    win = judged(world)
    late = pacer(world, "approve", win.verdict_id[:6], "--why", "looked at it")
    assert (late.exit_code, late.output.count("\n")) == (2, 1)
    assert "could be approved until" in late.output
    unknown = pacer(world, "approve", "ffff", "--why", "looked at it")
    assert unknown.exit_code == 2
    assert "no such verdict" in unknown.output
    cut = pacer(world, "rollback", SLUG, "--why", "parents complain", "--who", "lead@pacer.example")
    assert cut.exit_code == 0, cut.output
    assert "B now has 0 % (flag version 3); closed by entry" in cut.output
    again = pacer(world, "flag", "set", SLUG, "10", "--why", "try again")
    assert again.exit_code == 2
    assert "a new plan reopens it" in again.output
    shown = json.loads(pacer(world, "flag", "show", "--json").output)
    assert [(row["experiment"], row["share"], row["version"]) for row in shown] == [(SLUG, 0.0, "3")]


def test_a_flag_that_somebody_else_moved_is_not_set(world: WorldResource) -> None:
    refused = pacer(world, "flag", "set", SLUG, "10", "--why", "less", "--expect", "1")
    assert refused.exit_code == 2
    assert "got version 2, allowed: 1" in refused.output
    assert share(world) == 30


def test_a_rollback_whose_flag_is_broken_closes_all_the_same(world: WorldResource) -> None:
    assert world.world.settings.flag_file is not None
    world.world.settings.flag_file.write_text("{", encoding="utf-8")
    broken = pacer(world, "rollback", SLUG, "--why", "parents complain")
    assert broken.exit_code == 1
    assert "the experiment is closed, but the flag was not moved" in broken.output
    assert len(Journal(world.home).entries(SLUG, "rollback")) == 1


def test_the_history_tells_verdicts_flag_changes_and_people_in_one_order(world: WorldResource) -> None:
    win = judged(world)
    say_yes(world, win)
    judged(world, NEXT_DAY)
    roll_back(
        world, world.world.plan(SLUG), datetime(2026, 11, 17, 3), "lead@pacer.example", "parents complain", {}
    )
    rows = json.loads(pacer(world, "history", "--json").output)
    told = [(row["kind"], row.get("verdict") or row.get("what") or row["to"]) for row in rows]
    kinds = [kind for kind, _ in told if kind != "flag" or _ in ("3", "4")]
    assert kinds == ["verdict", "flag", "journal", "verdict", "journal", "flag"]
    assert ("journal", "approval") in told
    verdicts = [row for row in rows if row["kind"] == "verdict"]
    assert (verdicts[0]["flag_version_before"], verdicts[0]["flag_version_after"]) == ("2", "3")
    assert (verdicts[1]["flag_version_before"], verdicts[1]["flag_version_after"]) == ("2", "2")
    text = pacer(world, "history").output
    assert "version 3 -> 4, lead@pacer.example: rollback" in text
    only = json.loads(pacer(world, "history", "--verdicts", "--json").output)
    assert [row["kind"] for row in only] == ["verdict", "verdict"]


def test_an_edited_plan_is_acknowledged_once(world: WorldResource) -> None:
    plan = world.world.plan(SLUG)
    frozen_hash(world.home, plan, SERVED)
    assert acknowledge(world, plan, MORNING, "owner@pacer.example", "a typing error") is None
    edited = plan.model_copy(update={"owner": "somebody@pacer.example"})
    entry = acknowledge(world, edited, MORNING, "owner@pacer.example", "a typing error")
    assert entry is not None
    assert acknowledge(world, edited, MORNING, "owner@pacer.example", "again") is None
    assert acknowledged(world, edited, date(2026, 11, 15)) == {}
    assert acknowledged(world, edited, date(2026, 11, 16)) == {
        edited.plan_hash: "owner@pacer.example: a typing error"
    }
    nothing = pacer(world, "plan", "acknowledge", SLUG, "--why", "a typing error")
    assert nothing.exit_code == 2
    assert "nothing to acknowledge" in nothing.output


def test_a_damaged_entry_is_named(world: WorldResource) -> None:
    roll_back(world, world.world.plan(SLUG), MORNING, "lead@pacer.example", "parents complain", {})
    (path,) = (world.home / "journal" / SLUG).glob("*.json")
    path.write_text(path.read_text().replace("parents", "nobody"), encoding="utf-8")
    with pytest.raises(SourceUnreadable, match=path.name):
        Journal(world.home).entries(SLUG)
