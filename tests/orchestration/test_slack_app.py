"""A click on a button: recorded once or refused with a reason, followed by the watch, shown in the message."""

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from orchestration.live_world import SLUG, LiveWorld, make_live_world
from orchestration.slack_side import SECRET, Workspace, post, served, socket_mode, workspace

from pacer_pipelines.adapters.slack_app import http_app, socket_handler
from pacer_pipelines.cli import main
from pacer_pipelines.cli.slack_app import _app
from pacer_pipelines.config import load_world
from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.errors import ConfigInvalid
from pacer_pipelines.orchestration import updates
from pacer_pipelines.orchestration.effects import follow_flags
from pacer_pipelines.orchestration.exclusive import HANDS, alone
from pacer_pipelines.orchestration.messages import report_of, tell_slack
from pacer_pipelines.orchestration.reminders import remind_all
from pacer_pipelines.orchestration.resources import WorldResource

INA, BO, READER, MALLORY = "U0INA000", "U0BO0000", "U0READER", "U0MALLORY"
PEOPLE = f"""
[[people]]
slack = "{INA}"
name = "ina"
may = ["approve", "hold", "roll_back", "acknowledge"]

[[people]]
slack = "{BO}"
name = "bo"
may = ["approve", "hold", "roll_back", "acknowledge"]

[[people]]
slack = "{READER}"
name = "reader"
may = ["acknowledge"]
"""
DAY = date(2026, 11, 7)
ACCEPTED = ("Approved: ", "Held: ", "Rolled back: ", "Acknowledged: ", "승인됨: ", "롤백됨: ", "확인됨: ")
WIN = Verdict(
    experiment=SLUG, date=DAY, verdict="promote", rule="win", reasons=("a win",), flip=(), share_before=30.0,
    share_after=50.0, day=6, phase="2", days_left=5, findings=(), checks=(), missing_facts=(),
    as_of=datetime(2026, 11, 7, 15), plan_hash="p", code_version="c", inputs_hash="i",
)  # fmt: skip
ROLLBACK = replace(WIN, verdict="rollback", rule="alarm", reasons=("GOOD fell",), share_after=0.0)


@dataclass
class Team:
    """A world with people, its channel, and where Slack sends their clicks."""

    live: LiveWorld
    slack: Workspace
    address: str = ""
    clicks: int = 0
    followed: queue.Queue[None] = field(default_factory=queue.Queue)

    def judged(self, verdict: Verdict = WIN) -> str:
        """Record a verdict and post its message; gives its id."""
        self.live.resource.verdicts.record(verdict, {})
        tell_slack(self.live.resource, verdict.date)
        return verdict.verdict_id

    def click(self, user: str, action: str, value: str, **changes: Any) -> str:
        """Press a button; gives what the person is told."""
        self.clicks += 1
        payload = self.slack.payload(user, action, value, **{"clicked": f"{self.clicks}.0", **changes})
        assert post(self.address, payload) == 200
        said = self.slack.answer_to_click()
        if said.startswith(ACCEPTED):
            self.followed.get(timeout=20)
        return said

    def outcomes(self) -> list[tuple[str, str]]:
        """Who pressed, and what came of it, as the journal keeps it."""
        return [(row["who"], row["details"]["outcome"]) for row in self.live.journal("click")]

    def log(self) -> list[str]:
        """What was changed on a verdict's or a person's word."""
        lines = (self.live.home / "flags" / "log.jsonl").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "first seen" not in line]

    def pacer(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(self.live.folder / "pacer.toml")])


@pytest.fixture
def team(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """B has 30 %, promotions wait for a person, the watch has just looked; clicks come over HTTP."""
    live = make_live_world(tmp_path)
    with (tmp_path / "pacer.toml").open("a", encoding="utf-8") as file:
        file.write(PEOPLE)
    plan = tmp_path / "experiments" / f"{SLUG}.toml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(
        text.replace("step_min_days = 7", 'step_min_days = 7\napproval = "required"'), encoding="utf-8"
    )
    monkeypatch.setattr(WorldResource, "now", lambda _: live.now)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-test")
    with workspace() as slack:
        monkeypatch.setenv("SLACK_BASE_URL", slack.url)
        live.tick()
        team, really = Team(live, slack), updates.show_now

        def shown(*of: Any) -> list[str]:
            try:
                return really(*of)
            finally:
                team.followed.put(None)

        with monkeypatch.context() as patch:
            patch.setattr(updates, "show_now", shown)
            app = http_app(_app(load_world(tmp_path / "pacer.toml"), SECRET))
        with served(app) as team.address:
            yield team


def texts(done: Any) -> list[str]:
    return [outcome.text for outcome in done.outcomes]


# --- from the click to the flag ---------------------------------------------------------------------------------


def test_an_approval_is_recorded_followed_by_the_watch_once_and_shown_in_the_message(team: Team) -> None:
    win = team.judged()
    said = team.click(INA, "approve", win)
    assert said.startswith(f"Approved: {SLUG}, verdict of 2026-11-07, B 30 % → 50 %. The watch looked at")
    # the app only writes the record, and the message says so
    assert (team.live.share, len(team.live.journal("approval"))) == (30, 1)
    assert texts(team.live.tick()) == [
        "approved by ina: B now has 50 % (flag version 3)", f"updated: C0PACER/{team.slack.roots()[0]['ts']}"
    ]  # fmt: skip
    assert team.live.share == 50
    assert (len(team.log()), '"who": "ina"' in team.log()[0], win in team.log()[0]) == (1, True, True)
    assert texts(team.live.tick()) == []
    assert len(team.slack.roots()) == 1
    shown = report_of(team.live.resource, team.live.resource.world.plan(SLUG), WIN)
    assert shown.words == (
        "Approved by ina at 2026-11-08 00:01 UTC: B has 50 % since 2026-11-08 00:02 UTC (flag version 3)",
    )
    assert shown.actions == ("roll_back",)
    assert shown.share_line == "B: 30 % -> 50 %", "nobody is asked for what was given"


def test_the_daily_run_follows_an_approval_as_the_watch_does(team: Team) -> None:
    win = team.judged()
    team.click(INA, "approve", win)
    assert follow_flags(team.live.resource, DAY)[SLUG] == "B now has 50 % (flag version 3)"
    assert "approved by" not in " ".join(texts(team.live.tick()))
    assert len(team.log()) == 1


def test_a_rollback_closes_at_once_and_the_next_look_cuts_b_in_the_persons_name(team: Team) -> None:
    win = team.judged()
    assert "goes to 0 %. The watch looked at" in team.click(BO, "roll_back", win)
    assert team.live.share == 30
    first = team.live.tick().outcomes[0]
    assert (first.kind, first.text) == ("rolled_back", "rolled back by bo; B now has 0 % (flag version 3)")
    assert team.live.share == 0
    assert '"who": "bo"' in team.log()[-1]
    plan = team.live.resource.world.plan(SLUG)
    assert report_of(team.live.resource, plan, WIN).words == (
        "Rolled back by bo at 2026-11-08 00:01 UTC: B has 0 %",
    )
    assert team.click(INA, "roll_back", win, ts=team.slack.roots()[-1]["ts"]) == (
        "Already rolled back by bo at 2026-11-08 00:01 UTC. B has 0 %."
    )


def test_a_held_promotion_can_be_approved_by_nobody(team: Team) -> None:
    win = team.judged()
    assert team.click(BO, "hold", win).startswith("Held: ")
    assert "it was held at 2026-11-08 00:01:00 UTC by bo" in team.click(INA, "approve", win)
    typed = team.pacer("approve", win, "--why", "looked at it")
    assert typed.exit_code == 2
    assert "it was held at 2026-11-08 00:01:00 UTC by bo" in typed.output
    assert follow_flags(team.live.resource, DAY)[SLUG] == "B stays at 30 %: bo held this promotion"
    assert team.click(INA, "hold", win) == "Already held by bo at 2026-11-08 00:01 UTC."
    team.live.tick()
    assert team.live.share == 30
    assert sorted(team.outcomes()) == [("bo", "accepted"), ("ina", "doubled"), ("ina", "held")]


def test_a_click_that_nobody_follows_says_so_loudly(team: Team) -> None:
    win = team.judged()
    team.live.now += timedelta(minutes=11)
    nobody = "⚠ NOBODY FOLLOWS: the watch last looked at 2026-11-08 00:01 UTC, so the flag stays as it is."
    assert f"{nobody} On the machine: pacer approve {win} --why …" in team.click(INA, "approve", win)
    assert f"{nobody} On the machine: pacer rollback {SLUG} --why …" in team.click(INA, "roll_back", win)


# --- refused ----------------------------------------------------------------------------------------------------


def test_strangers_and_people_without_the_role_are_refused_and_their_names_shown_nowhere(team: Team) -> None:
    win = team.judged()
    assert "you are not among the people" in team.click(MALLORY, "roll_back", win)
    assert team.click(READER, "approve", win) == "Not done: pacer.toml does not let reader approve."
    assert sorted(team.outcomes()) == [("reader", "not_allowed"), ("stranger", "stranger")]
    assert team.live.journal("approval") + team.live.journal("rollback") == []
    kept = [path.read_text() for path in team.live.home.rglob("*.json") if "journal" in path.parts]
    assert not any("allory" in text and "U0MALLORY" not in text for text in kept)
    assert not any("mallory" in text for text in kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": "1700000000.000001"},
        {"channel": "C0OTHER"},
        {"value": "0123456789abcdef"},
        {"value": "../../etc"},
        {"value": ""},
        {"team": {"id": "T0OTHER"}},
        {"bot": "B0OTHER"},
    ],
)
def test_a_forged_click_is_refused_and_kept(team: Team, changes: dict[str, Any]) -> None:
    win = team.judged()
    said = team.click(INA, "approve", **{"value": win, **changes})
    assert said.startswith("Not done: ")
    (entry,) = (*team.live.journal("click"), *_nowhere(team))
    assert entry["details"]["outcome"] == "forged"
    assert team.live.journal("approval") == []


def _nowhere(team: Team) -> list[dict[str, Any]]:
    """Clicks on what belongs to no experiment."""
    return [json.loads(p.read_text()) for p in (team.live.home / "journal" / "_unknown").glob("*.json")]


@pytest.mark.parametrize(("secret", "age"), [("another secret", 0), (SECRET, 600)])
def test_a_request_without_slacks_fresh_signature_reaches_nobody(team: Team, secret: str, age: int) -> None:
    win = team.judged()
    assert post(team.address, team.slack.payload(INA, "approve", win), secret=secret, age=age) == 401
    assert team.outcomes() == []


def test_an_expired_click_is_refused(team: Team) -> None:
    win = team.judged()
    team.live.now = datetime(2026, 11, 10, 15, 0, 1)
    assert "it could be approved until 2026-11-10 15:00:00 UTC" in team.click(INA, "approve", win)
    assert team.outcomes() == [("ina", "expired")]


def test_buttons_that_time_has_closed_leave_the_message(team: Team) -> None:
    team.judged()
    assert texts(team.live.tick()) == []
    team.live.now = datetime(2026, 11, 10, 15)
    (updated,) = texts(team.live.tick())
    assert updated.startswith("updated: C0PACER/")
    assert report_of(team.live.resource, team.live.resource.world.plan(SLUG), WIN).actions == ("roll_back",)
    assert texts(team.live.tick()) == []


def test_a_click_on_what_was_overtaken_is_refused(team: Team) -> None:
    win = team.judged()
    team.judged(replace(WIN, verdict="hold", rule="health", reasons=("late data",)))
    assert "the day was judged again: hold" in team.click(INA, "approve", win)
    assert team.outcomes() == [("ina", "stale")]


def test_a_click_after_the_flag_moved_is_refused(team: Team) -> None:
    win = team.judged()
    assert team.pacer("flag", "set", SLUG, "20", "--why", "less").exit_code == 0
    assert "it is about flag version 2, and version 3 is live" in team.click(INA, "approve", win)
    assert team.outcomes() == [("ina", "stale")]


def test_what_is_broken_on_the_machine_is_not_told_to_the_channel(team: Team) -> None:
    win = team.judged()
    team.live.flag_file.write_text("{", encoding="utf-8")
    said = team.click(INA, "approve", win)
    assert said.startswith("Not done: something on the machine is broken (FlagRefused)")
    assert str(team.live.folder) not in said
    # a rollback is taken all the same; the watch says that the flag does not follow
    assert team.click(INA, "roll_back", win).startswith("Rolled back: ")
    assert team.live.tick().outcomes[0].kind == "refused"
    (entry,) = team.live.journal("rollback")
    assert (entry["who"], entry["details"]) == ("ina", {"by": "slack", "verdict_id": win})


def test_a_rollback_on_a_damaged_journal_is_answered_with_the_command(team: Team) -> None:
    win = team.judged()
    damaged = team.live.home / "journal" / SLUG / "20261107T000000-rollback-0123456789abcdef.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{", encoding="utf-8")
    said = team.click(INA, "roll_back", win)
    assert said.endswith(f"On the machine: pacer rollback {SLUG} --why …")
    assert str(team.live.folder) not in said
    assert team.outcomes() == [("ina", "refused")]


def test_a_second_click_is_inert_and_says_who_was_first(team: Team) -> None:
    win = team.judged()
    team.click(INA, "approve", win)
    assert team.click(BO, "approve", win).startswith(
        "Already approved by ina at 2026-11-08 00:01 UTC. The watch"
    )
    team.live.tick()
    assert team.click(BO, "approve", win) == (
        "Already approved by ina at 2026-11-08 00:01 UTC. The flag has followed."
    )
    assert "it was approved at 2026-11-08 00:01:00 UTC by ina" in team.click(BO, "hold", win)
    assert len(team.live.journal("approval")) == 1


def test_an_approval_that_was_overtaken_before_the_watch_looked_is_left_and_said_once(team: Team) -> None:
    win = team.judged()
    team.click(INA, "approve", win)
    later = replace(
        WIN, date=date(2026, 11, 8), verdict="hold", rule="health", reasons=("a hole in the log",)
    )
    team.live.resource.verdicts.record(later, {})
    refused = team.live.tick().outcomes[0]
    assert (refused.kind, refused.bad) == ("refused", True)
    assert refused.text == (
        "the approval by ina of 2026-11-08 00:01:00 UTC: 2026-11-08 says hold (health): a hole in the log"
    )
    assert texts(team.live.tick()) == []
    assert team.live.share == 30


def test_an_approval_is_not_applied_again_after_a_person_took_it_back(team: Team) -> None:
    win = team.judged()
    before = team.live.flag_file.read_bytes()
    team.click(INA, "approve", win)
    team.live.tick()
    team.live.flag_file.write_bytes(before)
    team.live.tick()
    assert team.live.share == 30


def test_in_a_dry_run_nothing_is_recorded(team: Team) -> None:
    win = team.judged()
    config = team.live.folder / "pacer.toml"
    config.write_text("dry_run = true\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    assert "a dry run" in team.click(INA, "approve", win)
    assert team.outcomes() == [("ina", "dry_run")]


def test_of_two_people_who_press_at_once_one_is_first(team: Team) -> None:
    win = team.judged()
    both = [("approve", INA), ("hold", BO)]
    gate = threading.Barrier(2)

    def press(action: str, user: str) -> None:
        gate.wait()
        post(team.address, team.slack.payload(user, action, win, clicked=user[-1]))

    threads = [threading.Thread(target=press, args=one) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [team.slack.answer_to_click(), team.slack.answer_to_click()]
    assert sum(said.startswith(("Approved:", "Held:")) for said in answers) == 1
    assert len(team.live.journal("approval")) + len(team.live.journal("held")) == 1


def test_an_update_that_slack_refused_is_made_by_the_next_look(team: Team) -> None:
    win = team.judged()
    team.slack.faults = [("chat.update", "ratelimited")]
    team.click(INA, "hold", win)
    assert team.slack.faults == []
    assert team.slack.updated.empty()
    assert texts(team.live.tick())[0].startswith("updated: C0PACER/")
    assert texts(team.live.tick()) == []


def test_a_click_is_acknowledged_before_its_work_is_done(team: Team) -> None:
    win = team.judged()
    with alone(team.live.home, HANDS):
        assert post(team.address, team.slack.payload(INA, "approve", win)) == 200
        assert team.live.journal("approval") == []
    assert team.slack.answer_to_click().startswith("Approved: ")


def test_an_app_killed_between_record_and_answer_has_heard_the_person(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    win = team.judged()
    with monkeypatch.context() as patch:
        patch.setattr("pacer_pipelines.orchestration.clicks._keep", _killed)
        patch.setattr("pacer_pipelines.adapters.slack_app._log.exception", lambda *_: None)
        assert "nobody knows whether it was recorded" in team.click(INA, "approve", win)
    assert len(team.live.journal("approval")) == 1
    assert "approved by ina: B now has 50 % (flag version 3)" in texts(team.live.tick())
    assert len(team.slack.roots()) == 1
    assert team.click(INA, "approve", win).endswith("The flag has followed.")


def _killed(*_: object) -> None:
    raise RuntimeError("killed")


# --- Socket Mode, and the command -------------------------------------------------------------------------------


def test_a_click_through_a_socket_is_acknowledged_and_answered(team: Team) -> None:
    win = team.judged()
    with socket_mode(team.slack) as (sent, acked):
        handler = socket_handler(_app(load_world(team.live.folder / "pacer.toml"), ""), "xapp-test")
        handler.connect()
        try:
            payload = team.slack.payload(INA, "approve", win)
            sent.put(
                {
                    "type": "interactive",
                    "envelope_id": "e1",
                    "payload": payload,
                    "accepts_response_payload": True,
                }
            )
            assert acked.get(timeout=20)["envelope_id"] == "e1"
            assert team.slack.answer_to_click().startswith("Approved: ")
        finally:
            handler.close()
    assert len(team.live.journal("approval")) == 1


def test_the_command_refuses_to_start_without_people_or_secrets(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = team.pacer("slack-app")
    assert (missing.exit_code, "SLACK_APP_TOKEN: got nothing" in missing.output) == (2, True)
    monkeypatch.setenv("SLACK_APP_TOKEN", "xoxb-not-an-app-token")
    assert "got another kind of token" in team.pacer("slack-app").output
    assert "SLACK_SIGNING_SECRET: got nothing" in team.pacer("slack-app", "--http", "3000").output
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-test")
    team.slack.faults = [("auth.test", "invalid_auth")]
    assert "SLACK_BOT_TOKEN: Slack does not take it: invalid_auth" in team.pacer("slack-app").output
    config = team.live.folder / "pacer.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(PEOPLE, ""), encoding="utf-8")
    assert "names no [[people]]" in team.pacer("slack-app").output


@pytest.mark.parametrize(
    "spoilt", [(BO, INA), ('"bo"', '"ina"'), ('"bo"', '"<!channel>"'), ('"hold", ', '"sing", ')]
)
def test_people_who_cannot_be_told_apart_are_refused(team: Team, spoilt: tuple[str, str]) -> None:
    config = team.live.folder / "pacer.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(*spoilt), encoding="utf-8")
    with pytest.raises(ConfigInvalid, match=r"pacer\.toml: people"):
        load_world(config)


def test_without_people_no_message_has_a_button(team: Team) -> None:
    config = team.live.folder / "pacer.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(PEOPLE, ""), encoding="utf-8")
    assert report_of(team.live.resource, team.live.resource.world.plan(SLUG), WIN).actions == ()


# --- reminders --------------------------------------------------------------------------------------------------


def reminders(team: Team, words: str = "nobody has acknowledged") -> list[str]:
    return [message["text"] for message in team.slack.roots() if words in message["text"]]


def test_a_rollback_is_said_again_each_hour_until_a_click_on_the_reminder(team: Team) -> None:
    harm = team.judged(ROLLBACK)
    team.live.tick()
    team.live.tick(3500)
    assert reminders(team) == []
    team.live.tick(100)
    team.live.tick()
    assert len(reminders(team)) == 1
    assert reminders(team)[0].startswith(
        f"<!channel> 🔴 ROLLBACK {SLUG}: nobody has acknowledged it. 2026-11-07: GOOD fell"
    )
    assert {message["channel"] for message in team.slack.roots()} <= {"#pacer-experiments", "C0PACER"}
    # the watch was off for a day: one is sent
    team.live.tick(86_400)
    team.live.tick()
    assert len(reminders(team)) == 2
    assert team.click(READER, "acknowledge", harm) == f"Acknowledged: {SLUG} is not said again."
    assert team.click(INA, "acknowledge", harm).startswith("Already acknowledged by reader at")
    team.live.tick(86_400)
    assert len(reminders(team)) == 2
    shown = report_of(team.live.resource, team.live.resource.world.plan(SLUG), ROLLBACK)
    assert shown.words[-1].startswith("Acknowledged by reader at 2026-11-09")
    assert shown.actions == ()


def test_the_command_acknowledges_as_the_button_does(team: Team) -> None:
    win = team.judged()
    assert team.pacer("acknowledge", SLUG, "--why", "seen").exit_code == 2
    team.click(INA, "roll_back", win)
    team.live.tick()
    (entry,) = team.live.journal("rollback")
    done = team.pacer("acknowledge", SLUG, "--why", "seen", "--who", "lead")
    assert (done.exit_code, f"acknowledged {entry['entry_id']}" in done.output) == (0, True)
    for _ in range(3):
        team.live.tick(7200)
    assert reminders(team) == []
    assert any("Acknowledged by lead" in message["text"] for message in team.slack.roots())


def test_of_a_rollback_that_has_not_arrived_nobody_is_reminded(team: Team) -> None:
    team.slack.faults = [("chat.postMessage", "channel_not_found")]
    team.judged(ROLLBACK)
    for _ in range(3):
        team.live.tick(7200)
    assert reminders(team) == []
    tell_slack(team.live.resource, DAY)
    team.live.tick()
    team.live.tick(7200)
    assert len(reminders(team)) == 1


def test_remind_minutes_says_how_often(team: Team) -> None:
    config = team.live.folder / "pacer.toml"
    config.write_text("remind_minutes = 10\n" + config.read_text(encoding="utf-8"), encoding="utf-8")
    team.judged(ROLLBACK)
    team.live.tick()
    for _ in range(35):
        team.live.tick()
    assert len(reminders(team)) == 3


def test_the_run_reminds_where_no_watch_does(team: Team) -> None:
    harm = team.judged(ROLLBACK)
    assert remind_all(team.live.resource, team.live.now) == {}
    due = team.live.now + timedelta(hours=3)
    assert remind_all(team.live.resource, due) == {
        f"reminder of {SLUG}": f"reminder 1: nobody has acknowledged {harm}"
    }
    assert remind_all(team.live.resource, due) == {}


def test_a_reminder_that_did_not_arrive_is_sent_once_later(team: Team) -> None:
    team.judged(ROLLBACK)
    team.live.tick()
    team.slack.faults = [("chat.postMessage", "drop_after"), ("conversations.history", 500)]
    assert any(text.startswith("not delivered") for text in texts(team.live.tick(3700)))
    team.live.tick()
    assert len(reminders(team)) == 1


def test_a_lost_memory_of_reminders_repeats_none_and_goes_on(team: Team) -> None:
    harm = team.judged(ROLLBACK)
    team.live.tick()
    team.live.tick(3700)
    (team.live.home / "state" / "reminders" / f"{harm}.json").unlink()
    team.live.tick()
    assert len(reminders(team)) == 1
    team.live.tick(3700)
    assert len(reminders(team)) == 2


# --- in Korean --------------------------------------------------------------------------------------------------


def test_a_team_that_reads_korean_is_told_all_of_it_in_korean(team: Team) -> None:
    plan = team.live.folder / "experiments" / f"{SLUG}.toml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("slack_channel", 'locale = "ko"\nslack_channel', 1), encoding="utf-8")
    win = team.judged(replace(WIN, reasons=(say("rule.missing", fact="no log"),)))
    (root,) = team.slack.roots()
    assert root["text"].startswith(f"🟢 승격(PROMOTE) {SLUG}, 2026-11-07")
    assert "누락: no log" in root["text"]
    assert team.click(MALLORY, "approve", win) == "처리하지 않음: pacer.toml에 등록된 사람이 아닙니다."
    assert team.click(READER, "approve", win).endswith("허용되지 않은 동작임: 승인.")
    said = team.click(INA, "approve", win)
    assert said.startswith(f"승인됨: {SLUG}, 2026-11-07 판정, B 30 % → 50 %. 감시의 마지막 확인")
    team.live.tick()
    assert team.click(BO, "approve", win) == "이미 승인됨(ina, 2026-11-08 00:01 UTC). 플래그가 따라갔음."
    assert team.click(INA, "roll_back", win).startswith(f"롤백됨: {SLUG} 종료, B 0 %로 내림.")
    team.live.tick()
    alert = team.slack.roots()[0]
    assert alert["text"].startswith(f"<!channel> 🔴 롤백(ROLLBACK) {SLUG}, 아침을 기다리지 않음.")
    assert "플래그가 B에 0 %를 줌; 실험은 종료됨." in alert["text"]
    team.live.tick()
    team.live.tick(3600)
    team.live.tick()
    assert reminders(team, "아무도 확인하지 않음")[0].startswith(
        f"<!channel> 🔴 롤백(ROLLBACK) {SLUG}: 아무도"
    )
    # the record is kept in one language
    stranger = next(row["why"] for row in team.live.journal("click") if row["who"] == "stranger")
    assert stranger == "Not done: you are not among the people that pacer.toml names."
